"""The hardware's side of a spec: its SystemVerilog package, and its registers for C++, Tcl and the manual page."""

import dataclasses

import records

FIRST_ARGUMENT = 0x10
WINDOW_BYTES = 4096
# type -> words of a value, and words that it takes
WORDS = {"uint32": (1, 1), "uint64": (2, 3), "pointer": (2, 3)}
# Names of the spec that SystemVerilog keeps for itself.
KEYWORDS = {"module", "package", "parameter", "program"}


@dataclasses.dataclass
class Register:
    """`count` values of `words` words each, the first at `offset`, `stride` bytes apart."""
    name: str
    group: str
    kind: str
    doc: str
    offset: int
    words: int
    stride: int
    count: int

    @property
    def bits(self) -> int:
        return 32 * self.words * self.count


def lay_out(spec: dict) -> list[Register]:
    rows, offset, sizes = [], 0, {record["name"]: record["bytes"] for record in spec["records"]}
    for entry in spec.get("registers", []):
        if entry["group"] != "control":
            offset = max(offset, FIRST_ARGUMENT)
        if "record" in entry:
            words = taken = sizes[entry["record"]] // 4
        else:
            words, taken = WORDS[entry["type"]]
        kind = entry.get("record") or entry["type"]
        count = entry.get("count", 1)
        rows.append(Register(entry["name"], entry["group"], kind, entry["doc"], offset, words, 4 * taken, count))
        offset += 4 * taken * count
    if offset > WINDOW_BYTES:
        raise SystemExit(f"registers take {offset} bytes, the window has {WINDOW_BYTES}")
    return rows


def camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def cpp(spec: dict) -> str:
    rows = lay_out(spec)
    if not rows:
        return ""
    out = ["// Byte offsets in the kernel's AXI4-Lite window; value `i` of a register with a stride lies `i` strides on.\n"
           "namespace registers {\n"]
    for row in rows:
        out.append(f"inline constexpr uint32_t k{camel(row.name)} = {row.offset:#05x};  // {row.doc}\n")
        if row.count > 1:
            out.append(f"inline constexpr uint32_t k{camel(row.name)}Stride = {row.stride};\n")
    return "".join([*out, "}  // namespace registers\n\n"])


def manual(spec: dict) -> str:
    rows = lay_out(spec)
    if not rows:
        return ""
    out = ["\n## Registers\n\n| offset | register | group | meaning |\n|---|---|---|---|\n"]
    for row in rows:
        offset = f"{row.offset:#05x}" + (f" + {row.stride} i" if row.count > 1 else "")
        name = row.name + (f"[{row.count}]" if row.count > 1 else "")
        out.append(f"| {offset} | `{name}`: {row.kind} | {row.group} | {row.doc} |\n")
    out.append("\nA `uint64` or `pointer` is two words, the lower one first. The host writes `memory` and arguments, and "
               "reads the status.\n")
    return "".join(out)


def tcl(spec: dict, source: str) -> str:
    """Arguments in the order of their offsets, as the packaging of the kernel wants them."""
    out = [f"# Generated from {source} by tools/spec/generate.py; edit the spec, not this file.\n"
           "# Arguments of the kernel: name, 1 for a pointer into memory and 0 for a value, bytes, offset.\n"
           "set accllm_arguments {\n"]
    for row in lay_out(spec):
        if row.group not in ("memory", "argument"):
            continue
        size = 8 if WORDS.get(row.kind, (1, 1))[0] == 2 else 4
        count = row.words if row.kind not in WORDS else row.count
        stride = 4 if row.kind not in WORDS else row.stride
        for i in range(count):
            name = row.name + (f"_{i}" if count > 1 else "")
            out.append(f"  {{{name} {int(row.kind == 'pointer')} {size} {row.offset + stride * i:#05x}}}\n")
    return "".join([*out, "}\n"])


def sv_name(name: str) -> str:
    return name + "_" if name in KEYWORDS else name


def snake(name: str) -> str:
    return "".join("_" + c.lower() if c.isupper() else c for c in name).lstrip("_")


