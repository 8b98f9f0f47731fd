#!/usr/bin/env python3
"""Drives `accllm compress --lowrank`: the parts are listed, counted, checked and run; clear errors.

usage: lowrank_test.py --binary ACCLLM --tokenizer TOKENIZER.model
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

TIMEOUT = 120  # seconds; a loaded machine is slow
RECIPE = """
[model]
architectures = ["LlamaForCausalLM"]
hidden_size = 48
intermediate_size = 80
num_hidden_layers = 2
num_attention_heads = 4
num_key_value_heads = 2
vocab_size = 4096
max_position_embeddings = 64
rms_norm_eps = 1e-6
rope_theta = 10000.0
hidden_act = "silu"
tie_word_embeddings = true

[text]
file = "text.txt"
tokenizer = "tokenizer.model"
lines = true

[training]
steps = 60
sequence_tokens = 32
batch_sequences = 4
learning_rate = 1e-2
weight_decay = 0.1
seed = 3
"""
CALIBRATION = ["--calibration", "text.txt", "--lines", "--samples", "16", "--sample-tokens", "32"]


class LowRank(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.path = pathlib.Path(cls.folder.name)
        (cls.path / "tokenizer.model").write_bytes(TOKENIZER.read_bytes())
        lines = [f"Line {i} speaks of the whale and {i * 7 % 31} sailors." for i in range(200)]
        (cls.path / "text.txt").write_text("\n".join(lines) + "\n")
        (cls.path / "recipe.toml").write_text(RECIPE)
        cls.json("train", "recipe.toml", "-o", "model")
        cls.plain = cls.json("compress", "model", "-o", "plain.acc", *CALIBRATION)
        cls.report = cls.json("compress", "model", "-o", "parts.acc", "--lowrank", "6",
                              *CALIBRATION)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    @classmethod
    def run_verb(cls, *arguments):
        return subprocess.run([BINARY, *arguments], cwd=cls.path, text=True, capture_output=True,
                              timeout=TIMEOUT, env=ENVIRONMENT)

    @classmethod
    def json(cls, *arguments):
        result = cls.run_verb(*arguments, "--json")
        if result.returncode != 0:
            raise AssertionError(f"{arguments}: {result.stderr}")
        return json.loads(result.stdout)

    def expect_error(self, part, *arguments):
        result = self.run_verb("compress", "model", "-o", "new.acc", *arguments)
        self.assertEqual(result.returncode, 2, result.stderr)
        self.assertIn(part, result.stderr)

    def test_what_is_stored_is_listed_and_counted(self):
        inspected = self.json("inspect", "parts.acc")
        parts = [t for t in inspected["tensors"] if t["type"] == "i8"]
        linear = [t for t in inspected["tensors"] if t["type"] == "w2-2:4"]
        self.assertEqual(len(parts), 2 * len(linear))
        shapes = {t["name"]: (t["rows"], t["cols"]) for t in parts}
        self.assertEqual(shapes["layers.1.mlp.up_proj.lowrank_a"], (6, 48))
        self.assertEqual(shapes["layers.1.mlp.up_proj.lowrank_b"], (6, 80))
        n_bytes = sum(t["bytes"] for t in parts)
        self.assertEqual(self.plain["low_rank"], {"rank": 0, "bytes": 0})
        self.assertEqual(self.report["low_rank"], {"rank": 6, "bytes": n_bytes})
        weights = sum(t["rows"] * t["cols"] for t in linear)
        self.assertAlmostEqual(self.report["bits_per_linear_weight"],
                               self.plain["bits_per_linear_weight"] + 8 * n_bytes / weights)
        self.assertEqual(inspected["bits_per_linear_weight"],
                         self.report["bits_per_linear_weight"])
        self.assertEqual(inspected["recipe"]["lowrank"], 6)
        self.assertIn("lowrank_a", self.run_verb("inspect", "parts.acc", "--tensors").stdout)
        self.assertTrue(self.json("verify", "parts.acc")["intact"])

    def test_every_precision_runs_with_it(self):
        for precision in ("w", "wa8", "wa8kv4"):
            plain, parts = (
                self.json("eval", model, "--text", "text.txt", "--lines", "--window-tokens", "32",
                          "--max-tokens", "1024", "--precision", precision, "--against",
                          "model")["kl"] for model in ("plain.acc", "parts.acc"))
            self.assertLess(parts, 0.9 * plain, precision)

    def test_errors_say_what_is_wrong(self):
        self.expect_error("does not calibrate", "--recipe", "rtn", "--lowrank", "4")
        self.expect_error("--lowrank", "--lowrank", "0", *CALIBRATION)
        self.expect_error("at most 24", "--lowrank", "25", *CALIBRATION)
        self.expect_error("--compare", "--compare", "--text", "text.txt", "--lowrank", "4",
                          *CALIBRATION)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", required=True)
    parser.add_argument("--tokenizer", required=True, type=pathlib.Path)
    args, rest = parser.parse_known_args()
    BINARY, TOKENIZER = os.path.abspath(args.binary), args.tokenizer.resolve()
    ENVIRONMENT = dict(os.environ, ACCLLM_CONFIG="none")
    unittest.main(argv=[sys.argv[0], *rest])
