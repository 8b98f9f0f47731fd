#!/usr/bin/env python3
"""Drives `accllm compress --bits`: the budget is kept, the report says what it bought; clear errors.

usage: bits_test.py --binary ACCLLM --tokenizer TOKENIZER.model
"""

import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

TIMEOUT = 120  # seconds; a loaded machine is slow
RECIPE = """
[model]
architectures = ["LlamaForCausalLM"]
hidden_size = 64
intermediate_size = 96
num_hidden_layers = 2
num_attention_heads = 4
num_key_value_heads = 2
vocab_size = 4096
max_position_embeddings = 64
rms_norm_eps = 1e-5
rope_theta = 10000.0
hidden_act = "silu"
tie_word_embeddings = true

[text]
file = "text.txt"
tokenizer = "tokenizer.model"
lines = true

[training]
steps = 3
sequence_tokens = 16
batch_sequences = 4
learning_rate = 1e-2
weight_decay = 0.1
seed = 3
"""


class Bits(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.path = pathlib.Path(cls.folder.name)
        (cls.path / "tokenizer.model").write_bytes(TOKENIZER.read_bytes())
        lines = [f"Line {i} speaks of the whale and {i * 7 % 31} sailors." for i in range(200)]
        (cls.path / "text.txt").write_text("\n".join(lines) + "\n")
        (cls.path / "recipe.toml").write_text(RECIPE)
        result = cls.run_accllm("train", "recipe.toml", "-o", "model")
        if result.returncode != 0:
            raise RuntimeError(result.stderr)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    @classmethod
    def run_accllm(cls, *arguments):
        return subprocess.run([BINARY, *arguments], cwd=cls.path, text=True, capture_output=True,
                              timeout=TIMEOUT, env=ENVIRONMENT)

    def compress(self, *arguments):
        return self.run_accllm("compress", "model", "-o", "model.acc", "--force", "--lines",
                               "--calibration", "text.txt", "--samples", "4", "--sample-tokens",
                               "32", *arguments)

    def least_bits(self):
        """What the recipe's own types take, by the error that says so."""
        result = self.compress("--bits", "2")
        self.assertEqual(result.returncode, 2, result.stderr)
        return float(re.search(r"types take ([0-9.]+) bits", result.stderr).group(1))

    def test_the_budget_is_kept_and_reported(self):
        least = self.least_bits()  # far above 2, because rows of 64 fill blocks of 256 badly
        bits = f"{least * 1.5:.4f}"
        result = self.compress("--bits", bits, "--keep-dense", "layers.1.mlp.up_proj=w3", "--json")
        self.assertEqual(result.returncode, 0, result.stderr)
        report = json.loads(result.stdout)
        self.assertLessEqual(report["bits_per_linear_weight"], float(bits))
        self.assertGreater(report["bits_per_linear_weight"], least)
        budget = report["budget"]
        self.assertEqual(budget["bits"], float(bits))
        self.assertLess(budget["estimated_divergence"], budget["estimated_divergence_before"])
        self.assertEqual(len(budget["matrices"]), 13)  # one is fixed
        types = {layer["name"]: layer["type"] for layer in report["layers"]}
        self.assertEqual(types["layers.1.mlp.up_proj"], "w3")
        for matrix in budget["matrices"]:
            self.assertEqual(types[matrix["name"]], matrix["type"])
            self.assertLessEqual(matrix["divergence"], matrix["divergence_before"])
        inspected = json.loads(self.run_accllm("inspect", "model.acc", "--json").stdout)
        self.assertEqual(inspected["recipe"]["bits"], float(bits))

    def test_the_text_report_shows_the_types(self):
        result = self.compress("--bits", f"{self.least_bits() * 1.5:.4f}")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertRegex(result.stdout, r"(?m)^type +q_proj")
        self.assertRegex(result.stdout, r"(?m)^budget .* bits; estimated divergence")
        plain = self.compress()
        self.assertNotRegex(plain.stdout, r"(?m)^(type|budget) ")

    def test_errors_name_the_option(self):
        for part, arguments in {
            "types take": ("--bits", "2.01"),
            "even w8": ("--bits", "1000"),
            "magnitude-nearest": ("--bits", "20", "--recipe", "magnitude-nearest"),
            "--keep-dense leaves no matrix": ("--bits", "20", "--keep-dense", "*=w4"),
            "not with --compare": ("--bits", "20", "--compare", "--text", "text.txt"),
            "greater than 0": ("--bits", "-3"),
        }.items():
            with self.subTest(part):
                result = self.compress(*arguments)
                self.assertEqual(result.returncode, 2, result.stderr)
                self.assertIn(part, result.stderr)
                self.assertIn("--bits", result.stderr)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", required=True)
    parser.add_argument("--tokenizer", required=True, type=pathlib.Path)
    args, rest = parser.parse_known_args()
    BINARY, TOKENIZER = os.path.abspath(args.binary), args.tokenizer.resolve()
    ENVIRONMENT = dict(os.environ, ACCLLM_CONFIG="none")
    unittest.main(argv=[sys.argv[0], *rest])
