#!/usr/bin/env python3
"""The code of the accelerator's manual page against the functional model, bit for bit.

A model is compiled, `accllm run --vectors` writes what each instruction of the last pass gave, and
tools/accelerator/machine.py has to give the same for the same tokens. Then each instruction runs on
vectors that are made to tell rules apart (made_vectors.py).

usage: pseudocode_test.py --binary ACCLLM --made RUN_MADE_VECTORS [TEST...]
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
import made_vectors  # noqa: E402

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


def gives_floats(i):
    return i.opcode in (machine.Opcode.kLoad, machine.Opcode.kLinear, machine.Opcode.kAttend)


def first_difference(i, given, expected):
    """Of two results of an instruction: where, and what."""
    kind = np.uint32 if gives_floats(i) else np.uint8
    if len(given) != len(expected):
        return f"{len(given)} bytes instead of {len(expected)}"
    a, b = np.frombuffer(given, kind), np.frombuffer(expected, kind)
    at = np.flatnonzero(a != b)[0]
    unit = "float" if gives_floats(i) else "byte"
    return f"{unit} {at} of {len(a)} is {a[at]:#x} instead of {b[at]:#x}"


def with_one_nan(i, result, n_tokens):
    """Which NaN a NaN is, is no part of the contract. Scales follow the codes of activations."""
    n_floats = len(result) // 4 if gives_floats(i) else 0
    if i.opcode in (machine.Opcode.kNorm, machine.Opcode.kQuantize):
        n_floats = n_tokens
    first = len(result) - 4 * n_floats
    floats = np.frombuffer(result, np.float32, offset=first).copy()
    floats[np.isnan(floats)] = np.nan
    return result[:first] + floats.tobytes()


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

    def expect_equal_instructions(self, program, n_passes, kinds, seed):
        """Before each instruction all vectors are made anew."""
        host = machine.Host(program)
        device, g = host.machine, program.geometry
        rng = np.random.default_rng(seed)
        fed, expected, pools = [], [], {}

        def remake(_):
            for v in sorted(device.vector):
                of_heads = v in (machine.Vector.kQuery, machine.Vector.kKey, machine.Vector.kValue)
                width = g.head_dim if of_heads else device.vector[v].shape[1]
                if width not in pools:
                    pools[width] = made_vectors.make(rng, 500, width, kinds)
                rows = rng.integers(len(pools[width]), size=device.vector[v].size // width)
                device.vector[v][:] = pools[width][rows].reshape(g.slots, -1)
                fed.append(device.vector[v].tobytes())

        for _ in range(n_passes):
            host.write_embeddings([(host.position + t) % g.vocab for t in range(g.slots)])
            host.write_angles(g.slots)
            fed.append(device.memory_from(g.input_address, device.input_bytes()).tobytes())
            expected += zip(program.instructions,
                            device.run_pass(host.position, g.slots, g.slots, remake))
            host.position += g.slots
        given = subprocess.run([MADE, self.path / "program.accp", str(n_passes)],
                               input=b"".join(fed), capture_output=True, timeout=TIMEOUT)
        self.assertEqual(given.returncode, 0, given.stderr)
        self.assertEqual(len(given.stdout), sum(len(result) for _, result in expected))
        at = 0
        for number, (i, result) in enumerate(expected):
            a, b = (with_one_nan(i, bytes_, g.slots)
                    for bytes_ in (result, given.stdout[at:at + len(result)]))
            at += len(result)
            if a != b:
                name = f"{number:03}-{machine.LABELS[i.opcode]}"
                self.fail(f"seed {seed}: instruction {name}: {first_difference(i, a, b)}")

    def test_made_vectors(self):
        model = self.compress("wide", "--keep-dense", "*.v_proj=w2", "--keep-dense", "*.o_proj=w4",
                              "--keep-dense", "*.down_proj=w8")
        program = self.compile(model, 4, 16, "--window", "20", "--sinks", "4")
        close = [made_vectors.ties, made_vectors.of_equal_errors]
        self.expect_equal_instructions(program, 8, made_vectors.FINITE, 1)
        self.expect_equal_instructions(program, 3, [*made_vectors.FINITE, *made_vectors.SPECIAL], 2)
        self.expect_equal_instructions(program, 3, close, 3)

    def test_made_vectors_of_keys_without_a_norm(self):
        program = self.compile(self.compress("tinyllama"), 2, 16, "--window", "all")
        self.expect_equal_instructions(program, 6, made_vectors.FINITE, 4)
        self.expect_equal_instructions(program, 2, [*made_vectors.FINITE, *made_vectors.SPECIAL], 5)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", required=True)
    parser.add_argument("--made", required=True)
    args, rest = parser.parse_known_args()
    BINARY, MADE = os.path.abspath(args.binary), os.path.abspath(args.made)
    unittest.main(argv=[sys.argv[0], *rest])
