#!/usr/bin/env python3
"""Drives `accllm train`: the same bytes for any number of threads and after kill -9; clear errors.

usage: train_test.py --binary ACCLLM --tokenizer TOKENIZER.model
"""

import json
import signal
import subprocess
import tempfile
import time
import unittest

import small_model

RECIPE = small_model.RECIPE.format(architecture="Qwen2ForCausalLM", hidden=24, intermediate=40, heads=3,
                                   kv_heads=1, tied="false", steps=240, sequence_tokens=16)


class Train(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.program = small_model.Program(self.folder.name, RECIPE)
        self.path = self.program.path

    def tearDown(self):
        self.folder.cleanup()

    def write_recipe(self, change=("", "")):
        self.assertIn(change[0], RECIPE)
        self.program.write_recipe(RECIPE.replace(*change) if change[0] else RECIPE)

    def run_train(self, *arguments):
        return self.program.run("train", "recipe.toml", "-o", *arguments)

    def weights(self, name):
        return (self.path / name / "model.safetensors").read_bytes()

    def expect_error(self, part, *arguments):
        result = self.run_train(*arguments)
        self.assertNotEqual(result.returncode, 0)
        self.assertIn(part, result.stderr)
        self.assertEqual(result.stderr.count("error:"), 1, result.stderr)

    def test_same_bytes_for_any_number_of_threads_and_after_a_kill(self):
        whole = self.run_train("whole", "--threads", "2", "--json")
        self.assertEqual(whole.returncode, 0, whole.stderr)
        self.assertLess(json.loads(whole.stdout)["loss"], 5.0)  # ln 4096 is 8.3
        process = subprocess.Popen(
            [self.program.binary, "train", "recipe.toml", "-o", "killed", "--threads", "1"],
            cwd=self.path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env=small_model.ENVIRONMENT)
        state = self.path / "killed.partial"
        deadline = time.monotonic() + small_model.TIMEOUT
        while not state.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.assertTrue(state.exists())
        self.assertFalse((self.path / "killed" / "model.safetensors").exists())
        self.expect_error("--resume", "killed")
        self.write_recipe(("seed = 3", "seed = 4"))
        self.expect_error("another recipe", "killed", "--resume")
        self.write_recipe()
        resumed = self.run_train("killed", "--resume", "--threads", "1")
        self.assertEqual(resumed.returncode, 0, resumed.stderr)
        self.assertEqual(self.weights("killed"), self.weights("whole"))
        self.assertEqual(list(self.path.glob("*.partial*")), [])
        self.expect_error("--force", "whole")

    def test_the_result_is_a_checkpoint(self):
        self.assertEqual(self.run_train("model").returncode, 0)
        result = self.program.json("eval", "model", "--text", "text.txt", "--lines")
        self.assertLess(result["perplexity"], 200)
        self.assertEqual((self.path / "model/recipe.toml").read_text(),
                         (self.path / "recipe.toml").read_text())

    def test_errors_name_file_and_field(self):
        for part, change in {
            "field 'training.stepz'": ("steps =", "stepz ="),
            "recipe.toml:": ("[text]", "[text"),
            "'text.file'": ('file = "text.txt"', ""),
            "training.learning_rate": ("learning_rate = 1e-2", "learning_rate = -1.0"),
            "XXH3": ("lines = true", 'lines = true\nxxh3 = "0123456789abcdef"'),
            "vocab_size": ("vocab_size = 4096", "vocab_size = 50"),
            "missing.txt": ('"text.txt"', '"missing.txt"'),
            "architectures": ("Qwen2ForCausalLM", "NoSuchModel"),
        }.items():
            with self.subTest(part):
                self.write_recipe(change)
                self.expect_error(part, "model")
                self.assertFalse((self.path / "model").exists())


if __name__ == "__main__":
    small_model.main()
