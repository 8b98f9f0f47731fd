#!/usr/bin/env python3
"""Turns a module into C++ by Verilator and lays the result out as a fixed number of sources for the build.

cmake/AccllmRtl.cmake runs it. Verilator splits a model into files whose names are not known before; here they are
shared out over PARTS sources part_0.cc, part_1.cc, ... that include them.
"""

import argparse
import pathlib
import shutil
import subprocess
import sys

import design
import synth

# What yosys's own cells and a netlist of them are warned of.
NETLIST_WARNINGS = ("INITIALDLY", "TIMESCALEMOD", "lint", "style")

# Wider signals are data that pass: their bits would be nearly all of a model, and say little of what was tried.
LINES = ("--coverage-line", str(design.MODELS / "coverage.vlt"))
TOGGLES = ("--coverage-toggle", "--coverage-max-width", "8")


def netlist_options(args: argparse.Namespace, extra: list[pathlib.Path]) -> list[str]:
    """The netlist of the module, and the cells that it is made of."""
    netlist = args.out / "netlist.v"
    synth.write_netlist(args.top, design.parse_parameters(args.param), netlist, extra)
    cells = pathlib.Path(shutil.which("yosys")).resolve().parents[1] / "share/yosys/xilinx/cells_sim.v"
    return [*(f"-Wno-{warning}" for warning in NETLIST_WARNINGS), str(cells), str(netlist)]


def source_options(args: argparse.Namespace, extra: list[pathlib.Path]) -> list[str]:
    return [*design.verilator_parameters(design.parse_parameters(args.param)), *map(str, design.files_of(args.top, extra))]


def run_verilator(args: argparse.Namespace) -> None:
    extra = [path.resolve() for path in args.source]
    command = [
        args.verilator, "--cc", "--top-module", args.top, "--prefix", args.prefix, "--Mdir", str(args.out),
        "-O3", "--x-assign", "unique", "--x-initial", "unique", "--assert", "--no-timing",
        "--output-split", "20000", "-y", str(design.MODELS), "+libext+.sv",
        *(f"-D{name}" for name in args.define),
        *(LINES if args.coverage else []), *(TOGGLES if args.coverage and not args.lines else []),
        str(design.RTL / "lint_waivers.vlt"),
        *(netlist_options(args, extra) if args.netlist else source_options(args, extra)),
    ]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        sys.exit(f"{result.stdout}{result.stderr}")


def share_out(out: pathlib.Path, prefix: str, parts: int) -> None:
    """Largest file first, each to the part that has least."""
    shares = [[0] for _ in range(parts)]
    sources = [path for path in out.glob(f"{prefix}*.cpp") if not path.stem.endswith("__ALL")]
    for path in sorted(sources, key=lambda path: (-path.stat().st_size, path.name)):
        share = min(shares, key=lambda share: share[0])
        share[0] += path.stat().st_size
        share.append(path.name)
    for number, (_, *names) in enumerate(shares):
        text = "".join(f'#include "{name}"\n' for name in names)
        (out / f"part_{number}.cc").write_text(text)


def write_dependencies(args: argparse.Namespace, out: pathlib.Path, prefix: str) -> None:
    """Verilator's list, or for a netlist the modules and models of cells, under the name that the build knows."""
    _, _, needed = (out / f"{prefix}__ver.d").read_text().partition(" : ")
    absolute = [path for path in needed.split() if path.startswith("/") and not path.startswith("/usr/")]
    if args.netlist:
        models = [path for path in absolute if pathlib.Path(path).parent == design.MODELS]
        sources = design.files_of(args.top, [path.resolve() for path in args.source])
        absolute = [*models, *map(str, sources)]
    args.depfile.write_text(f"{out / 'part_0.cc'}: {' '.join(absolute)}\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("top")
    parser.add_argument("--prefix", required=True, help="name of the C++ class")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--parts", type=int, default=1)
    parser.add_argument("--depfile", type=pathlib.Path, required=True)
    parser.add_argument("--verilator", default="verilator")
    parser.add_argument("--coverage", action="store_true")
    parser.add_argument("--lines", action="store_true", help="with --coverage: count lines alone")
    parser.add_argument("--netlist", action="store_true", help="synthesise the module, and simulate its netlist")
    parser.add_argument("--param", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--define", action="append", default=[], metavar="NAME")
    parser.add_argument("--source", action="append", default=[], type=pathlib.Path, help="a module outside rtl/")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    for stale in args.out.glob("*.cpp"):
        stale.unlink()
    try:
        run_verilator(args)
    except design.DesignError as error:
        sys.exit(f"tools/rtl/verilate.py: {error}")
    share_out(args.out, args.prefix, args.parts)
    write_dependencies(args, args.out, args.prefix)


if __name__ == "__main__":
    main()
