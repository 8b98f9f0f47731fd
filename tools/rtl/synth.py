#!/usr/bin/env python3
"""Synthesises a module for UltraScale+ by yosys and counts what it takes.

    synth.py MODULE [NAME=VALUE...] [--json FILE]
    synth.py MODULE [NAME=VALUE...] --netlist FILE     a flat netlist to simulate, RAM in LUTs
    synth.py MODULE [NAME=VALUE...] --own              without the project's modules that it instantiates: their ports
                                    end what levels are counted of
    synth.py --counts FILE          what FILE (spec/accelerator/synthesis.toml) has, counted anew and written there
    synth.py MODULE [NAME=VALUE...] --counts FILE      one configuration, which comes to FILE if it is not there
    synth.py --all                  every configuration that has a budget; exits 1 where one is exceeded, or where
                                    spec/accelerator/synthesis.toml says something else

Synthesis keeps the hierarchy. LUTs are counted one each, so the figure is an upper bound: a site has two outputs, and
"pairs" says how many pairs of a module's LUTs, with five inputs together, could share one. RAM in LUTs counts by
the LUTs that it takes. Shift registers are flip-flops, but for those of delay_data, which are a LUT a bit. Levels are
LUTs, wide multiplexers, carry blocks of four bits and RAM in LUTs on the longest way between registers, ports, BRAM,
URAM and DSPs.
"""

import argparse
import collections
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import tomllib

import design
import netlist

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
FREE = re.compile(r"^(GND|VCC|BUFG|IBUF|OBUF|MUXF[789])$")
RESOURCES = ("lut", "pairs", "ff", "dsp", "bram", "uram", "carry")
# For the area model.
COUNTS = design.ROOT / "spec" / "accelerator" / "synthesis.toml"
COUNTED = ("lut", "pairs", "ff", "dsp", "bram", "uram", "levels")
# -nosrl: yosys 0.23 loses the enable of shift registers. -nowidelut: larger LUTs cost more than they save.
SYNTHESIS = "synth_xilinx -family xcup -noiopad -noclkbuf -nosrl -nowidelut"


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


class Netlist:
    """Counts of a hierarchical netlist, from `write_json`."""

    def __init__(self, modules: dict):
        # The libraries' cells are modules too.
        own = {name: module for name, module in modules.items() if "blackbox" not in module["attributes"]}
        self.cells = {name: collections.Counter(cell["type"] for cell in module["cells"].values())
                      for name, module in own.items()}
        self.pairs = {name: netlist.pairs(module) for name, module in own.items()}

    def instances(self, module: str, times: int, found: collections.Counter) -> None:
        found[module] += times
        for cell, count in self.cells[module].items():
            if cell in self.cells:
                self.instances(cell, times * count, found)

    def own(self, module: str) -> collections.Counter:
        """What the module takes without those that it instantiates."""
        taken = collections.Counter()
        for cell, count in self.cells[module].items():
            if cell not in self.cells and (cost := cost_of(cell)):
                taken[cost[0]] += cost[1] * count
        taken["pairs"] = self.pairs[module]
        return taken

    def rows(self, top: str) -> list[dict]:
        """A row a module, all its parameter sets together: how often it is there, and what these take in all."""
        found, rows = collections.Counter(), {}
        self.instances(top, 1, found)
        for module, times in found.items():
            row = rows.setdefault(readable(module), {"module": readable(module), "instances": 0,
                                                     **dict.fromkeys(RESOURCES, 0)})
            row["instances"] += times
            for resource, count in self.own(module).items():
                row[resource] += count * times
        return list(rows.values())

    def total(self, top: str) -> dict:
        rows = self.rows(top)
        return {resource: sum(row[resource] for row in rows) for resource in RESOURCES}


def write_netlist(top: str, parameters: dict, path: pathlib.Path, extra: list[pathlib.Path] = []) -> None:
    """A flat netlist in Verilog, for simulation. RAMs are made of LUTs, whatever their style: yosys 0.23 loses the
    upper parity bits of BRAM that is written 72 bits wide."""
    script = design.yosys_read(top, parameters, design.files_of(top, extra), (design.PRIMITIVES,))
    synthesis = f"{SYNTHESIS} -top {top} -flatten -nobram"
    script += f"{synthesis} -run begin:prepare\nproc\nsetattr -unset ram_style */m:* */w:*\n{synthesis} -run prepare:\n"
    run_yosys(script + f"write_verilog -noattr {path}\n")


