#!/usr/bin/env python3
"""Drives `accllm compress --bits`: the budget is kept, the report says what it bought; clear errors.

usage: bits_test.py --binary ACCLLM --tokenizer TOKENIZER.model
"""

import json
import re

import small_model


class Bits(small_model.TestOfModel):
    recipe = small_model.llama_recipe(hidden=64, intermediate=96, steps=3, sequence_tokens=16)

    def compress(self, *arguments):
        return self.program.run("compress", "model", "-o", "model.acc", "--force", "--lines",
                                *(() if "--recipe" in arguments else ("--recipe", "joint")),
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
        inspected = self.program.json("inspect", "model.acc")
        self.assertEqual(inspected["recipe"]["bits"], float(bits))

    def test_only_the_given_types(self):
        result = self.compress("--bits", f"{self.least_bits() * 1.5:.4f}", "--bits-types", "w8,w2",
                               "--json")
        self.assertEqual(result.returncode, 0, result.stderr)
        types = {matrix["type"] for matrix in json.loads(result.stdout)["budget"]["matrices"]}
        self.assertLessEqual(types, {"w2-2:4", "w2", "w8"})
        self.assertGreater(len(types), 1)
        inspected = self.program.json("inspect", "model.acc")
        self.assertEqual(inspected["recipe"]["bits_types"], ["w2", "w8"])

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
            "leaves no matrix": ("--bits", "20", "--keep-dense", "*=w4"),
            "--bits-types leaves no matrix": ("--bits", "20", "--bits-types", "w2", "--recipe",
                                              "dense-w4"),
            "even w4": ("--bits", "1000", "--bits-types", "w4,w2"),
            "w5": ("--bits", "20", "--bits-types", "w5"),
            "needs --bits": ("--bits-types", "w4"),
            "not with --compare": ("--bits", "20", "--compare", "--text", "text.txt"),
            "greater than 0": ("--bits", "-3"),
        }.items():
            with self.subTest(part):
                result = self.compress(*arguments)
                self.assertEqual(result.returncode, 2, result.stderr)
                self.assertIn(part, result.stderr)
                self.assertIn("--bits", result.stderr)


if __name__ == "__main__":
    small_model.main()
