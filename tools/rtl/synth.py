#!/usr/bin/env python3
"""Synthesises a module for UltraScale+ by yosys and counts what it takes.

    synth.py MODULE [NAME=VALUE...] [--json FILE]
    synth.py MODULE [NAME=VALUE...] --netlist FILE     a flat netlist to simulate; RAM in blocks stays a description
    synth.py MODULE [NAME=VALUE...] --tree          what each module below it takes, mapped by itself, LUTs one each
    synth.py MODULE [NAME=VALUE...] --own              without the project's modules that it instantiates: their ports
                                    end what levels are counted of
    synth.py --counts FILE          what FILE (spec/accelerator/synthesis.toml) has, counted anew and written there
    synth.py MODULE [NAME=VALUE...] --counts FILE      one configuration, which comes to FILE if it is not there
    synth.py --all                  every configuration that has a budget; exits 1 where one is exceeded, or where
                                    spec/accelerator/synthesis.toml says something else

LUTs are sites, as in the part's data sheet: two functions of the same five inputs share one (sites.py says which do, and
"shared" counts these sites). RAM in LUTs counts by the LUTs that it takes. Shift registers are flip-flops, but for those
of delay_data, which are half a LUT a bit. Levels are LUTs, wide multiplexers, carry blocks of four bits and RAM in LUTs on
the longest way between registers, ports, BRAM, URAM and DSPs.
"""

import argparse
import collections
import concurrent.futures
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import tomllib

import design
import netlist
import simulable
import sites

# Cells that take sites: kind and how many.
EXACT = {
    "RAM16X1D": ("lut", 2), "RAM32X1S": ("lut", 1), "RAM32X1D": ("lut", 2), "RAM64X1S": ("lut", 1),
    "RAM64X1D": ("lut", 2), "RAM128X1S": ("lut", 2), "RAM128X1D": ("lut", 4), "RAM256X1S": ("lut", 4),
    "RAM256X1D": ("lut", 8), "RAM512X1S": ("lut", 8), "RAM32M": ("lut", 4), "RAM64M": ("lut", 4),
    "RAM32M16": ("lut", 8), "RAM64M8": ("lut", 8), "RAM32X16DR8": ("lut", 8), "RAM64X8SW": ("lut", 8),
    "LUT6_2": ("lut", 1), "SRL16E": ("lut", 1), "SRLC32E": ("lut", 1), "INV": ("lut", 1),
    "FDRE": ("ff", 1), "FDSE": ("ff", 1), "FDCE": ("ff", 1), "FDPE": ("ff", 1), "LDCE": ("ff", 1),
    "CARRY4": ("carry", 1), "CARRY8": ("carry", 1),
    "DSP48E2": ("dsp", 1), "RAMB36E2": ("bram", 1), "RAMB18E2": ("bram", 0.5), "URAM288": ("uram", 1),
}
FREE = re.compile(rf"^(GND|VCC|BUFG|IBUF|OBUF|MUXF[789]|{simulable.BLOCK})$")
RESOURCES = ("lut", "ff", "dsp", "bram", "uram", "carry")
# For the area model.
COUNTS = design.ROOT / "spec" / "accelerator" / "synthesis.toml"
COUNTED = ("lut", "shared", "ff", "dsp", "bram", "uram", "levels")
# -nosrl: yosys 0.23 loses the enable of shift registers. -nowidelut: larger LUTs cost more than they save.
SYNTHESIS = "synth_xilinx -family xcup -noiopad -noclkbuf -nosrl -nowidelut"
# For ABC, instead of what synth_xilinx gives it: for area and for depth. ABC sees no carry chains, so either may turn
# out to be the deeper one: what has fewer levels is taken, of equals the smaller.
PREPARED = "strash; &get -n; &fraig -x; &put; scorr; dc2; dretime; strash; dch -f"
MAPPINGS = (f"{PREPARED}; if -a; mfs2; lutpack -S 1", f"{PREPARED}; if; mfs2; lutpack -S 1")
# Mapped once, as blocks have many of them.
KEPT = ("rce_segment", "kv4_lane", "kv4_group", "kv4_error_sum", "hadamard_pairs", "hadamard_stage", "rope",
        "query_quantize", "fp_div")


