"""What the command-line tests share that train a small model of their own and go on from there."""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

TIMEOUT = 120  # seconds; a loaded machine is slow
ENVIRONMENT = dict(os.environ, ACCLLM_CONFIG="none")

RECIPE = """
[model]
architectures = ["{architecture}"]
hidden_size = {hidden}
intermediate_size = {intermediate}
num_hidden_layers = 2
num_attention_heads = {heads}
num_key_value_heads = {kv_heads}
vocab_size = 4096
max_position_embeddings = 64
rms_norm_eps = 1e-6
rope_theta = 10000.0
hidden_act = "silu"
tie_word_embeddings = {tied}

[text]
file = "text.txt"
tokenizer = "tokenizer.model"
lines = true

[training]
steps = {steps}
sequence_tokens = {sequence_tokens}
batch_sequences = 4
learning_rate = 1e-2
weight_decay = 0.1
seed = 3
"""


def llama_recipe(**changes):
    fields = {"architecture": "LlamaForCausalLM", "heads": 4, "kv_heads": 2, "tied": "true"}
    return RECIPE.format(**fields, **changes)


class Program:
    """The program under test, run in a folder that has a text and a tokenizer."""

    binary = None  # set by main
    tokenizer = None

    def __init__(self, folder, recipe):
        self.path = pathlib.Path(folder)
        (self.path / "tokenizer.model").write_bytes(self.tokenizer.read_bytes())
        lines = [f"Line {i} speaks of the whale and {i * 7 % 31} sailors." for i in range(200)]
        (self.path / "text.txt").write_text("\n".join(lines) + "\n")
        self.write_recipe(recipe)

    def write_recipe(self, recipe):
        (self.path / "recipe.toml").write_text(recipe)

    def run(self, *arguments):
        return subprocess.run([self.binary, *arguments], cwd=self.path, text=True,
                              capture_output=True, timeout=TIMEOUT, env=ENVIRONMENT)

    def json(self, *arguments):
        """What a run that has to succeed prints with --json."""
        result = self.run(*arguments, "--json")
        if result.returncode != 0:
            raise AssertionError(f"{arguments}: {result.stderr}")
        return json.loads(result.stdout)


class TestOfModel(unittest.TestCase):
    """Tests of a checkpoint `model`, trained by `recipe` in the folder of `program`."""

    recipe = None

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.program = Program(cls.folder.name, cls.recipe)
        cls.program.json("train", "recipe.toml", "-o", "model")

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", required=True)
    parser.add_argument("--tokenizer", required=True, type=pathlib.Path)
    args, rest = parser.parse_known_args()
    Program.binary, Program.tokenizer = os.path.abspath(args.binary), args.tokenizer.resolve()
    unittest.main(argv=[sys.argv[0], *rest])
