"""A synthesised netlist, as `write_json` of yosys gives it, made ready for Verilator.

Verilator 5.006 takes vectors whose bits follow from each other for loops, and settles some of them wrongly. So carry
chains become cells of single bits, sites with two functions a LUT for each, of what it depends on alone, and outputs of
the module are no nets inside it. RAM in blocks stays a description.
"""

import netlist

# Yosys 0.23 loses the upper parity bits of BRAM that is written 72 bits wide, and in LUTs large RAM would be nearly all
# of a netlist. What maps RAM does not know this name.
BLOCK = "block_ram"
HIDE = f"chtype -set {BLOCK} t:$mem_v2 a:ram_style=block %i"


def cell_of(kind: str, output: tuple[str, object], inputs: dict, parameters: dict = {}) -> dict:
    port, net = output
    return {"hide_name": 1, "type": kind, "parameters": parameters, "attributes": {},
            "port_directions": {port: "output", **dict.fromkeys(inputs, "input")},
            "connections": {port: [net], **{name: [bit] for name, bit in inputs.items()}}}


def lut_of(inputs: list, output: object, values: list[int]) -> dict:
    """A LUT; the values are those of each number that its inputs make, the first one lowest."""
    inputs, values = (inputs, values) if inputs else (["0"], 2 * values)
    return cell_of(f"LUT{len(inputs)}", ("O", output), {f"I{place}": net for place, net in enumerate(inputs)},
                   {"INIT": "".join(map(str, reversed(values)))})


def split_lut(cell: dict) -> list[dict]:
    """The two functions of a LUT6_2."""
    table, result = netlist.table_of(cell), []
    for places, (inputs, output) in zip((5, 6), netlist.halves(cell)):
        nets = [cell["connections"][f"I{place}"][0] for place in range(places)]
        values = []
        for row in range(2 ** len(inputs)):
            of = {net: row >> place & 1 for place, net in enumerate(inputs)}
            bits = (of.get(net, int(net == "1")) for net in nets)
            values.append(table >> sum(bit << place for place, bit in enumerate(bits)) & 1)
        result.append(lut_of(inputs, output[0], values))
    return result


def split_carry(cell: dict) -> list[dict]:
    nets, result = cell["connections"], []
    carry = nets["CYINIT"][0] if nets["CI"][0] == "0" else nets["CI"][0]
    for place in range(4):
        select, out = nets["S"][place], nets["CO"][place]
        result.append(cell_of("MUXCY", ("O", out), {"CI": carry, "DI": nets["DI"][place], "S": select}))
        if "O" in nets:
            result.append(cell_of("XORCY", ("O", nets["O"][place]), {"CI": carry, "LI": select}))
        carry = out
    return result


def describe_blocks(module: dict) -> None:
    """Gives RAM that HIDE hid its type back, and a name of its own, as flattening did not see to that."""
    blocks = [cell for cell in module["cells"].values() if cell["type"] == BLOCK]
    for index, cell in enumerate(blocks):
        cell["type"] = "$mem_v2"
        cell["parameters"]["MEMID"] = f"\\block_{index}"


def buffer_outputs(module: dict) -> list[dict]:
    """Gives output ports nets of their own."""
    bits = [bit for net in module["netnames"].values() for bit in net["bits"]]
    last, buffers = max(bit for bit in bits if isinstance(bit, int)), []
    for name, port in module["ports"].items():
        if port["direction"] != "output":
            continue
        own = list(range(last + 1, last + 1 + len(port["bits"])))
        last = own[-1]
        buffers += [lut_of([inner], outer, [0, 1]) for inner, outer in zip(port["bits"], own)]
        port["bits"] = module["netnames"][name]["bits"] = own
    return buffers


def make_simulable(module: dict) -> None:
    describe_blocks(module)
    cells = {}
    for name, cell in module["cells"].items():
        split = {"LUT6_2": split_lut, "CARRY4": split_carry}.get(cell["type"], lambda cell: [cell])(cell)
        cells |= {name if index == 0 else f"{name}.{index}": part for index, part in enumerate(split)}
    cells |= {f"$buffer.{index}": cell for index, cell in enumerate(buffer_outputs(module))}
    module["cells"] = cells