def readable(name: str) -> str:
    """The module's own name, whatever yosys made of it and its parameters."""
    match = re.match(r"\$paramod(?:\$[0-9a-f]+)?\\([^\\]+)", name)
    return match.group(1) if match else name.lstrip("\\")


def cost_of(cell: str) -> tuple[str, float] | None:
    if re.fullmatch(r"LUT[1-6]", cell):
        return "lut", 1
    if readable(cell) in design.modules():
        return None  # a black box
    if cell in EXACT:
        return EXACT[cell]
    if FREE.match(cell):
        return None
    raise SystemExit(f"tools/rtl/synth.py: unknown cell {cell}; give it a cost in EXACT or FREE")


def run_yosys(script: str) -> str:
    with tempfile.NamedTemporaryFile("w", suffix=".ys") as file:
        file.write(script)
        file.flush()
        result = subprocess.run(["yosys", "-Q", "-T", file.name], capture_output=True, text=True)
    if result.returncode:
        raise SystemExit(f"{result.stdout[-3000:]}\n{result.stderr}")
    return result.stdout


def synthesis(top: str, folder: pathlib.Path, before_rams: str) -> tuple[str, list[pathlib.Path]]:
    """Yosys commands from the sources, which have been read, to flat netlists, one of each mapping, and where these
    are; `before_rams` comes before RAMs are mapped."""
    command = f"{SYNTHESIS} -flatten -top {top}"
    kept = " ".join(instances_of(name) for name in KEPT)
    script = [f"hierarchy -top {top}", f"select -set kept {kept}", "setattr -mod -set keep_hierarchy 1 @kept",
              f"{command} -run begin:map_memory", before_rams, f"{command} -run map_memory:map_luts",
              "opt_expr -mux_undef -noclkinv", "design -save gates"]
    netlists = []
    for index, mapping in enumerate(MAPPINGS):
        path = folder / f"mapping_{index}.abc"
        path.write_text(mapping + "\n")
        netlists.append(folder / f"flat_{index}.json")
        script += ["design -load gates", f"abc -lut 6 -script {path}", "clean", "techmap -map +/xilinx/ff_map.v",
                   "techmap -map +/xilinx/lut_map.v -map +/xilinx/cells_map.v -D LUT_WIDTH=6",
                   "xilinx_dffopt", "opt_lut_ins -tech xilinx", f"select -set kept {kept}",
                   # Inverters of resets are one a register before they are merged.
                   "setattr -mod -unset keep_hierarchy @kept", "opt_merge", "flatten", "opt_clean",
                   f"write_json {netlists[-1]}"]
    return "\n".join([*script, ""]), netlists


def best_netlist(top: str, read: str, before_rams: str = "") -> tuple[dict, dict]:
    """The netlist, as `write_json` gives it, with LUTs that share sites; and what it takes."""
    with tempfile.TemporaryDirectory() as folder:
        script, paths = synthesis(top, pathlib.Path(folder), before_rams)
        run_yosys(read + script)
        mapped = [json.loads(path.read_text()) for path in paths]
    results = []
    for whole in mapped:
        module = whole["modules"][top]
        shared, shifts = sites.share(module), sites.shift_pairs(module)
        try:
            levels = netlist.levels(module)
        except ValueError as error:
            raise SystemExit(f"tools/rtl/synth.py: {top}: {error}")
        total = count(module)
        total["lut"] -= shifts
        results.append((whole, {**total, "shared": shared + shifts, "levels": levels}))
    return min(results, key=lambda result: (result[1]["levels"], result[1]["lut"]))


def instances_of(name: str) -> str:
    """The module as yosys names it: with its parameters or without."""
    return f"{name} $paramod*\\{name}*"


