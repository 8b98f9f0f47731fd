#!/usr/bin/env python3
"""Proves the assertions that stand in modules under `ifdef FORMAL.

    prove.py [MODULE...]

A configuration (rtl/BLOCK/configurations.toml) with `proof = { depth = N }` is proved by yosys-smtbmc and z3: no
assertion fails in the first N cycles, and none fails in a cycle that follows N in which all hold. Exits 1 if one does.
"""

import pathlib
import subprocess
import sys
import tempfile
import time

import design

PREPARE = """prep -top {top}
memory_map
async2sync
dffunmap
opt_clean
check -assert
write_smt2 -wires {model}
"""


def model_of(top: str, parameters: dict, model: pathlib.Path) -> None:
    script = design.yosys_read(top, parameters, design.files_of(top))
    script = script.replace("read_verilog -sv", "read_verilog -sv -formal") + PREPARE.format(top=top, model=model)
    with tempfile.NamedTemporaryFile("w", suffix=".ys") as file:
        file.write(script)
        file.flush()
        result = subprocess.run(["yosys", "-Q", "-q", file.name], capture_output=True, text=True)
    if result.returncode:
        sys.exit(f"{result.stdout}{result.stderr}")
    if "yosys-smt2-assert" not in model.read_text():
        sys.exit(f"tools/rtl/prove.py: {top} has no assertion to prove")


def prove(top: str, parameters: dict, depth: int) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        model = pathlib.Path(folder, "model.smt2")
        model_of(top, parameters, model)
        for step, options in (("first cycles", []), ("induction", ["-i"])):
            start = time.monotonic()
            command = ["yosys-smtbmc", "-s", "z3", "--unroll", "-t", str(depth), *options, str(model)]
            result = subprocess.run(command, capture_output=True, text=True)
            passed = result.returncode == 0 and "Status: PASSED" in result.stdout
            verdict = "proved" if passed else "FAILED"
            print(f"{design.describe(top, parameters)}: {step}, depth {depth}: {verdict} in "
                  f"{time.monotonic() - start:.1f} s", flush=True)
            if not passed:
                print(result.stdout[-4000:])
                return False
    return True


def main(names: list[str]) -> int:
    failures = count = 0
    try:
        for name in names or design.modules():
            for entry in design.configurations(name):
                if "proof" in entry:
                    count += 1
                    failures += not prove(name, entry["parameters"], entry["proof"]["depth"])
    except design.DesignError as error:
        sys.exit(f"tools/rtl/prove.py: {error}")
    print(f"rtl proofs: {count} configurations, {failures} failed")
    return failures > 0 or count == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
