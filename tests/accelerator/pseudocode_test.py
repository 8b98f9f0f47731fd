#!/usr/bin/env python3
"""The code of the accelerator's manual page against the functional model, bit for bit.

A model is compiled, `accllm run --vectors` writes what each instruction of the last pass gave, and
tools/accelerator/machine.py has to give the same for the same tokens.

usage: pseudocode_test.py --binary ACCLLM [TEST...]
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tools/accelerator"), str(ROOT / "tests/architectures")]

import checkpoints  # noqa: E402
import machine  # noqa: E402

TIMEOUT = 120  # seconds; a loaded machine is slow
ENVIRONMENT = dict(os.environ, ACCLLM_CONFIG="none")

TARGET = """
lanes = {lanes}
slots = {slots}
memory = "hbm2"
clock_mhz = 300
channel_bytes = 268435456
vector_bytes = 1048576
"""


def first_difference(i, given, expected):
    """Of two results of an instruction: where, and what."""
    is_floats = i.opcode in (machine.Opcode.kLoad, machine.Opcode.kLinear, machine.Opcode.kAttend)
    kind = np.uint32 if is_floats else np.uint8
    if len(given) != len(expected):
        return f"{len(given)} bytes instead of {len(expected)}"
    a, b = np.frombuffer(given, kind), np.frombuffer(expected, kind)
    at = np.flatnonzero(a != b)[0]
    unit = "float" if is_floats else "byte"
    return f"{unit} {at} of {len(a)} is {a[at]:#x} instead of {b[at]:#x}"


class Pseudocode(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name)

    def accllm(self, *arguments):
        result = subprocess.run([BINARY, *arguments], cwd=self.path, text=True,
                                capture_output=True, timeout=TIMEOUT, env=ENVIRONMENT)
        self.assertEqual(result.returncode, 0, result.stderr)
        return json.loads(result.stdout)

    def compile(self, model, lanes, slots, *options):
        (self.path / "target.toml").write_text(TARGET.format(lanes=lanes, slots=slots))
        self.accllm("compile", model, "-o", "program.accp", "--target", "target.toml", "--json",
                    *options)
        return machine.read_program(self.path / "program.accp")

    def compress(self, name, *options):
        checkpoints.write_case(name, self.path / name)
        self.accllm("compress", name, "-o", "model.acc", "--recipe", "magnitude-nearest", "--json",
                    *options)
        return "model.acc"

    def expect_vectors(self, program, results, folder):
        files = {path.name: path.read_bytes() for path in (self.path / folder).iterdir()}
        for number, (i, given) in enumerate(zip(program.instructions, results)):
            name = f"{number:03}-{machine.LABELS[i.opcode]}"
            expected = files.pop(name + ".bin", b"")
            if given != expected:
                self.fail(f"{folder}: instruction {name}: {first_difference(i, given, expected)}")
        self.assertEqual(list(files), [])

    def expect_equal_passes(self, program, prompt):
        """The last pass of the prompt, and that of the token which follows."""
        host = machine.Host(program)
        tokens = prompt
        for n_new in (1, 2):
            folder = f"vectors-{n_new}"
            report = self.accllm("run", "program.accp", "--prompt-tokens",
                                 ",".join(map(str, prompt)), "-n", str(n_new), "--temp", "0",
                                 "--ignore-eos", "--vectors", folder, "--json")
            results = host.append(tokens)
            self.expect_vectors(program, results, folder)
            logits = np.frombuffer(results[-2], np.float32)  # the last one is `end`
            self.assertEqual(report["tokens"][-1], logits.argmax())
            tokens = report["tokens"][-1:]

    def test_the_bundled_model_in_a_ring_that_wraps(self):
        program = self.compile(ROOT / "models/books-6m.acc", 4, 2, "--window", "20", "--sinks", "4")
        self.assertLess(program.geometry.ring_slots, 66)
        self.expect_equal_passes(program, list(range(10, 76)))

    def test_biases_and_norms_of_heads_and_all_weight_formats(self):
        model = self.compress("wide", "--keep-dense", "*.v_proj=w2", "--keep-dense", "*.o_proj=w4",
                              "--keep-dense", "*.down_proj=w8")
        program = self.compile(model, 2, 3, "--window", "20", "--sinks", "4")
        formats = {i.format for i in program.instructions}
        self.assertEqual(formats, set(range(len(machine.FORMATS))))
        self.assertTrue(all(i.has_bias for i in program.instructions
                            if i.opcode == machine.Opcode.kAttend))
        self.expect_equal_passes(program, [7 * t % checkpoints.VOCAB for t in range(71)])

    def test_biases_of_the_mlp_and_full_attention(self):
        program = self.compile(self.compress("llama_biases"), 8, 4, "--window", "all")
        self.expect_equal_passes(program, [5 * t % checkpoints.VOCAB for t in range(42)])

    def test_stretched_angles_and_sinks_of_two_chunks(self):
        program = self.compile(self.compress("llama3"), 1, 1, "--window", "40", "--sinks", "33")
        self.expect_equal_passes(program, [3 * t % checkpoints.VOCAB for t in range(80)])


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", required=True)
    args, rest = parser.parse_known_args()
    BINARY = os.path.abspath(args.binary)
    unittest.main(argv=[sys.argv[0], *rest])
