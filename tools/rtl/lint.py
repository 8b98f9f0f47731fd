#!/usr/bin/env python3
"""Static checks of the RTL: Verilator's lint and yosys's elaboration of every module with its parameter sets.

    lint.py [--quick] [MODULE...]

Without names all modules are checked (with --quick those that no other has, in which the others are, with the first of their
parameter sets), and what they look like: at most 300 lines of 100 columns, one module a
file, named like it; and a card's wrapper (accllm_kernel) as tools/rtl/card_kit.py writes it. Waivers stand in
rtl/lint_waivers.vlt. Exits 1 if there are findings.
"""

import concurrent.futures
import functools
import pathlib
import re
import subprocess
import sys
import tempfile

import card_kit
import design

MAX_LINES, MAX_COLUMNS = 300, 100


def appearance(path) -> list[str]:
    findings = []
    lines = path.read_text().splitlines()
    name = path.relative_to(design.ROOT)
    if len(lines) > MAX_LINES:
        findings.append(f"{name}:{MAX_LINES + 1}: {len(lines)} lines; split it, at most {MAX_LINES} are allowed")
    for number, line in enumerate(lines, 1):
        if len(line) > MAX_COLUMNS:
            findings.append(f"{name}:{number}: {len(line)} columns; at most {MAX_COLUMNS} are allowed")
        if "\t" in line or line != line.rstrip():
            findings.append(f"{name}:{number}: a tab, or blanks at the end of the line")
    found = re.findall(r"^\s*(?:module|package)\s+(\w+)", design.code(path), re.MULTILINE)
    if found != [path.stem]:
        findings.append(f"{name}:1: holds {', '.join(found) or 'nothing'}; a file holds one module, named like it")
    return findings


def run(command: list[str], title: str) -> list[str]:
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode == 0:
        return []
    return [f"{title}:\n{result.stdout}{result.stderr}".rstrip()]


def verilator_lint(top: str, parameters: dict, define: str | None, extra=()) -> list[str]:
    command = ["verilator", "--lint-only", "-Wall", "--no-timing", "--top-module", top]
    command += design.verilator_parameters(parameters)
    if define:
        command += [f"-D{define}", "-y", str(design.MODELS)]
    command += [str(design.RTL / "lint_waivers.vlt"), *map(str, design.files_of(top, extra))]
    return run(command, f"verilator, {design.describe(top, parameters)}{' with ' + define if define else ''}")


def yosys_check(top: str, parameters: dict, extra=()) -> list[str]:
    script = design.yosys_read(top, parameters, design.files_of(top, extra))
    script += f"hierarchy -check -top {top}\nproc\ncheck -assert\n"
    with tempfile.NamedTemporaryFile("w", suffix=".ys") as file:
        file.write(script)
        file.flush()
        return run(["yosys", "-Q", "-q", file.name], f"yosys, {design.describe(top, parameters)}")


def check(top: str, parameters: dict) -> list[str]:
    findings = verilator_lint(top, parameters, None) + yosys_check(top, parameters)
    if any(design.PRIMITIVES in design.words(path) for path in design.files_of(top)):
        findings += verilator_lint(top, parameters, design.PRIMITIVES)
    return findings


def check_kernel() -> list[str]:
    """The wrapper of a small machine, for which the top has parameters."""
    parameters = dict(design.configurations("accllm_top")[0]["parameters"])
    with tempfile.TemporaryDirectory() as folder:
        card_kit.write_kit(parameters.pop("Lanes"), parameters, pathlib.Path(folder))
        wrapper = [pathlib.Path(folder) / "rtl" / f"{card_kit.KERNEL}.v"]
        return verilator_lint(card_kit.KERNEL, {}, None, wrapper) + yosys_check(card_kit.KERNEL, {}, wrapper)


def configurations(name: str, quick: bool) -> list[dict]:
    # What synthesis counts without its modules is too large to be checked with them.
    entries = [entry["parameters"] for entry in design.configurations(name) if not entry["own"]]
    return entries[:1] if quick else entries


def roots() -> list[str]:
    """The modules that no other has; whoever checks them checks all that they have."""
    used = {instance for path in design.modules().values() for instance in design.instances(path)}
    return [name for name in design.modules() if name not in used]


def main(arguments: list[str]) -> int:
    quick = "--quick" in arguments
    names = [argument for argument in arguments if argument != "--quick"]
    findings, jobs = [], []
    try:
        for path in () if names else [*design.modules().values(), *design.packages().values()]:
            findings += appearance(path)
        for name in names or (roots() if quick else [*design.modules(), card_kit.KERNEL]):
            if name == card_kit.KERNEL:
                jobs.append(check_kernel)
                continue
            if names:
                findings += appearance(design.find(name))
            jobs += [functools.partial(check, name, parameters) for parameters in configurations(name, quick)]
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            for found in pool.map(lambda job: job(), jobs):
                findings += found
    except design.DesignError as error:
        findings.append(str(error))
    print(*findings, sep="\n", end="\n" if findings else "")
    print(f"rtl lint: {len(jobs)} configurations, {len(findings)} findings")
    return bool(findings) or not jobs


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
