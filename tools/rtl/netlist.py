"""A synthesised netlist, as `write_json` of yosys gives it: the longest way between registers."""

import collections
import re

# Cells that a signal passes in the same cycle.
LOGIC = re.compile(r"LUT[1-6]|INV|MUXF[789]|CARRY[48]")
# RAM in LUTs, which is read in the same cycle, but written by the clock: what addresses read.
READS = re.compile(r"RAM(16|32|64|128|256|512)\w*")
ADDRESS = re.compile(r"(ADDR[A-H]?|DPRA|A)\d*")


def table_of(cell: dict) -> int:
    """What a LUT gives, by the number that its inputs make."""
    init = cell["parameters"]["INIT"]
    return int(init, 2) if isinstance(init, str) else init


def halves(cell: dict) -> list[tuple[list, list]]:
    """The two functions of a LUT6_2: the inputs that each depends on, and its output."""
    table, nets, result = table_of(cell), cell["connections"], []
    # O6 is of all six inputs, or of five if the last one is tied high.
    six = isinstance(nets["I5"][0], int)
    for port, places, values in (("O5", 5, table), ("O6", 6, table) if six else ("O6", 5, table >> 32)):
        inputs = []
        for place in range(places):
            low = sum(1 << row for row in range(2**places) if not row >> place & 1)
            net = nets[f"I{place}"][0]
            if isinstance(net, int) and (values ^ values >> (1 << place)) & low:
                inputs.append(net)
        result.append((inputs, nets[port]))
    return result


def passed(cell: dict) -> list[tuple[list, list]]:
    """Input and output bits of the ways that a signal has through a cell in a cycle."""
    kind, read = cell["type"], READS.fullmatch(cell["type"])
    if kind == "LUT6_2":
        return halves(cell)
    if not read and not LOGIC.fullmatch(kind):
        return []
    inputs, outputs = [], []
    for port, bits in cell["connections"].items():
        if cell["port_directions"][port] == "output":
            outputs += bits
        elif not read or ADDRESS.fullmatch(port):
            inputs += [bit for bit in bits if isinstance(bit, int)]
    return [(inputs, outputs)]


def levels(module: dict) -> int:
    """Cells on the longest way; raises ValueError if there is a loop. Of a flat module."""
    drivers, waits, follows = {}, {}, collections.defaultdict(list)
    cells = [way for cell in module["cells"].values() for way in passed(cell)]
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

