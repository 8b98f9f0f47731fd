#!/usr/bin/env python3
"""Drives `accllm compress --lowrank`: the parts are listed, counted, checked and run; clear errors.

usage: lowrank_test.py --binary ACCLLM --tokenizer TOKENIZER.model
"""

import small_model

CALIBRATION = ["--recipe", "joint", "--calibration", "text.txt", "--lines", "--samples", "16",
               "--sample-tokens", "32"]


class LowRank(small_model.TestOfModel):
    recipe = small_model.llama_recipe(hidden=48, intermediate=80, steps=60, sequence_tokens=32)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.json = cls.program.json
        cls.plain = cls.json("compress", "model", "-o", "plain.acc", *CALIBRATION)
        cls.report = cls.json("compress", "model", "-o", "parts.acc", "--lowrank", "6",
                              *CALIBRATION)

    def expect_error(self, part, *arguments):
        result = self.program.run("compress", "model", "-o", "new.acc", *arguments)
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
        self.assertIn("lowrank_a", self.program.run("inspect", "parts.acc", "--tensors").stdout)
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
    small_model.main()
