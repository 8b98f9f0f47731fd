#!/usr/bin/env python3
"""Drives `accllm compile` and `accllm run`: a program gives the engine's tokens on every device; what the
options write; clear errors.

usage: accelerator_test.py --binary ACCLLM [TEST...]
"""

import argparse
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import unittest

MODELS = pathlib.Path(__file__).resolve().parents[2] / "models"
MODEL = str(MODELS / "books-6m.acc")
ENVIRONMENT = dict(os.environ, ACCLLM_CONFIG="none")
TIMEOUT = 300  # seconds; a loaded machine is slow
OPCODES = ["embed", "norm", "quantize", "linear", "store-kv", "attend"]  # that give something
TARGET = {"lanes": 4, "slots": 2, "memory": '"hbm2"', "clock_mhz": 200, "channel_bytes": 1 << 24,
          "vector_bytes": 1 << 20}


def accllm(*arguments):
    return subprocess.run([BINARY, *arguments], cwd=FOLDER, text=True, env=ENVIRONMENT,
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT)


def parsed(*arguments):
    """What a run that has to succeed prints with --json."""
    result = accllm(*arguments, "--json")
    if result.returncode != 0:
        raise AssertionError(f"{arguments}: {result.stderr}")
    return json.loads(result.stdout)


def run(*arguments, program="window.accp", n_tokens=3):
    return parsed("run", program, "-p", "The ship", "-n", str(n_tokens), "--ignore-eos",
                  *arguments)


def write_target(name, **changes):
    lines = (f"{key} = {value}\n" for key, value in {**TARGET, **changes}.items())
    (FOLDER / name).write_text("".join(lines))


class Case(unittest.TestCase):
    def assert_fails(self, code, parts, *arguments):
        """One line on stderr that names the verb and holds all parts."""
        result = accllm(*arguments)
        self.assertEqual(result.returncode, code, result.stderr)
        self.assertEqual(result.stdout, "")
        self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
        self.assertTrue(result.stderr.startswith(f"accllm {arguments[0]}: error: "), result.stderr)
        for part in parts:
            self.assertIn(part, result.stderr)