def blackboxes(top: str) -> str:
    """Modules that the top instantiates."""
    return " ".join(instances_of(name) for name in design.instances(design.find(top)))


def count(module: dict) -> dict:
    """What the cells of a flat netlist take, a site for each LUT and each shift register."""
    taken = dict.fromkeys(RESOURCES, 0)
    for cell in module["cells"].values():
        if cost := cost_of(cell["type"]):
            taken[cost[0]] += cost[1]
    return taken


def write_netlist(top: str, parameters: dict, path: pathlib.Path, extra: list[pathlib.Path] = []) -> None:
    """A flat netlist in Verilog, for simulation."""
    read = design.yosys_read(top, parameters, design.files_of(top, extra), (design.PRIMITIVES,))
    whole, _ = best_netlist(top, read, simulable.HIDE)
    simulable.make_simulable(whole["modules"][top])
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(whole, file)
        file.flush()
        run_yosys("\n".join([f"read_json {file.name}", f"hierarchy -top {top}", "splitnets", "opt_clean -purge",
                             f"write_verilog -noattr {path}", ""]))


def synthesise(top: str, parameters: dict, own: bool = False) -> dict:
    """What one configuration takes, and its levels."""
    read = design.yosys_read(top, parameters, design.files_of(top), (design.PRIMITIVES,))
    if own:
        read += f"hierarchy -top {top}\nblackbox {blackboxes(top)}\n"
    return {"module": top, "parameters": parameters, "own": own, "total": best_netlist(top, read)[1]}


def tree(top: str, parameters: dict) -> str:
    """A table with a row a module below the top, each mapped by itself, LUTs one each."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "tree.json")
        script = design.yosys_read(top, parameters, design.files_of(top), (design.PRIMITIVES,))
        run_yosys(script + f"{SYNTHESIS} -top {top}\nopt_merge\nopt_clean\nwrite_json {path}\n")
        modules = json.loads(path.read_text())["modules"]
    # The libraries' cells are modules too.
    modules = {name: module for name, module in modules.items() if "blackbox" not in module["attributes"]}
    times = collections.Counter()

    def visit(module: str) -> None:
        times[module] += 1
        for cell in modules[module]["cells"].values():
            if cell["type"] in modules:
                visit(cell["type"])

    visit(top)
    rows = collections.defaultdict(collections.Counter)  # all parameter sets of a module together
    for name, instances in times.items():
        own = {**modules[name], "cells": {key: cell for key, cell in modules[name]["cells"].items()
                                          if cell["type"] not in modules}}
        taken = collections.Counter({"instances": 1, **count(own)})
        for _ in range(instances):
            rows[readable(name)] += taken
    head = ("instances", *RESOURCES)
    lines = [design.describe(top, parameters), f"{'module':<32}" + "".join(f"{name.upper():>10}" for name in head)]
    for name, row in sorted(rows.items(), key=lambda item: -item[1]["lut"]):
        lines.append(f"{name:<32}" + "".join(f"{row[each]:>10}" for each in head))
    return "\n".join(lines)


def table(result: dict) -> str:
    title = design.describe(result["module"], result["parameters"]) + (" (own)" if result["own"] else "")
    return title + "\n  " + ", ".join(f"{name} {number}" for name, number in result["total"].items())


def over_budget(result: dict, budget: dict) -> list[str]:
    counted = result["total"]
    unknown = set(budget) - set(counted)
    if unknown:
        raise design.DesignError(f"{result['module']}: a budget has no '{unknown.pop()}'")
    title = design.describe(result["module"], result["parameters"])
    return [f"{title}: {counted[name]} {name}, the budget is {most}" for name, most in budget.items()
            if counted[name] > most]


def read_counts(path: pathlib.Path) -> list[dict]:
    listed = tomllib.loads(path.read_text()) if path.exists() else {}
    return [{"module": module, "own": False, **entry} for module, entries in listed.items() for entry in entries]


def key_of(counted: dict) -> tuple:
    return counted["module"], counted["own"], tuple(sorted(counted["parameters"].items()))


def write_counts(path: pathlib.Path, counts: list[dict]) -> None:
    lines = ["# What synthesis counts of the RTL's blocks, with all that they instantiate, or without (own).",
             "# Written by tools/rtl/synth.py --counts; spec/accelerator/blocks.toml says how many a machine has."]
    for counted in sorted(counts, key=key_of):
        parameters = ", ".join(f"{name} = {value}" for name, value in sorted(counted["parameters"].items()))
        lines += ["", f"[[{counted['module']}]]", f"parameters = {{ {parameters} }}"]
        lines += ["own = true"] if counted["own"] else []
        lines += [f"{name} = {counted[name]}" for name in COUNTED]
    path.write_text("\n".join(lines) + "\n")


def counts_of(result: dict) -> dict:
    return {"module": result["module"], "own": result["own"], "parameters": result["parameters"],
            **{name: result["total"][name] for name in COUNTED}}


def update_counts(path: pathlib.Path, module: str | None, parameters: dict, own: bool) -> list[dict]:
    counts = {key_of(counted): counted for counted in read_counts(path)}
    wanted = [{"module": module, "parameters": parameters, "own": own}] if module else list(counts.values())
    results = [synthesise(each["module"], each["parameters"], each["own"]) for each in wanted]
    counts |= {key_of(result): counts_of(result) for result in results}
    write_counts(path, list(counts.values()))
    return results


def stale(result: dict, counts: dict) -> list[str]:
    """Where the area model's data say something else of a result."""
    known, counted = counts.get(key_of(result)), counts_of(result)
    if known is None or known == counted:
        return []
    title = design.describe(result["module"], result["parameters"])
    return [f"{title}: {COUNTS.relative_to(design.ROOT)} has other counts; run tools/rtl/synth.py --counts on it"]


