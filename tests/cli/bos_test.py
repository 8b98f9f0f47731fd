#!/usr/bin/env python3
"""Windows of `eval` and samples of `compress` start with BOS where the model's texts do.

usage: bos_test.py --binary ACCLLM --tokenizer TOKENIZER.model
"""

import json
import math

import small_model

BOS = 1


class Bos(small_model.TestOfModel):
    recipe = small_model.llama_recipe(hidden=64, intermediate=96, steps=3, sequence_tokens=16)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        config = cls.program.path / "model/config.json"
        config.write_text(json.dumps(json.loads(config.read_text()) | {"bos_token_id": BOS}))

    def add_bos(self, adds):
        (self.program.path / "model/tokenizer_config.json").write_text(
            json.dumps({"add_bos_token": adds}))

    def eval(self, *arguments):
        return self.program.json("eval", "model", "--text", "text.txt", "--lines", *arguments)

    def compress(self, *arguments):
        return self.program.run("compress", "model", "-o", "model.acc", "--force", "--lines",
                                "--recipe", "joint", "--calibration", "text.txt", "--samples", "4",
                                *arguments)

    def test_windows_predict_one_token_less_than_they_hold(self):
        self.add_bos(False)
        without = self.eval("--window-tokens", "32", "--max-tokens", "62")
        self.add_bos(True)
        result = self.eval("--window-tokens", "32", "--max-tokens", "62")
        self.assertFalse(without["starts_with_bos"])
        self.assertTrue(result["starts_with_bos"])
        self.assertEqual(without["tokens"], 31)  # the second window is not full
        self.assertEqual(result["tokens"], 62)

    def test_a_stream_predicts_its_first_token_too(self):
        self.add_bos(False)
        without = self.eval("--stream", "--max-tokens", "50")
        self.add_bos(True)
        result = self.eval("--stream", "--max-tokens", "50")
        self.assertEqual((without["tokens"], result["tokens"]), (49, 50))
        self.assertNotEqual(without["mean_nll"], result["mean_nll"])

    def test_bits_per_byte_count_what_is_predicted(self):
        file_bytes = (self.program.path / "text.txt").stat().st_size
        for adds in (False, True):
            self.add_bos(adds)
            result = self.eval("--stream")
            bits = result["mean_nll"] * result["tokens"] / math.log(2)
            missing = file_bytes - bits / result["bits_per_byte"]
            # Without BOS the first token is context only.
            if adds:
                self.assertAlmostEqual(missing, 0, places=6)
            else:
                self.assertGreater(missing, 0.5)
                self.assertLess(missing, 16)

    def test_samples(self):
        errors = []
        for adds in (False, True):
            self.add_bos(adds)
            result = self.compress("--sample-tokens", "16", "--json")
            self.assertEqual(result.returncode, 0, result.stderr)
            layers = json.loads(result.stdout)["layers"]
            errors.append([layer["relative_error"] for layer in layers])
        self.assertNotEqual(*errors)

    def test_a_sample_of_bos_alone(self):
        self.add_bos(True)
        result = self.compress("--sample-tokens", "1")
        self.assertEqual(result.returncode, 2, result.stderr)
        self.assertIn("one of them is BOS", result.stderr)


if __name__ == "__main__":
    small_model.main()
