#!/usr/bin/env python3
"""What the benches reach of the RTL: `make coverage-rtl` builds them and runs this.

    coverage.py FOLDER [--jobs N]     the table of a build with ACCLLM_RTL_COVERAGE; exits 1 if a floor is not met
    coverage.py FOLDER --of MODULE    also what was not reached of a module

A bench runs if it is newer than what it counted last; verilator_coverage adds up the models of its cases. A point is
a run of statements or a side of a branch, or a bit that may change; points of all benches, instances and parameters are
the same if they are of the same place in the source. rtl/coverage.toml has the floors, in percent, and what
nothing can reach. A module with a process that no bench instantiates is a finding, too.
"""

import argparse
import collections
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tomllib

import design

RULES = design.RTL / "coverage.toml"
POINT = re.compile(r"C '(.*)' (\d+)")
KINDS = {"v_line": "lines", "v_branch": "lines", "v_toggle": "toggles"}
# A point of the source: line, column for a branch, and what it is called.
Point = collections.namedtuple("Point", "module kind line name")


def run(bench: pathlib.Path, out: pathlib.Path) -> str | None:
    """What went wrong, if anything. The counts of the bench's cases go to `out`."""
    if out.exists() and out.stat().st_mtime > bench.stat().st_mtime:
        return None
    parts = out.with_suffix("")
    shutil.rmtree(parts, ignore_errors=True)
    parts.mkdir(parents=True)
    environment = {**os.environ, "ACCLLM_RTL_COVERAGE_DIR": str(parts)}
    result = subprocess.run([bench, "--gtest_brief=1"], env=environment, capture_output=True, text=True)
    if result.returncode:
        return f"{bench.name}:\n{result.stdout[-3000:]}{result.stderr[-1000:]}"
    files = sorted(map(str, parts.iterdir()))
    if files:  # a bench of the harness has no model
        partial = out.with_suffix(".partial")
        subprocess.run(["verilator_coverage", "--write", partial, *files], check=True, capture_output=True)
        partial.rename(out)
    shutil.rmtree(parts)
    return None


def run_all(folder: pathlib.Path, jobs: int) -> list[pathlib.Path]:
    benches = sorted((folder / "tests" / "rtl").glob("*_bench"))
    if not benches:
        sys.exit(f"tools/rtl/coverage.py: no bench in {folder}; `make coverage-rtl` builds them")
    outs = [folder / "rtl_coverage" / f"{bench.name}.dat" for bench in benches]
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        failed = [message for message in pool.map(run, benches, outs) if message]
    if failed:
        sys.exit("\n".join(failed))
    return [out for out in outs if out.exists()]


def read(path: pathlib.Path, counts: collections.Counter) -> None:
    """Adds the counts of the project's modules; models of primitives and of benches are not among them."""
    for line in path.read_text().splitlines():
        match = POINT.fullmatch(line)
        if not match:
            continue
        fields = dict(field.split("\2", 1) for field in match[1].split("\1") if field)
        module = pathlib.Path(fields["f"]).stem
        kind = KINDS[fields["page"].partition("/")[0]]
        if module in design.modules():
            name = fields["o"] if kind == "toggles" else f"{fields['o']}, column {fields['n']}"
            counts[Point(module, kind, int(fields["l"]), name)] += int(match[2])


def is_in_function(line: int, name: str, text: list[str]) -> bool:
    """Whether a line (from 1 on) is one of a function."""
    for first, code in enumerate(text, 1):
        if re.search(rf"\bfunction\b.*\b{re.escape(name)}\(", code):
            return first <= line <= first + text[first:].index("  endfunction") + 1
    return False


