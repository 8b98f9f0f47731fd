#!/usr/bin/env python3
"""Drives `accllm compile`, `accllm run` and `accllm generate --exact`: a program gives the engine's
tokens on every device; what the options write; clear errors.

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
import time
import unittest

import small_model

MODELS = pathlib.Path(__file__).resolve().parents[2] / "models"
MODEL = str(MODELS / "books-6m.acc")
CARD_REGISTERS = MODELS.parent / "tools/accelerator/card_registers.py"
ENVIRONMENT = dict(os.environ, ACCLLM_CONFIG="none")
ENVIRONMENT.pop("XILINX_XRT", None)  # no card takes part
TIMEOUT = 300  # seconds; a loaded machine is slow
OPCODES = ["load", "norm", "quantize", "linear", "store-kv", "attend"]  # that give something
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
        # load, norm, lm_head and end; 13 of each layer
        self.assertEqual(report["instructions"], 6 * 14 + 4)
        size = (FOLDER / "report.accp").stat().st_size
        self.assertLess(report["constant_bytes"], size)
        self.assertEqual(report["memory_bytes"], 8 << 30)
        for_people = accllm("compile", MODEL, "-o", "report.accp", "--force")
        self.assertEqual(for_people.returncode, 0, for_people.stderr)
        self.assertRegex(for_people.stdout, r"^report\.accp: 88 instructions for u280; .*\n$")
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
        self.compile_fails(3, ["u281", "u280, u280-large, u280-small, u50, zcu104"], "--target", "u281")
        write_target("wide.toml", vector_lanes=64)
        wide = parsed("compile", MODEL, "-o", "wide.accp", "--target", "wide.toml")
        self.assertEqual(wide["cache_bytes"], report["cache_bytes"])
        write_target("wide.toml", vector_lanes=0)
        self.compile_fails(2, ["wide.toml: vector_lanes: ", "1 to 1024"], "--target", "wide.toml")
        write_target("wide.toml", head_units=17)
        self.compile_fails(2, ["wide.toml: head_units: ", "1 to 16"], "--target", "wide.toml")
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


class Memory(unittest.TestCase):
    def test_the_image_is_streamed(self):
        parsed("synth", "--shape", "qwen2.5-0.5b", "-o", "half_billion.acc")
        command = [BINARY, "compile", "half_billion.acc", "-o", "half_billion.accp"]
        anonymous = 0  # kB; what is mapped from files is the system's to take back
        with subprocess.Popen(command, cwd=FOLDER, env=ENVIRONMENT, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL) as process:
            while process.poll() is None:
                status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
                found = re.search(r"^RssAnon:\s+(\d+) kB", status, re.MULTILINE)
                anonymous = max(anonymous, int(found.group(1)) if found else 0)
                time.sleep(0.002)
        self.assertEqual(process.returncode, 0)
        self.assertGreater((FOLDER / "half_billion.accp").stat().st_size, 150 << 20)
        self.assertGreater(anonymous, 0)
        self.assertLess(anonymous, 32 << 10)
        for name in ("half_billion.acc", "half_billion.accp"):
            (FOLDER / name).unlink()


class Tokens(unittest.TestCase):
    """96 slots of ring: the text goes round it."""

    def expect_those_of_the_engine(self, device, n_tokens, *sampling):
        prompt = ("-p", "Call me Ishmael.", "-n", str(n_tokens), "--ignore-eos", *sampling)
        engine = parsed("generate", MODEL, "--exact", "--window", "60", "--draft", "0", *prompt)
        self.assertEqual(len(engine["tokens"]), n_tokens)
        result = parsed("run", "window.accp", "--device", device, *prompt)
        for key in ("tokens", "text", "prompt_tokens", "stopped_by"):
            self.assertEqual(result[key], engine[key])

    def test_likeliest(self):
        self.expect_those_of_the_engine("functional", 400)
        self.expect_those_of_the_engine("cycle", 104)

    def test_sampled(self):
        for device in ("functional", "cycle"):
            self.expect_those_of_the_engine(device, 104, "--temp", "0.8", "--seed", "3")

    def test_full_attention_of_another_machine(self):
        parsed("compile", MODEL, "-o", "full.accp", "--window", "all", "--context", "60",
               "--target", "zcu104")
        prompt = ("-p", "Call me Ishmael.", "-n", "32", "--ignore-eos")
        engine = parsed("generate", MODEL, "--window", "all", "--draft", "0", *prompt)
        self.assertEqual(parsed("run", "full.accp", *prompt)["tokens"], engine["tokens"])


class Exact(Case):
    """`generate --exact` refuses what `compile` refuses, with the same words."""

    @classmethod
    def setUpClass(cls):
        cls.folder = FOLDER / "exact"
        cls.folder.mkdir()
        cls.program = cls.train("model", small_model.llama_recipe(
            hidden=48, intermediate=80, steps=1, sequence_tokens=32))

    @classmethod
    def train(cls, name, recipe):
        program = small_model.Program(cls.folder, recipe)
        program.json("train", "recipe.toml", "-o", name)
        return program

    def expect_refusal(self, parts, *options, checkpoint="model"):
        self.program.json("compress", checkpoint, "-o", "new.acc", "--force", "--samples", "4",
                          "--sample-tokens", "32", *options)
        model = "exact/new.acc"
        self.assert_fails(4, [model, *parts, "leave out --exact"], "generate", model, "--exact",
                          "-p", "a")
        self.assert_fails(4, [model, *parts], "compile", model, "-o", "new.accp")
        self.assertEqual(len(parsed("generate", model, "-p", "a", "-n", "1",
                                    "--ignore-eos")["tokens"]), 1)

    def test_what_no_device_runs(self):
        self.expect_refusal(["layers.0.self_attn.q_proj is of type w2-free", "--codebook 2:4"],
                            "--recipe", "joint-free", "--calibration", "text.txt")
        self.expect_refusal(["layers.0.self_attn.q_proj has a low-rank part", "--lowrank"],
                            "--recipe", "joint", "--calibration", "text.txt", "--lowrank", "4")
        for kind in ("w3", "f16"):
            self.expect_refusal([f"layers.1.mlp.up_proj is of type {kind}", "w2, w4 or w8"],
                                "--recipe", "magnitude-nearest", "--keep-dense",
                                f"layers.1.mlp.up_proj={kind}")

    def test_heads_that_fit_no_beat(self):
        self.train("heads", small_model.RECIPE.format(
            architecture="LlamaForCausalLM", heads=1, kv_heads=1, tied="true", hidden=160,
            intermediate=80, steps=1, sequence_tokens=32))
        self.expect_refusal(["head_dim 160", "65 to 128"], "--recipe", "magnitude-nearest",
                            checkpoint="heads")

    def test_a_checkpoint(self):
        self.assert_fails(4, ["--exact", "is a checkpoint", "accllm compress"], "generate",
                          "exact/model", "--exact", "-p", "a")


class Speculation(Case):
    """Drafts change how many passes a text takes, and nothing else."""

    PROMPT = ("-p", "The whale, the ship, the sea. " * 4, "--ignore-eos")

    def test_fewer_passes_and_the_same_text(self):
        for sampling in ((), ("--temp", "0.7", "--seed", "5")):
            arguments = ("run", "window.accp", "-n", "60", *self.PROMPT, *sampling)
            for device in ("functional", "cycle"):
                plain = parsed(*arguments, "--device", device, "--draft", "0")
                drafted = parsed(*arguments, "--device", device)
                for key in ("text", "tokens", "prompt_tokens", "stopped_by"):
                    self.assertEqual(drafted[key], plain[key])
                self.assertEqual((plain["drafted_tokens"], plain["accepted_tokens"]), (0, 0))
                self.assertEqual(drafted["passes"], plain["passes"] - drafted["accepted_tokens"])
                self.assertLessEqual(drafted["accepted_tokens"], drafted["drafted_tokens"])
                if sampling:
                    continue
                self.assertGreater(drafted["accepted_tokens"], 15)
                if device == "cycle":
                    self.assertLess(drafted["cycles"], 0.9 * plain["cycles"])

    def test_what_was_guessed_is_shown(self):
        result = accllm("run", "window.accp", "-n", "40", *self.PROMPT)
        self.assertRegex(result.stderr, r"generated 40 \(\d+ guessed, \d+ of them right\); \d+ "
                                        r"passes; ")

    def test_a_machine_of_one_token_a_pass(self):
        write_target("one.toml", slots=1)
        parsed("compile", MODEL, "-o", "one.accp", "--target", "one.toml", "--window", "60")
        report = parsed("run", "one.accp", "-n", "20", *self.PROMPT)
        self.assertEqual(report["drafted_tokens"], 0)
        self.assertEqual(report["passes"], report["prompt_tokens"] + 19)


class Stream(Case):
    def test_cycles_stay_the_same(self):
        report = parsed("run", "window.accp", "--device", "cycle", "-p", "Call me Ishmael.", "-n",
                        "601", "--ignore-eos", "--draft", "0")
        tenths = report["cycles_per_token_by_tenth"]
        self.assertEqual(len(tenths), 10)
        self.assertAlmostEqual(report["prompt_cycles"] + 60 * sum(tenths), report["cycles"],
                               delta=1)
        full = tenths[1:]  # the window is
        self.assertLess(max(full), 1.002 * min(full))
        self.assertGreater(tenths[0], 0.98 * min(full))


class Run(Case):
    def test_the_report(self):
        functional, cycle = run(), run("--device", "cycle")
        for report in (functional, cycle):
            self.assertEqual(set(report), {
                "text", "tokens", "prompt_tokens", "device", "passes", "drafted_tokens",
                "accepted_tokens", "cycles", "prompt_cycles", "cycles_per_token_by_tenth",
                "stopped_by", "seconds"})
            self.assertEqual(len(report["tokens"]), 3)
            self.assertEqual(report["stopped_by"], "length")
        self.assertEqual(functional["device"], "functional")
        for key in ("cycles", "prompt_cycles", "cycles_per_token_by_tenth"):
            self.assertIsNone(functional[key])
        self.assertEqual(cycle["device"], "cycle")
        self.assertEqual(cycle["passes"], 3)  # one of the prompt
        tokens = cycle["cycles_per_token_by_tenth"]
        self.assertEqual(cycle["prompt_cycles"] + sum(tokens), cycle["cycles"])
        self.assertGreater(min(tokens), 1000)
        again = run("--device", "cycle", "-t", "1")
        self.assertEqual(again["cycles"], cycle["cycles"])

    def test_for_people(self):
        arguments = ("run", "window.accp", "-p", "The ship", "-n", "3", "--ignore-eos")
        functional, cycle = accllm(*arguments), accllm(*arguments, "--device", "cycle")
        self.assertEqual(functional.stdout, run()["text"] + "\n")
        self.assertEqual(cycle.stdout, functional.stdout)
        self.assertNotIn("cycles", functional.stderr)
        self.assertRegex(cycle.stderr, r"note: cycle device: prompt \d+ tokens; generated 3; 3 "
                                       r"passes, \d+ cycles \(\d+\.\d{3} ms\); stopped by length; ")

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
        self.assertEqual([int(event["name"].split()[0]) for event in events], list(range(88)))
        self.assertEqual(events[0]["ts"], 0)
        self.assertEqual(events[-1]["name"], "87 end")
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
        self.assertEqual([name[:4] for name in names], [f"{i:03}-" for i in range(87)])  # no end
        for name in names:
            self.assertIn(re.fullmatch(r"\d+-(.*)\.bin", name).group(1), OPCODES)
            content = (FOLDER / "vectors/cycle" / name).read_bytes()
            self.assertGreater(len(content), 0, name)
            self.assertEqual((FOLDER / "vectors/functional" / name).read_bytes(), content, name)
        # The logits of the one token of the last pass.
        self.assertEqual((FOLDER / "vectors/cycle/086-linear.bin").stat().st_size, 4 * 4096)

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
        self.run_fails(2, ["functional, cycle, rtl, xrt"], "--device", "cyle")
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

    def test_what_a_card_is_told(self):
        """tools/accelerator/card_registers.py: the program's file as words of registers."""
        parsed("compile", MODEL, "-o", "small.accp", "--target", "u280-small", "--force")

        def told(*arguments):
            return subprocess.run([sys.executable, CARD_REGISTERS, "small.accp", *arguments],
                                  cwd=FOLDER, text=True, capture_output=True, timeout=TIMEOUT)

        lines = told("--position", "5", "--tokens", "3", "--outputs", "2").stdout.splitlines()
        writes = [line.split(None, 3)[1:] for line in lines if line.startswith("write")]
        by_name = {name: (int(offset, 16), int(word, 16)) for offset, word, name in writes}
        self.assertEqual(len(writes), 2 * 2 + 2 + 1 + 24 + 2 + 1 + 1 + 1)
        self.assertEqual(writes[0], ["0x010", "0x00000000", "memory[0]"])
        self.assertEqual(by_name["memory[1]"], (0x01c, 0x10000000))
        self.assertEqual(by_name["instructions"][1], 64 * by_name["geometry.stripes"][1])
        self.assertEqual(by_name["n_instructions"], (0x31c, 88))
        self.assertEqual((by_name["geometry.hidden"][1], by_name["geometry.vocab"][1]), (256, 4096))
        self.assertEqual((by_name["geometry.lanes"][1], by_name["geometry.slots"][1]), (2, 4))
        self.assertEqual([by_name[name][1] for name in ("position", "n_tokens", "n_outputs")],
                         [5, 3, 2])
        self.assertEqual(writes[-1], ["0x000", "0x00000001", "control: start"])
        moved = told("--memory", "0x123000", "0x200001000").stdout
        self.assertIn("write 0x01c 0x00001000 memory[1]\nwrite 0x020 0x00000002", moved)
        self.assertIn("the program has 2 lanes", told("--memory", "0").stderr)

    def test_simulated_rtl(self):
        rtl = ("--device", "rtl")
        self.run_fails(2, ["--vectors: the rtl device", "--device functional"], *rtl, "--vectors",
                       "no")
        self.run_fails(2, ["--trace", "--device cycle"], *rtl, "--trace", "no.json")
        if "no Verilator" in accllm("run", "window.accp", "-p", "a", *rtl).stderr:
            self.run_fails(4, ["this build has no Verilator", "tools/setup.sh rtl"], *rtl)
            return
        self.run_fails(4, ["window.accp is for 32 lanes and 4 slots",
                           "the simulated kernel has 2 lanes and 4 slots",
                           "--target u280-small"], *rtl)
        parsed("compile", MODEL, "-o", "small.accp", "--target", "u280-small", "--force")
        text = ("run", "small.accp", "-p", "Call", "-n", "3", "--temp", "0", "--ignore-eos")
        simulated = parsed(*text, *rtl)
        self.assertEqual(simulated["tokens"], parsed(*text, "--device", "functional")["tokens"])
        self.assertGreater(simulated["cycles"], 100_000)

    def test_no_card(self):
        (FOLDER / "no.xclbin").write_text("no card looks at it")
        card = ("--device", "xrt", "--xclbin", "no.xclbin")
        self.run_fails(2, ["--device xrt needs --xclbin", "v++"], "--device", "xrt")
        self.run_fails(2, ["--xclbin needs --device"], "--xclbin", "no.xclbin")
        self.run_fails(2, ["--vectors", "--device functional"], *card, "--vectors", "no")
        self.run_fails(2, ["--trace", "--device cycle"], *card, "--trace", "no.json")
        if "no XRT" in accllm("run", "window.accp", "-p", "a", *card).stderr:
            self.run_fails(4, ["this build has no XRT", "libxrt-dev"], *card)
            return
        self.run_fails(3, ["there is no card 0: ", "xbutil examine"], *card)
        self.run_fails(3, ["there is no card 0000:65:00.1: "], *card, "--card", "0000:65:00.1")
        self.run_fails(3, ["missing.xclbin: there is no such file"], "--device", "xrt",
                       "--xclbin", "missing.xclbin")

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

    def test_ctrl_c_within_a_prompt(self):
        command = [BINARY, "run", "window.accp", "--prompt-tokens", ",".join(["7"] * 40000), "-n",
                   "9", "--device", "cycle", "--trace", "prompt.json", "--json"]
        terminal, errors = os.openpty()  # where progress is shown at once
        with subprocess.Popen(command, cwd=FOLDER, env=ENVIRONMENT, stdout=subprocess.PIPE,
                              stderr=errors) as process:
            os.close(errors)
            self.assertIn(b"reading the prompt", os.read(terminal, 100))
            process.send_signal(signal.SIGINT)
            report = json.loads(process.communicate(timeout=TIMEOUT)[0])
        os.close(terminal)
        self.assertEqual(process.returncode, 130)
        self.assertEqual((report["tokens"], report["stopped_by"]), ([], "interrupt"))
        self.assertLess(0, report["passes"])
        self.assertLess(report["passes"], 40000 / 4)
        self.assertEqual(report["cycles"], report["prompt_cycles"])
        self.assertTrue(json.loads((FOLDER / "prompt.json").read_text())["traceEvents"])


