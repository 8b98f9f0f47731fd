"""A synthesised netlist, as `write_json` of yosys gives it: the longest way between registers, and LUTs that can share
a site."""

import collections
import re

# Cells that a signal passes in the same cycle.
LOGIC = re.compile(r"LUT[1-6]|LUT6_2|INV|MUXF[789]|CARRY[48]")
# RAM in LUTs, which is read in the same cycle, but written by the clock: what addresses read.
READS = re.compile(r"RAM(16|32|64|128|256|512)\w*")
ADDRESS = re.compile(r"(ADDR[A-H]?|DPRA|A)\d*")
SITE_INPUTS = 5  # of a LUT with two outputs


def passed(cell: dict) -> tuple[list, list] | None:
    """Input and output bits of a cell that a signal passes, or None."""
    kind, read = cell["type"], READS.fullmatch(cell["type"])
    if not read and not LOGIC.fullmatch(kind):
        return None
    inputs, outputs = [], []
    for port, bits in cell["connections"].items():
        if cell["port_directions"][port] == "output":
            outputs += bits
        elif not read or ADDRESS.fullmatch(port):
            inputs += [bit for bit in bits if isinstance(bit, int)]
    return inputs, outputs


def levels(module: dict) -> int:
    """Cells on the longest way; raises ValueError if there is a loop. Of a flat module."""
    drivers, waits, follows = {}, {}, collections.defaultdict(list)
    cells = [ways for cell in module["cells"].values() if (ways := passed(cell))]
    for index, (_, outputs) in enumerate(cells):
        drivers.update(dict.fromkeys(outputs, index))
    for index, (inputs, _) in enumerate(cells):
        before = {drivers[bit] for bit in inputs if bit in drivers}
        waits[index] = len(before)
        for other in before:
            follows[other].append(index)
    depth = dict.fromkeys(waits, 1)
    ready = [index for index, count in waits.items() if count == 0]
    for index in ready:
        for after in follows[index]:
            depth[after] = max(depth[after], depth[index] + 1)
            waits[after] -= 1
            if waits[after] == 0:
                ready.append(after)
    if len(ready) < len(cells):
        raise ValueError("there is a combinational loop")
    return max(depth.values(), default=0)


def pairs(module: dict) -> int:
    """How many pairs of the module's own LUTs have five inputs together at most, found greedily, largest first."""
    luts = []
    for cell in module["cells"].values():
        if re.fullmatch(r"LUT[1-5]", cell["type"]):
            inputs = frozenset(bit for bit in passed(cell)[0])
            luts.append(inputs)
    luts.sort(key=lambda inputs: -len(inputs))
    free, found = [True] * len(luts), 0
    for first, inputs in enumerate(luts):
        if not free[first]:
            continue
        partners = (second for second in range(first + 1, len(luts))
                    if free[second] and len(inputs | luts[second]) <= SITE_INPUTS)
        # The partner with most inputs in common, as the small ones fit anywhere.
        best = max(partners, key=lambda second: len(inputs & luts[second]), default=None)
        if best is not None:
            free[first] = free[best] = False
            found += 1
    return found