def blackboxes(top: str) -> str:
    """Modules that the top instantiates, as yosys names them: with their parameters or without."""
    return " ".join(f"{name} $paramod*\\{name}*" for name in design.instances(design.find(top)))


def synthesise(top: str, parameters: dict, own: bool = False) -> dict:
    """Rows a module, the total and the levels of one configuration."""
    with tempfile.TemporaryDirectory() as folder:
        tree, flat = pathlib.Path(folder, "tree.json"), pathlib.Path(folder, "flat.json")
        script = design.yosys_read(top, parameters, design.files_of(top), (design.PRIMITIVES,))
        if own:
            script += f"hierarchy -top {top}\nblackbox {blackboxes(top)}\n"
        script += f"{SYNTHESIS} -top {top}\n"
        # Inverters of resets are one a register before they are merged.
        script += f"opt_merge\nopt_clean\nwrite_json {tree}\nflatten\nopt_clean\nwrite_json {flat}\n"
        run_yosys(script)
        counts = Netlist(json.loads(tree.read_text())["modules"])
        module = json.loads(flat.read_text())["modules"][top]
    try:
        levels = netlist.levels(module)
    except ValueError as error:
        raise SystemExit(f"tools/rtl/synth.py: {top}: {error}")
    return {"module": top, "parameters": parameters, "own": own, "rows": counts.rows(top), "total": counts.total(top),
            "levels": levels}


def table(result: dict) -> str:
    head = f"{'module':<32}{'instances':>10}" + "".join(f"{name.upper():>10}" for name in RESOURCES)
    lines = [design.describe(result["module"], result["parameters"]), head]
    rows = result["rows"] + [{"module": "total", "instances": "", **result["total"]}]
    for row in rows:
        lines.append(f"{row['module']:<32}{row['instances']:>10}" + "".join(f"{row[name]:>10}" for name in RESOURCES))
    return "\n".join([*lines, f"logic levels: {result['levels']}", ""])


def over_budget(result: dict, budget: dict) -> list[str]:
    counted = {**result["total"], "levels": result["levels"]}
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
    lines = ["# What synthesis counts of the RTL's blocks, with all that they instantiate, or without (own); LUTs one each.",
             "# Written by tools/rtl/synth.py --counts; spec/accelerator/blocks.toml says how many a machine has."]
    for counted in sorted(counts, key=key_of):
        parameters = ", ".join(f"{name} = {value}" for name, value in sorted(counted["parameters"].items()))
        lines += ["", f"[[{counted['module']}]]", f"parameters = {{ {parameters} }}"]
        lines += ["own = true"] if counted["own"] else []
        lines += [f"{name} = {counted[name]}" for name in COUNTED]
    path.write_text("\n".join(lines) + "\n")


def counts_of(result: dict) -> dict:
    return {"module": result["module"], "own": result["own"], "parameters": result["parameters"],
            "levels": result["levels"], **{name: count for name, count in result["total"].items() if name in COUNTED}}


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


def synthesise_all() -> tuple[list[dict], list[str]]:
    results, findings = [], []
    counts = {key_of(counted): counted for counted in read_counts(COUNTS)}
    for name in design.modules():
        for entry in design.configurations(name):
            if "budget" in entry:
                results.append(synthesise(name, entry["parameters"], entry["own"]))
                print(table(results[-1]), flush=True)
                findings += over_budget(results[-1], entry["budget"]) + stale(results[-1], counts)
    return results, findings


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("module", nargs="?")
    parser.add_argument("parameters", nargs="*", metavar="NAME=VALUE")
    parser.add_argument("--own", action="store_true")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--counts", type=pathlib.Path, help="write the counts there, for the area model")
    parser.add_argument("--json", type=pathlib.Path, help="write the counts there")
    parser.add_argument("--netlist", type=pathlib.Path, help="write the flat netlist there, as Verilog")
    args = parser.parse_args()
    if args.all + bool(args.module or args.counts) != 1:
        parser.error("name a module, or give --all or --counts")
    findings = []
    try:
        if args.all:
            results, findings = synthesise_all()
        else:
            parameters = design.parse_parameters(args.parameters)
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