class Report(Case):
    SMALL = ("report", MODEL, "--window", "60", "--position", "100", "--prefill", "64")

    def test_of_a_file(self):
        report = parsed(*self.SMALL)
        self.assertEqual([p["tokens"] for p in report["passes"]], [1, 2, 3, 4, 1])
        first = report["passes"][0]
        self.assertEqual(report["decode_tokens_per_second"], first["passes_per_second"])
        self.assertEqual(report["hbm_utilisation"], first["hbm_utilisation"])
        self.assertNotIn("mix", report)
        # Published machines run another model: nothing is modelled, and no ratio is given.
        self.assertEqual({b["name"] for b in report["baselines"]},
                         {"AccLLM (paper)", "EdgeLLM", "FlightLLM"})
        for baseline in report["baselines"]:
            self.assertNotIn("modelled", baseline)
            self.assertNotIn("speed_ratio", baseline)

    def test_a_mix_of_passes(self):
        report = parsed(*self.SMALL, "--passes", "3x1,2x2", "--generated", "6")
        one, two = (1 / p["passes_per_second"] for p in report["passes"][:2])
        mix = report["mix"]
        self.assertAlmostEqual(mix["tokens_per_second"], 6 / (3 * one + 2 * two), places=3)
        self.assertEqual(mix["passes"], [{"count": 3, "tokens": 1}, {"count": 2, "tokens": 2}])
        energy = mix["energy"]["chip"]
        self.assertAlmostEqual(energy["watts"]["nominal"] / mix["tokens_per_second"],
                               energy["joules_per_token"]["nominal"], places=9)
        self.assertIn("passes 3x1,2x2: 7 tokens", accllm(*self.SMALL, "--passes", "3x1,2x2").stdout)

    def test_wider_caches(self):
        reports = [parsed(*self.SMALL, "--kv", bits) for bits in ("4", "8", "16")]
        self.assertEqual(reports[0], parsed(*self.SMALL))
        for narrow, wide in zip(reports, reports[1:]):
            self.assertGreater(wide["passes"][0]["hbm_bytes"], narrow["passes"][0]["hbm_bytes"])
            for key in ("decode_tokens_per_second", "decode_tokens_per_joule"):
                self.assertLess(wide[key], narrow[key])

    def test_published_machines(self):
        report = parsed("report", "--shape", "llama-2-7b", "--position", "400", "--prefill", "64",
                        "--passes", "1x1,4x2")
        baselines = {b["name"]: b for b in report["baselines"]}
        for name, tolerance, calibrated in (("FlightLLM", 0.1, "bursts_in_flight"),
                                            ("AccLLM (paper)", 0.15, "nothing")):
            baseline = baselines[name]
            self.assertEqual(baseline["calibrated"], calibrated)
            for point in (baseline["modelled"], *baseline.get("checks", [])):
                self.assertLess(abs(point["relative_error"]), tolerance, name)
            self.assertAlmostEqual(baseline["speed_ratio"], report["decode_tokens_per_second"]
                                   / baseline["same_position"]["tokens_per_second"])
            ours = report["energy"][baseline["scope"]]["tokens_per_joule"]["nominal"]
            theirs = baseline["same_position"]["tokens_per_joule"]["nominal"]
            self.assertAlmostEqual(baseline["energy_ratio"], ours / theirs)
            self.assertGreater(baseline["mix"]["energy_ratio"], baseline["energy_ratio"])
        self.assertEqual([c["cached_tokens"] for c in baselines["FlightLLM"]["checks"]], [128, 512])
        self.assertNotIn("modelled", baselines["EdgeLLM"])  # nothing is known of its machine

    def test_a_larger_part_of_the_fpga(self):
        usual = parsed(*self.SMALL)
        large = parsed(*self.SMALL, "--target", "u280-large")
        self.assertGreater(large["prefill_tokens_per_second"], usual["prefill_tokens_per_second"])
        part = {"luts": 1_304_000, "dsps": 9024, "brams": 2016, "urams": 960}
        for resource, count in part.items():
            self.assertLessEqual(large["area"][resource], count, resource)
        parsed("compile", MODEL, "-o", "large.accp", "--window", "60", "--target", "u280-large")
        cycle = run("--device", "cycle", program="large.accp")
        self.assertEqual(cycle["tokens"], run()["tokens"])

    def test_mistakes(self):
        for parts, arguments in (
                (["--generated needs --passes"], ["--generated", "3"]),
                (["--trace-tokens needs --trace"], ["--trace-tokens", "3"]),
                (["--passes '1x5' is not understood", "at most 4"], ["--passes", "1x5"]),
                (["--generated 9 is impossible"], ["--passes", "3x2", "--generated", "9"]),
                (["'5' is none of 4, 8, 16"], ["--kv", "5"])):
            self.assert_fails(2, parts, *self.SMALL, *arguments)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", required=True)
    options, rest = parser.parse_known_args()
    BINARY = small_model.Program.binary = os.path.abspath(options.binary)
    small_model.Program.tokenizer = MODELS / "books-6m/tokenizer.model"
    with tempfile.TemporaryDirectory() as folder:
        FOLDER = pathlib.Path(folder)
        parsed("compile", MODEL, "-o", "window.accp", "--window", "60")
        unittest.main(argv=[sys.argv[0], *rest])
