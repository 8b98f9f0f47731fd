#!/usr/bin/env python3
"""Drives `--draft-model`: the text stays the same, guesses are made where there was no match; errors.

usage: draft_test.py --binary ACCLLM --tokenizer TOKENIZER.model
"""

import json
import tempfile
import unittest

import small_model

COMPRESS = ["--recipe", "joint", "--calibration", "text.txt", "--lines", "--samples", "16",
            "--sample-tokens", "32", "--window", "28"]
GENERATE = ["generate", "large.acc", "-p", "Line 7", "-n", "150"]


class DraftModel(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.program = small_model.Program(cls.folder.name, "")
        cls.json = cls.program.json
        for name, hidden, steps in (("large", 64, 40), ("small", 32, 40)):
            cls.make(name, hidden, steps)
        # The same vocabulary but for one letter.
        tokenizer = cls.program.path / "tokenizer.model"
        other = tokenizer.read_bytes().replace("▁kingdom".encode(), "▁kingdxm".encode(), 1)
        assert other != tokenizer.read_bytes()
        tokenizer.write_bytes(other)
        cls.make("other", 32, 1)

    @classmethod
    def make(cls, name, hidden, steps):
        cls.program.write_recipe(small_model.llama_recipe(
            hidden=hidden, intermediate=2 * hidden, steps=steps, sequence_tokens=32))
        cls.json("train", "recipe.toml", "-o", name)
        cls.json("compress", name, "-o", f"{name}.acc", *COMPRESS)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def expect_error(self, code, part, *arguments):
        result = self.program.run(*arguments)
        self.assertEqual(result.returncode, code, result.stderr)
        self.assertIn(part, result.stderr)
        self.assertEqual(result.stdout, "")

    def test_the_text_is_the_same(self):
        for sampling in (["--temp", "0"], ["--temp", "0.9", "--seed", "4"]):
            plain = self.json(*GENERATE, *sampling, "--draft", "0")
            self.assertEqual(len(plain["tokens"]), 150)
            for draft in ("small.acc", "large.acc"):
                for threads in ("1", "2"):
                    drafted = self.json(*GENERATE, *sampling, "--draft-model", draft, "-t", threads)
                    self.assertEqual(drafted["tokens"], plain["tokens"])
                    self.assertLessEqual(drafted["accepted_tokens"], drafted["drafted_tokens"])
                    self.assertGreater(drafted["drafted_tokens"], 0)

    def test_it_guesses_where_nothing_repeats(self):
        few = ["generate", "large.acc", "-p", "Line 7", "-n", "5", "--temp", "0.9", "--seed", "4"]
        self.assertEqual(self.json(*few)["drafted_tokens"], 0)
        self.assertGreater(self.json(*few, "--draft-model", "small.acc")["drafted_tokens"], 0)
        none = self.json(*few, "--draft-model", "small.acc", "--draft", "0")
        self.assertEqual(none["drafted_tokens"], 0)

    def test_a_chat_has_one_too(self):
        def answers(*arguments):
            result = small_model.subprocess.run(
                [self.program.binary, "chat", "large.acc", "--json", "-n", "20", "--temp", "0",
                 *arguments], cwd=self.program.path, input="Line 7\nand the whale\n", text=True,
                capture_output=True, timeout=small_model.TIMEOUT, env=small_model.ENVIRONMENT)
            self.assertEqual(result.returncode, 0, result.stderr)
            return [json.loads(line)["text"] for line in result.stdout.splitlines()]
        plain = answers("--draft", "0")
        self.assertEqual(len(plain), 2)
        self.assertEqual(answers("--draft-model", "small.acc"), plain)

    def test_errors_say_what_is_wrong(self):
        self.expect_error(4, "small is a checkpoint", *GENERATE, "--draft-model", "small")
        self.expect_error(4, "large is a checkpoint", "generate", "large", "-p", "Line",
                          "--draft-model", "small.acc")
        self.expect_error(3, "nowhere.acc", *GENERATE, "--draft-model", "nowhere.acc")
        self.expect_error(2, '"▁kingdxm", of large.acc it is "▁kingdom"', *GENERATE, "--draft-model",
                          "other.acc")
        self.json("synth", "--shape", "qwen2.5-0.5b", "-o", "synth.acc")
        self.expect_error(2, "it has 151936 tokens, large.acc has 4096", *GENERATE,
                          "--draft-model", "synth.acc")
        self.expect_error(4, "checkpoint", "chat", "large", "--draft-model", "small.acc")


if __name__ == "__main__":
    small_model.main()