def synthesise_all(jobs: int) -> tuple[list[dict], list[str]]:
    results, findings = [], []
    counts = {key_of(counted): counted for counted in read_counts(COUNTS)}
    wanted = [(name, entry) for name in design.modules() for entry in design.configurations(name) if "budget" in entry]
    with concurrent.futures.ProcessPoolExecutor(jobs) as pool:
        arguments = [(name, entry["parameters"], entry["own"]) for name, entry in wanted]
        for (_, entry), result in zip(wanted, pool.map(synthesise, *zip(*arguments))):
            results.append(result)
            print(table(result), flush=True)
            findings += over_budget(result, entry["budget"]) + stale(result, counts)
    return results, findings


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("module", nargs="?")
    parser.add_argument("parameters", nargs="*", metavar="NAME=VALUE")
    parser.add_argument("--own", action="store_true")
    parser.add_argument("--tree", action="store_true")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--jobs", type=int, default=1, help="with --all: how many at once")
    parser.add_argument("--counts", type=pathlib.Path, help="write the counts there, for the area model")
    parser.add_argument("--json", type=pathlib.Path, help="write the counts there")
    parser.add_argument("--netlist", type=pathlib.Path, help="write the flat netlist there, as Verilog")
    args = parser.parse_args()
    if args.all + bool(args.module or args.counts) != 1:
        parser.error("name a module, or give --all or --counts")
    findings = []
    try:
        if args.all:
            results, findings = synthesise_all(args.jobs)
        else:
            parameters = design.parse_parameters(args.parameters)
            if args.tree:
                print(tree(args.module, parameters))
                return 0
            if args.netlist:
                write_netlist(args.module, parameters, args.netlist)
                return 0
            if args.counts:
                results = update_counts(args.counts, args.module, parameters, args.own)
            else:
                results = [synthesise(args.module, parameters, args.own)]
            print(*map(table, results), sep="\n")
    except design.DesignError as error:
        sys.exit(f"tools/rtl/synth.py: {error}")
    if args.json:
        args.json.write_text(json.dumps(results, indent=1) + "\n")
    print(*findings, sep="\n", end="\n" if findings else "")
    return bool(findings)


if __name__ == "__main__":
    sys.exit(main())