def is_excluded(point: Point, rule: dict) -> bool:
    """A rule names a module and a signal, a function, or text of the line and maybe the side of the branch."""
    if rule["module"] != point.module or ("signal" in rule) != (point.kind == "toggles"):
        return False
    if "signal" in rule:
        return re.fullmatch(rf"{re.escape(rule['signal'])}([.\[].*)?", point.name) is not None
    text = design.find(point.module).read_text().splitlines()
    if "function" in rule:
        return is_in_function(point.line, rule["function"], text)
    return rule["code"] in text[point.line - 1] and point.name.startswith(rule.get("side", ""))


def exclude(counts: collections.Counter, rules: list[dict]) -> list[str]:
    """Takes excluded points away; a rule that excludes nothing, or what was reached, is a finding."""
    findings = []
    for rule in rules:
        title = f"{RULES.name}: {rule['module']}: {rule.get('signal') or rule.get('function') or rule['code']}"
        found = [point for point in counts if is_excluded(point, rule)]
        if not found:
            findings.append(f"{title}: there is no such point")
        if any(counts[point] for point in found):
            findings.append(f"{title}: a bench reaches it")
        for point in found:
            del counts[point]
    return findings


def shares(counts: collections.Counter, name_of) -> dict[str, dict[str, tuple[int, int]]]:
    """Of each name and kind: points that were reached, and all."""
    found = collections.defaultdict(lambda: {"lines": (0, 0), "toggles": (0, 0)})
    for point, count in counts.items():
        reached, total = found[name_of(point)][point.kind]
        found[name_of(point)][point.kind] = (reached + (count > 0), total + 1)
    return found


def percent(share: tuple[int, int]) -> float:
    return 100 * share[0] / share[1] if share[1] else 100


def table(title: str, found: dict) -> str:
    lines = [f"{title:<24}{'lines':>8}{'of':>8}{'toggles':>10}{'of':>8}"]
    for name, kinds in sorted(found.items()):
        of_lines, of_toggles = kinds["lines"], kinds["toggles"]
        lines.append(f"{name:<24}{percent(of_lines):>7.1f}%{of_lines[1]:>8}"
                     f"{percent(of_toggles):>9.1f}%{of_toggles[1]:>8}")
    return "\n".join(lines)


def below(found: dict, floors: dict) -> list[str]:
    findings = []
    for name, floor in floors.items():
        for kind, least in floor.items():
            share = percent(found[name][kind])
            if share < least:
                findings.append(f"{name}: {share:.1f} % of {kind}, the floor is {least} %")
    return findings


def not_counted(unseen: list[str]) -> list[str]:
    """Modules without points that have what would be one."""
    processes = {"always_ff", "always_comb"}
    return [f"{name}: no bench counts its lines" for name in unseen if processes & design.words(design.find(name))]


def not_reached(counts: collections.Counter, module: str) -> str:
    missed = sorted(point for point, count in counts.items() if point.module == module and not count)
    return "\n".join(f"{design.find(module).relative_to(design.ROOT)}:{point.line}: {point.kind}: {point.name}"
                     for point in missed)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--of", action="append", default=[], metavar="MODULE")
    args = parser.parse_args()
    counts = collections.Counter()
    for path in run_all(args.folder, args.jobs):
        read(path, counts)
    rules = tomllib.loads(RULES.read_text())
    findings = exclude(counts, rules.get("unreachable", []))
    unseen = sorted(set(design.modules()) - {point.module for point in counts})
    modules = shares(counts, lambda point: point.module)
    print(table("module", modules), end="\n\n")
    blocks = shares(counts, lambda point: design.find(point.module).parent.name)
    blocks |= shares(counts, lambda point: "all")
    print(table("block", blocks))
    print(f"nothing to count, or no bench: {', '.join(unseen)}")
    for module in args.of:
        print(not_reached(counts, module))
    floors = rules["floor"]
    each = floors.pop("each")
    findings += below(modules, {name: each for name in sorted(modules)}) + below(blocks, floors) + not_counted(unseen)
    print(*findings, sep="\n", end="\n" if findings else "")
    return bool(findings)


if __name__ == "__main__":
    sys.exit(main())
