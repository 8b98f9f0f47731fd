#!/usr/bin/env python3
"""Drives `accllm train`: the same bytes for any number of threads and after kill -9; clear errors.

usage: train_test.py --binary ACCLLM --tokenizer TOKENIZER.model
"""

import argparse
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

TIMEOUT = 120  # seconds; a loaded machine is slow
STEPS = 240
RECIPE = """
[model]
architectures = ["Qwen2ForCausalLM"]
hidden_size = 24
intermediate_size = 40
num_hidden_layers = 2
num_attention_heads = 3
num_key_value_heads = 1
vocab_size = 4096
max_position_embeddings = 64
rms_norm_eps = 1e-6
rope_theta = 10000.0
hidden_act = "silu"
tie_word_embeddings = false

[text]
file = "text.txt"
tokenizer = "tokenizer.model"
lines = true

[training]
steps = {steps}
sequence_tokens = 16
batch_sequences = 4
learning_rate = 1e-2
weight_decay = 0.1
seed = 3
"""


class Train(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.path = pathlib.Path(self.folder.name)
        (self.path / "tokenizer.model").write_bytes(TOKENIZER.read_bytes())
        lines = [f"Line {i} speaks of the whale and {i * 7 % 31} sailors." for i in range(200)]
        (self.path / "text.txt").write_text("\n".join(lines) + "\n")
        self.write_recipe()

    def tearDown(self):
        self.folder.cleanup()

    def write_recipe(self, change=("", "")):
        text = RECIPE.format(steps=STEPS)
        self.assertIn(change[0], text)
        text = text.replace(*change) if change[0] else text
        (self.path / "recipe.toml").write_text(text)

    def command(self, *arguments):
        return [BINARY, "train", "recipe.toml", "-o", *arguments]

    def run_train(self, *arguments):
        return subprocess.run(self.command(*arguments), cwd=self.path, text=True,
                              capture_output=True, timeout=TIMEOUT, env=ENVIRONMENT)

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
        process = subprocess.Popen(self.command("killed", "--threads", "1"), cwd=self.path,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                   env=ENVIRONMENT)
        state = self.path / "killed.partial"
        deadline = time.monotonic() + TIMEOUT
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
        result = subprocess.run(
            [BINARY, "eval", "model", "--text", "text.txt", "--lines", "--json"], cwd=self.path,
            text=True, capture_output=True, timeout=TIMEOUT, env=ENVIRONMENT)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertLess(json.loads(result.stdout)["perplexity"], 200)
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
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", required=True)
    parser.add_argument("--tokenizer", required=True, type=pathlib.Path)
    args, rest = parser.parse_known_args()
    BINARY, TOKENIZER = os.path.abspath(args.binary), args.tokenizer.resolve()
    ENVIRONMENT = dict(os.environ, ACCLLM_CONFIG="none")
    unittest.main(argv=[sys.argv[0], *rest])