class Compile(Case):
    def compile_fails(self, code, parts, *arguments, model=MODEL):
        self.assert_fails(code, parts, "compile", model, "-o", "new.accp", *arguments)
        self.assertEqual(list(FOLDER.glob("new.accp*")), [])

    def test_the_report(self):
        report = parsed("compile", MODEL, "-o", "report.accp")
        self.assertEqual(set(report), {"file", "target", "instructions", "constant_bytes",
                                       "cache_bytes", "memory_bytes", "vector_bytes", "seconds"})
        self.assertEqual((report["file"], report["target"]), ("report.accp", "u280"))
        # embed, norm, lm_head and end; 13 of each layer
        self.assertEqual(report["instructions"], 6 * 13 + 4)
        size = (FOLDER / "report.accp").stat().st_size
        self.assertLess(report["constant_bytes"], size)
        self.assertEqual(report["memory_bytes"], 8 << 30)
        for_people = accllm("compile", MODEL, "-o", "report.accp", "--force")
        self.assertEqual(for_people.returncode, 0, for_people.stderr)
        self.assertRegex(for_people.stdout, r"^report\.accp: 82 instructions for u280; .*\n$")
        self.assertEqual((FOLDER / "report.accp").stat().st_size, size)

    def test_dump_writes_a_file_a_pass(self):
        parsed("compile", MODEL, "-o", "dumped.accp", "--dump", "dump/of/passes")
        files = sorted(path.name for path in (FOLDER / "dump/of/passes").iterdir())
        self.assertEqual(files, ["1-lower.txt", "2-fuse.txt", "3-schedule.txt", "4-allocate.txt",
                                 "5-place.txt"])
        for name in files:
            text = (FOLDER / "dump/of/passes" / name).read_text()
            self.assertIn("layers.5.mlp.down_proj", text, name)
        self.compile_fails(3, ["--dump window.accp/x", "Not a directory"], "--dump",
                           "window.accp/x")

    def test_outputs_are_not_overwritten(self):
        before = (FOLDER / "window.accp").read_bytes()
        arguments = ("compile", MODEL, "-o", "window.accp", "--window", "60")
        self.assert_fails(2, ["window.accp: exists", "--force"], *arguments)
        self.assertEqual((FOLDER / "window.accp").read_bytes(), before)
        parsed(*arguments, "--force")
        self.assertEqual((FOLDER / "window.accp").read_bytes(), before)
        self.assert_fails(3, ["there is no folder nowhere"], "compile", MODEL, "-o",
                          "nowhere/x.accp")

    def test_targets(self):
        write_target("mine.toml")
        report = parsed("compile", MODEL, "-o", "mine.accp", "--target", "mine.toml")
        self.assertEqual((report["target"], report["memory_bytes"]), ("mine", 4 << 24))
        self.compile_fails(3, ["u281", "u280, u50, zcu104"], "--target", "u281")
        (FOLDER / "misspelt.toml").write_text((FOLDER / "mine.toml").read_text() + "lane = 3\n")
        self.compile_fails(2, ["misspelt.toml: lane: "], "--target", "misspelt.toml")
        write_target("odd.toml", lanes=3)
        self.compile_fails(2, ["odd.toml: lanes: ", "power of two"], "--target", "odd.toml")

    def test_what_does_not_fit_is_named(self):
        write_target("small.toml", lanes=2, channel_bytes=1 << 20)
        sizes = r"weights \d\.\d MB, cache \d+\.\d MB, .* memory \d\.\d MB"
        result = accllm("compile", MODEL, "-o", "new.accp", "--target", "small.toml")
        self.assertEqual(result.returncode, 2)
        self.assertRegex(result.stderr, f"does not fit target small: {sizes}; use a smaller model")
        write_target("small.toml", channel_bytes=1 << 20)
        result = accllm("compile", MODEL, "-o", "new.accp", "--target", "small.toml", "--window",
                        "100000")
        self.assertEqual(result.returncode, 2)
        self.assertRegex(result.stderr, f"{sizes}; use a smaller --window")
        write_target("small.toml", vector_bytes=1024)
        self.compile_fails(2, ["target small has 1024", "fewer slots"], "--target", "small.toml")

    def test_mistakes(self):
        self.compile_fails(2, ["--context has no meaning with a window"], "--context", "100")
        self.compile_fails(4, ["books-6m: is a folder", "accllm compress"],
                           model=str(MODELS / "books-6m"))
        self.compile_fails(4, ["window.accp: not a packed model"], model="window.accp")
        self.compile_fails(3, ["missing.acc"], model="missing.acc")
        self.assert_fails(2, ["--output is required"], "compile", MODEL)


class Tokens(unittest.TestCase):
    """96 slots of ring: the text goes round it."""

    N_TOKENS = 104

    def expect_those_of_the_engine(self, *sampling):
        prompt = ("-p", "Call me Ishmael.", "-n", str(self.N_TOKENS), "--ignore-eos", *sampling)
        engine = parsed("generate", MODEL, "--window", "60", "--draft", "0", *prompt)
        self.assertEqual(len(engine["tokens"]), self.N_TOKENS)
        functional = parsed("run", "window.accp", *prompt)
        cycle = parsed("run", "window.accp", "--device", "cycle", *prompt)
        for device in (functional, cycle):
            for key in ("tokens", "text", "prompt_tokens", "stopped_by"):
                self.assertEqual(device[key], engine[key])
        return cycle["cycles"]

    def test_likeliest(self):
        cycles = self.expect_those_of_the_engine()
        self.assertGreater(cycles, 1000 * self.N_TOKENS)

    def test_sampled(self):
        self.expect_those_of_the_engine("--temp", "0.8", "--seed", "3")

    def test_full_attention_of_another_machine(self):
        parsed("compile", MODEL, "-o", "full.accp", "--window", "all", "--context", "60",
               "--target", "zcu104")
        prompt = ("-p", "Call me Ishmael.", "-n", "32", "--ignore-eos")
        engine = parsed("generate", MODEL, "--window", "all", "--draft", "0", *prompt)
        self.assertEqual(parsed("run", "full.accp", *prompt)["tokens"], engine["tokens"])