def wrapped(doc: str) -> str:
    """A comment of at most 100 columns."""
    lines, line = [], "  //"
    for word in doc.split():
        if len(line) + 1 + len(word) > 100:
            lines.append(line)
            line = "  //"
        line += " " + word
    return "\n".join([*lines, line]) + "\n" if doc else ""


def sv_struct(name: str, doc: str, fields: list[tuple[int, str]]) -> str:
    """A packed struct whose first field has the lowest bits."""
    body = "".join(f"    logic [{bits - 1}:0] {sv_name(field)};\n" for bits, field in reversed(fields))
    return f"{wrapped(doc)}  typedef struct packed {{\n{body}  }} {name};\n"


def sv_enum(item: dict) -> str:
    width = max(1, max(value["value"] for value in item["values"]).bit_length())
    values = ",\n".join(f"    {item['name']}{value['name'][1:]} = {width}'d{value['value']}" for value in item["values"])
    return (f"{wrapped(item['doc'])}  localparam int unsigned {item['name']}W = {width};\n"
            f"  typedef enum logic [{width - 1}:0] {{\n{values}\n  }} {snake(item['name'])}_e;\n")


def sv_offsets(group: str, rows: list[Register]) -> str:
    """A function from the number of a word of the group, reserved ones not counted, to its offset."""
    name, lines, first = f"{group}_offset", [], 0
    for row in rows:
        index = f"(i - {first})" if first else "i"
        value = f"4 * {index}"
        if row.stride != 4 * row.words and row.count > 1:
            value = f"{row.stride} * ({index} / {row.words}) + 4 * ({index} % {row.words})"
        first += row.words * row.count
        lines.append(f"    if (i < {first}) {name} = 12'(32'h{row.offset:03x} + {value});\n")
    body = "    else ".join(line.lstrip() for line in lines)
    return (f"  // Byte offset of word `i` of the {group} registers.\n"
            f"  function automatic logic [11:0] {name}(int unsigned i);\n    {body}"
            f"    else {name} = 12'hfff;\n  endfunction\n")


def sv_registers(spec: dict) -> list[str]:
    rows = lay_out(spec)
    if not rows:
        return []
    out = ["  // Byte offsets in the kernel's AXI4-Lite window.\n"]
    for row in rows:
        out.append(f"  localparam logic [11:0] Reg{camel(row.name)} = 12'h{row.offset:03x};\n")
        if row.count > 1:
            out.append(f"  localparam int unsigned Reg{camel(row.name)}Stride = {row.stride};\n")
            out.append(f"  localparam int unsigned Reg{camel(row.name)}Count = {row.count};\n")
    structs = [sv_offsets(group, [row for row in rows if row.group == group])
               for group in ("memory", "argument", "status")]
    for group, doc in (("argument", "Values that the host has written; the lowest bits are the first."),
                       ("status", "Values that the host reads.")):
        fields = [(row.bits, row.name) for row in rows if row.group == group]
        name = "arguments" if group == "argument" else group
        structs.append(f"  localparam int unsigned {camel(name)}Bits = {sum(bits for bits, _ in fields)};\n"
                       + sv_struct(f"{name}_t", doc, fields))
    return ["".join(out), *structs]


def package(spec: dict, source: str) -> str:
    out = ["".join(f"{wrapped(item['doc'])}  localparam int unsigned {item['name'][1:]} = {item['value']};\n"
                   for item in spec["constants"])]
    out += [sv_enum(item) for item in spec["enums"]]
    for record in spec["records"]:
        if record.get("host_only"):
            continue
        fields = [(8 * total, field["name"]) for _, total, field in records.lay_out(record)]
        out.append(f"  localparam int unsigned {record['name']}Bits = {8 * record['bytes']};\n"
                   + sv_struct(f"{snake(record['name'])}_t", record["doc"], fields))
    out += sv_registers(spec)
    return (f"// Generated from {source} by tools/spec/generate.py; edit the spec, not this file.\n"
            f"package {spec['package']};\n" + "\n".join(out) + "endpackage\n")
