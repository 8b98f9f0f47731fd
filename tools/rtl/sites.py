"""LUTs that share a site: a LUT6_2 gives two functions of the same five inputs.

Pairs are found in a flat netlist as `write_json` of yosys gives it, and only of LUTs that have to do with each other:

* a carry chain's select and data of one bit, where nothing else takes the data: a site's two outputs are next to both.
  The select is taken as a function of the data's inputs;
* any two others that have an input in common and five together at most, if neither feeds a carry chain's select or a
  wide multiplexer, whose sites have other uses for the second output.

Shift registers of up to 16 stages share sites too, two of the same length, clock and enable.
"""

import collections
import heapq
import re

import netlist

SITE_INPUTS = 5
LUT = re.compile(r"LUT[1-6]")
# Inputs that take the site's own LUT.
OWN_SITE = {"CARRY4": ("S",), "CARRY8": ("S",), "MUXF7": ("I0", "I1"), "MUXF8": ("I0", "I1"), "MUXF9": ("I0", "I1")}
NEIGHBOURS = 24  # sinks of a net that are looked at behind each of them


def inputs_of(cell: dict) -> list:
    """Nets of I0, I1, ...; constants are strings."""
    return [cell["connections"][f"I{i}"][0] for i in range(int(cell["type"].removeprefix("LUT")))]


def nets_of(cell: dict) -> frozenset:
    return frozenset(net for net in inputs_of(cell) if isinstance(net, int))


def carry_pairs(module: dict) -> list[tuple[str, str]]:
    """(data, select): the LUTs of carry chains' bits that can be one."""
    cells = module["cells"]
    luts = {cell["connections"]["O"][0]: name for name, cell in cells.items() if LUT.fullmatch(cell["type"])}
    sinks = collections.Counter(net for cell in cells.values() for port, nets in cell["connections"].items()
                                if cell.get("port_directions", {}).get(port) != "output" for net in nets)
    sinks.update(net for port in module["ports"].values() for net in port["bits"])
    found, taken = [], set()
    for cell in cells.values():
        if not cell["type"].startswith("CARRY"):
            continue
        for net_of_data, net_of_select in zip(cell["connections"]["DI"], cell["connections"]["S"]):
            data, select = luts.get(net_of_data), luts.get(net_of_select)
            if not data or not select or {data, select} & taken or data == select:
                continue
            of_select = nets_of(cells[select])
            alone = sinks[net_of_data] == 1 + (net_of_data in of_select) and sinks[net_of_select] == 1
            if alone and len((of_select - {net_of_data}) | nets_of(cells[data])) <= SITE_INPUTS:
                found.append((data, select))
                taken |= {data, select}
    return found


def candidates(module: dict, taken: set[str]) -> dict[str, frozenset]:
    """Name -> input nets of every other LUT that may share its site."""
    own_site = {net for cell in module["cells"].values() for port in OWN_SITE.get(cell["type"], ())
                for net in cell["connections"].get(port, [])}
    luts = {name: nets_of(cell) for name, cell in module["cells"].items() if LUT.fullmatch(cell["type"])
            and name not in taken and cell["connections"]["O"][0] not in own_site}
    return {name: nets for name, nets in luts.items() if len(nets) <= SITE_INPUTS}


def partners_of(luts: dict[str, frozenset]) -> dict[str, set]:
    sinks = collections.defaultdict(list)
    for name, nets in luts.items():
        for net in nets:
            sinks[net].append(name)
    partners = {name: set() for name in luts}
    for names in sinks.values():
        for index, first in enumerate(names):
            for second in names[index + 1:index + 1 + NEIGHBOURS]:
                if len(luts[first] | luts[second]) <= SITE_INPUTS:
                    partners[first].add(second)
                    partners[second].add(first)
    return partners


def other_pairs(luts: dict[str, frozenset]) -> list[tuple[str, str]]:
    """Those with the fewest partners choose first, and the partner with the fewest."""
    partners = partners_of(luts)
    found = []
    waiting = [(len(others), name) for name, others in partners.items() if others]
    heapq.heapify(waiting)
    while waiting:
        count, first = heapq.heappop(waiting)
        if count != len(partners[first]):
            continue  # it has lost some since, and waits with fewer, or is taken
        second = min(partners[first], key=lambda name: (len(partners[name]), -len(luts[first] & luts[name]), name))
        found.append((first, second))
        for taken in (first, second):
            for other in partners[taken]:
                partners[other].discard(taken)
                if partners[other]:
                    heapq.heappush(waiting, (len(partners[other]), other))
        partners[first], partners[second] = set(), set()
    return found


def value_of(cell: dict, values: dict) -> int:
    """The cell's output; `values` says those of its nets."""
    bits = [values[net] if isinstance(net, int) else int(net == "1") for net in inputs_of(cell)]
    return netlist.table_of(cell) >> sum(bit << place for place, bit in enumerate(bits)) & 1


def shift_pairs(module: dict) -> int:
    alike = collections.Counter(
        tuple(cell["connections"][port][0] for port in ("CLK", "CE", "A0", "A1", "A2", "A3"))
        for cell in module["cells"].values() if cell["type"] == "SRL16E")
    return sum(number // 2 for number in alike.values())


def share(module: dict) -> int:
    """Makes a LUT6_2 of each pair of LUTs, and returns how many there are."""
    cells = module["cells"]
    found = carry_pairs(module)
    found += other_pairs(candidates(module, {name for pair in found for name in pair}))
    for first, second in found:
        low, high = cells.pop(first), cells.pop(second)
        if high["connections"]["O"][0] in nets_of(low):
            low, high = high, low  # what the other takes becomes a part of it
        inner = low["connections"]["O"][0]
        nets = sorted(nets_of(low) | (nets_of(high) - {inner}))
        tables = [0, 0]
        for row in range(2**SITE_INPUTS):
            values = {net: row >> place & 1 for place, net in enumerate(nets)}
            values[inner] = value_of(low, values)
            tables[0] |= values[inner] << row
            tables[1] |= value_of(high, values) << row
        spare = ["0"] * (SITE_INPUTS - len(nets))
        inputs = {f"I{i}": [net] for i, net in enumerate([*nets, *spare, "1"])}
        cells[first] = {
            "hide_name": low["hide_name"], "type": "LUT6_2", "attributes": {},
            "parameters": {"INIT": f"{tables[1]:032b}{tables[0]:032b}"},
            "port_directions": {**dict.fromkeys(inputs, "input"), "O5": "output", "O6": "output"},
            "connections": {**inputs, "O5": low["connections"]["O"], "O6": high["connections"]["O"]},
        }
    return len(found)