class Run(Case):
    def test_the_report(self):
        functional, cycle = run(), run("--device", "cycle")
        for report in (functional, cycle):
            self.assertEqual(set(report), {"text", "tokens", "prompt_tokens", "device", "cycles",
                                           "stopped_by", "seconds"})
            self.assertEqual(len(report["tokens"]), 3)
            self.assertEqual(report["stopped_by"], "length")
        self.assertEqual((functional["device"], functional["cycles"]), ("functional", None))
        self.assertEqual(cycle["device"], "cycle")
        self.assertGreater(cycle["cycles"], 0)
        again = run("--device", "cycle", "-t", "1")
        self.assertEqual(again["cycles"], cycle["cycles"])

    def test_for_people(self):
        arguments = ("run", "window.accp", "-p", "The ship", "-n", "3", "--ignore-eos")
        functional, cycle = accllm(*arguments), accllm(*arguments, "--device", "cycle")
        self.assertEqual(functional.stdout, run()["text"] + "\n")
        self.assertEqual(cycle.stdout, functional.stdout)
        self.assertNotIn("cycles", functional.stderr)
        self.assertRegex(cycle.stderr, r"note: cycle device: prompt \d+ tokens, generated 3, \d+ "
                                       r"cycles \(\d+\.\d{3} ms\); stopped by length; ")

    def test_token_ids(self):
        tokens = run()["tokens"]
        ids = ",".join(map(str, parsed("tokenize", MODEL, "-p", "The ship")["tokens"]))
        result = parsed("run", "window.accp", "--prompt-tokens", ids, "-n", "3", "--ignore-eos")
        self.assertEqual(result["tokens"], tokens)

    def test_a_timeline(self):
        run("--device", "cycle", "--trace", "trace.json")
        trace = json.loads((FOLDER / "trace.json").read_text())
        threads = {event["tid"]: event["args"]["name"] for event in trace["traceEvents"]
                   if event["name"] == "thread_name"}
        all_events = [event for event in trace["traceEvents"] if event["ph"] == "X"]
        events = [event for event in all_events if threads[event["tid"]] != "memory"]
        asked = [event for event in all_events if threads[event["tid"]] == "memory"]
        self.assertEqual([int(event["name"].split()[0]) for event in events], list(range(82)))
        self.assertEqual(events[0]["ts"], 0)
        self.assertEqual(events[-1]["name"], "81 end")
        for event in all_events:
            self.assertGreaterEqual(event["dur"], 0)
        for event in events:
            self.assertEqual(set(event["args"]) - {"to", "epilogue"},
                             {"layer", "beats", "busy", "waited_inputs", "waited_memory",
                              "waited_results", "vector"})
        self.assertGreater(sum(event["args"]["beats"] for event in events), 1000)
        # Memory is asked for every beat, and no later than the lanes take it.
        taken = {event["name"]: event for event in events if event["args"]["beats"] > 0}
        self.assertEqual([event["name"] for event in asked], list(taken))
        for event in asked:
            self.assertEqual(event["args"]["beats"], taken[event["name"]]["args"]["beats"])
            self.assertLessEqual(event["ts"], taken[event["name"]]["ts"])

    def test_vectors(self):
        for device in ("functional", "cycle"):
            run("--device", device, "--vectors", f"vectors/{device}")
        names = sorted(path.name for path in (FOLDER / "vectors/cycle").iterdir())
        self.assertEqual([name[:4] for name in names], [f"{i:03}-" for i in range(81)])  # no end
        for name in names:
            self.assertIn(re.fullmatch(r"\d+-(.*)\.bin", name).group(1), OPCODES)
            content = (FOLDER / "vectors/cycle" / name).read_bytes()
            self.assertGreater(len(content), 0, name)
            self.assertEqual((FOLDER / "vectors/functional" / name).read_bytes(), content, name)
        # The logits of the one token of the last pass.
        self.assertEqual((FOLDER / "vectors/cycle/080-linear.bin").stat().st_size, 4 * 4096)

    def run_fails(self, code, parts, *arguments, program="window.accp"):
        self.assert_fails(code, parts, "run", program, "-n", "2", "-p", "a", *arguments)

    def test_outputs_that_cannot_be_written_are_found_first(self):
        self.run_fails(2, ["--trace", "--device cycle"], "--trace", "no.json")
        self.assertFalse((FOLDER / "no.json").exists())
        self.run_fails(3, ["--trace nowhere/x: there is no folder nowhere"], "--device", "cycle",
                       "--trace", "nowhere/x")
        self.run_fails(3, ["--vectors window.accp: ", "Not a directory"], "--vectors",
                       "window.accp")

    def test_files_that_are_no_programs(self):
        program = (FOLDER / "window.accp").read_bytes()
        for n, part in ((100, "too short"), (1000, "the header says"),
                        (len(program) - 1, "the header says")):
            (FOLDER / "short.accp").write_bytes(program[:n])
            self.run_fails(4, ["short.accp: ", part, "compile the model again"],
                           program="short.accp")
        damaged = bytearray(program)
        damaged[len(damaged) // 2] ^= 1
        (FOLDER / "damaged.accp").write_bytes(damaged)
        self.run_fails(4, ["damaged.accp: the image is damaged"], program="damaged.accp")
        self.run_fails(4, ["books-6m.acc: not a program", "accllm compile"], program=MODEL)
        self.run_fails(3, ["missing.accp"], program="missing.accp")

    def test_mistakes(self):
        self.run_fails(2, ["functional, cycle"], "--device", "cyle")
        self.run_fails(2, ["more than one prompt"], "--prompt-tokens", "1")
        self.assert_fails(2, ["there is no prompt"], "run", "window.accp")
        self.assert_fails(2, ["token 4096 is outside"], "run", "window.accp", "--prompt-tokens",
                          "4096")
        parsed("compile", MODEL, "-o", "ddr4.accp", "--target", "zcu104")
        self.run_fails(4, ["ddr4.accp: the cycle model knows HBM2 only", "--device functional"],
                       "--device", "cycle", program="ddr4.accp")
        parsed("compile", MODEL, "-o", "context.accp", "--window", "all", "--context", "30")
        self.assert_fails(2, ["do not fit a context of 32", "--context"], "run", "context.accp",
                          "-p", "The ship", "-n", "32")

    def test_ctrl_c_keeps_what_was_generated(self):
        command = [BINARY, "run", "window.accp", "-p", "The ship", "-n", "1000000", "--ignore-eos",
                   "--device", "cycle", "--trace", "stopped.json"]
        with subprocess.Popen(command, cwd=FOLDER, env=ENVIRONMENT, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE) as process:
            self.assertNotEqual(process.stdout.read(1), b"")  # it has begun
            process.send_signal(signal.SIGINT)
            errors = process.communicate(timeout=TIMEOUT)[1].decode()
        self.assertEqual(process.returncode, 130, errors)
        self.assertIn("stopped by interrupt", errors)
        json.loads((FOLDER / "stopped.json").read_text())


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", required=True)
    options, rest = parser.parse_known_args()
    BINARY = os.path.abspath(options.binary)
    with tempfile.TemporaryDirectory() as folder:
        FOLDER = pathlib.Path(folder)
        parsed("compile", MODEL, "-o", "window.accp", "--window", "60")
        unittest.main(argv=[sys.argv[0], *rest])
