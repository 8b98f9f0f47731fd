#!/usr/bin/env python3
"""Runs accllm with configuration files and variables, as a user has them: a home folder of its own.

usage: settings_test.py --binary ACCLLM [TEST...]
"""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

MODEL = pathlib.Path(__file__).resolve().parents[2] / "models" / "books-6m"


class Settings(unittest.TestCase):
    def setUp(self):
        self.home = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.config = self.home / ".config" / "accllm" / "config.toml"
        self.config.parent.mkdir(parents=True)

    def run_verb(self, *arguments, **variables):
        environment = {"HOME": str(self.home), "PATH": os.environ["PATH"], **variables}
        return subprocess.run([BINARY, *arguments], env=environment, cwd=self.home, text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=60)

    def tokenize(self, *arguments, **variables):
        result = self.run_verb("tokenize", str(MODEL), *arguments, **variables)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout

    def assert_fails(self, code, part, *arguments, **variables):
        result = self.run_verb(*arguments, **variables)
        self.assertEqual(result.returncode, code, result.stderr)
        self.assertIn(part, result.stderr)
        self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
        self.assertEqual(result.stdout, "")

    def test_precedence(self):
        by_hand = {word: self.tokenize("-p", word) for word in ("table", "top", "variable")}
        self.config.write_text('prompt = "top"\n')
        self.assertEqual(self.tokenize(), by_hand["top"])
        self.config.write_text('prompt = "top"\n[tokenize]\nprompt = "table"\n')
        self.assertEqual(self.tokenize(), by_hand["table"])
        self.assertEqual(self.tokenize(ACCLLM_PROMPT="variable"), by_hand["variable"])
        self.assertEqual(self.tokenize("-p", "top", ACCLLM_PROMPT="variable"), by_hand["top"])

    def test_another_file_or_none(self):
        self.config.write_text('prompt = "top"\n')
        other = self.home / "other.toml"
        other.write_text('[tokenize]\nprompt = "other"\n')
        expected = self.tokenize("-p", "other")
        self.assertEqual(self.tokenize("--config", str(other)), expected)
        self.assertEqual(self.tokenize("--config=other.toml"), expected)
        self.assertEqual(self.tokenize(ACCLLM_CONFIG=str(other)), expected)
        self.assertEqual(self.tokenize("--config", "none"), "")
        self.assertEqual(self.tokenize("--config", "other.toml", ACCLLM_CONFIG="none"), expected)
        folder = self.home / "xdg" / "accllm"
        folder.mkdir(parents=True)
        other.rename(folder / "config.toml")
        self.assertEqual(self.tokenize(XDG_CONFIG_HOME=str(self.home / "xdg")), expected)
        self.assert_fails(3, "missing.toml", "verify", "x", "--config", "missing.toml")
        self.assert_fails(3, "missing.toml", "verify", "x", ACCLLM_CONFIG="missing.toml")

    def test_flags(self):
        plain, bos = self.tokenize("-p", "a"), self.tokenize("-p", "a", "--bos")
        self.assertNotEqual(plain, bos)
        self.config.write_text("[tokenize]\nbos = true\n")
        self.assertEqual(self.tokenize("-p", "a"), bos)
        self.assertEqual(self.tokenize("-p", "a", "--bos=false"), plain)
        self.assertEqual(self.tokenize("-p", "a", ACCLLM_BOS="false"), plain)
        self.config.write_text("[tokenize]\nbos = false\n")
        self.assertEqual(self.tokenize("-p", "a", "--bos"), bos)
        self.assertEqual(self.tokenize("-p", "a", ACCLLM_BOS="true"), bos)

    def test_required_options(self):
        self.assert_fails(2, "--gguf is required", "export", str(MODEL))
        self.config.write_text('[export]\ngguf = "a #1, b.gguf"\n')
        self.assertEqual(self.run_verb("export", str(MODEL)).returncode, 0)
        self.assertTrue((self.home / "a #1, b.gguf").exists())
        self.assert_fails(2, "--force", "export", str(MODEL))
        self.assertEqual(self.run_verb("export", str(MODEL), ACCLLM_FORCE="true").returncode, 0)

    def test_errors_say_where_a_value_comes_from(self):
        self.config.write_text("\n\n[generate]\ntemp = -1\nthreads = 'many'\n")
        generate = ("generate", str(MODEL), "-p", "a")
        self.assert_fails(2, f"(--threads: {self.config}:5)", *generate)
        self.assert_fails(2, f"(--temp: {self.config}:4)", *generate, "-t", "1")
        self.assert_fails(2, "(--threads: ACCLLM_THREADS in the environment)", *generate,
                          ACCLLM_THREADS="0")
        result = self.run_verb(*generate, "--threads", "0")
        self.assertNotIn("config.toml", result.stderr)
        self.config.write_text("[generate]\nrecipe = 'joint'\n")
        self.assert_fails(2, f"{self.config}:2: there is no option 'recipe'", "verify", "x")
        self.config.write_text("[generate\n")
        self.assert_fails(2, f"{self.config}:1: ", "verify", "x")

    def test_help_needs_no_sound_file(self):
        self.config.write_text("[\n")
        for arguments in (("help",), ("help", "chat"), ("help", "--config"), ("chat", "--help"),
                          ("--version",)):
            self.assertEqual(self.run_verb(*arguments, ACCLLM_JSON="x").returncode, 0, arguments)

    def test_the_sample_is_valid(self):
        sample = self.run_verb("help", "--config").stdout
        self.config.write_text(sample)
        self.assertEqual(self.tokenize("-p", "a"), self.tokenize("-p", "a", "--config", "none"))


class Help(unittest.TestCase):
    def run_help(self, *arguments):
        return subprocess.run([BINARY, "help", *arguments], text=True, capture_output=True)

    def test_a_verb(self):
        by_flag = subprocess.run([BINARY, "chat", "--help"], text=True, capture_output=True)
        self.assertEqual(self.run_help("chat").stdout, by_flag.stdout)
        self.assertIn("Usage: accllm chat", by_flag.stdout)

    def test_mistakes(self):
        for arguments, part in ((("chta",), "none of compress"), (("--man", "--config"), "exclude"),
                                (("chat", "--config"), "leave the verb out"),
                                (("--completion", "csh"), "none of bash, zsh, fish")):
            result = self.run_help(*arguments)
            self.assertEqual(result.returncode, 2, arguments)
            self.assertIn(part, result.stderr)
        result = subprocess.run([BINARY, "comprss"], text=True, capture_output=True)
        self.assertIn("did you mean compress?", result.stderr)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", required=True)
    options, rest = parser.parse_known_args()
    BINARY = os.path.abspath(options.binary)
    unittest.main(argv=[sys.argv[0], *rest])
