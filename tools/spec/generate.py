#!/usr/bin/env python3
"""Generates the C++ header and the manual page of a record format from its spec (TOML), and for hardware its
SystemVerilog package and the Tcl list of the kernel's arguments."""

import argparse
import pathlib
import tomllib

import hardware
from records import lay_out

def cpp_type(name: str) -> str:
    return f"{name}_t"


def literal(value) -> str:
    if isinstance(value, list):
        return "{" + ", ".join(literal(item) for item in value) + "}"
    return str(value)


def comment(doc: str) -> str:
    return f"// {doc}\n" if doc else ""


def header(spec: dict, source: str) -> str:
    out = [f"// Generated from {source} by tools/spec/generate.py; edit the spec, not this file.\n"
           "#pragma once\n\n#include <array>\n#include <cstdint>\n#include <string_view>\n\n"
           f"namespace {spec['namespace']} {{\n\n"]
    for item in spec["constants"]:
        out.append(f"{comment(item['doc'])}inline constexpr {cpp_type(item['type'])} {item['name']} = {item['value']};\n\n")
    for item in spec["arrays"]:
        dims = "".join(f"[{n}]" for n in item["shape"])
        out.append(f"{comment(item['doc'])}inline constexpr {cpp_type(item['type'])} {item['name']}{dims} = "
                   f"{literal(item['values'])};\n\n")
    for item in spec["enums"]:
        out.append(f"{comment(item['doc'])}enum class {item['name']} : {cpp_type(item['type'])} {{\n")
        out += [f"  {v['name']} = {v['value']},  // {v['doc']}\n" for v in item["values"]]
        out.append("};\n\n")
        entries = "".join(f'    {{{item["name"]}::{v["name"]}, "{v["label"]}"}},\n' for v in item["values"])
        out.append(f"struct {item['name']}Label {{\n  {item['name']} value;\n  std::string_view label;\n}};\n")
        out.append(f"inline constexpr std::array<{item['name']}Label, {len(item['values'])}> "
                   f"k{item['name']}Labels = {{{{\n{entries}}}}};\n\n")
    for record in spec["records"]:
        out.append(f"{comment(record['doc'])}struct {record['name']} {{\n")
        for _, _, field in lay_out(record):
            dims = f"[{field['count']}]" if "count" in field else ""
            doc = f"  // {field['doc']}" if field["doc"] else ""
            out.append(f"  {cpp_type(field['type'])} {field['name']}{dims};{doc}\n")
        out.append(f"}};\nstatic_assert(sizeof({record['name']}) == {record['bytes']});\n\n")
    out.append(hardware.cpp(spec))
    out.append(f"}}  // namespace {spec['namespace']}\n")
    return "".join(out)


def manual(spec: dict, source: str) -> str:
    out = [f"# {spec['title']}\n\n*Generated from `{source}` by `tools/spec/generate.py`.*\n{spec['prose']['text']}"]
    out.append("\n## Constants\n\n| name | value | meaning |\n|---|---|---|\n")
    out += [f"| `{c['name']}` | {c['value']} | {c['doc']} |\n" for c in spec["constants"]]
    out += [f"| `{a['name']}` | `{literal(a['values'])}` | {a['doc']} |\n" for a in spec["arrays"]]
    for item in spec["enums"]:
        out.append(f"\n## `{item['name']}`\n\n{item['doc']}\n\n| value | label | meaning |\n|---|---|---|\n")
        out += [f"| {v['value']} | `{v['label']}` | {v['doc']} |\n" for v in item["values"]]
        out += [f"\n### `{v['label']}`\n\n```python\n{v['code']}```\n" for v in item["values"] if "code" in v]
    for record in spec["records"]:
        out.append(f"\n## `{record['name']}`: {record['bytes']} bytes\n\n{record['doc']}\n\n"
                   "| offset | bytes | type | field | meaning |\n|---|---|---|---|---|\n")
        for offset, total, field in lay_out(record):
            kind = field["type"] + (f"[{field['count']}]" if "count" in field else "")
            out.append(f"| {offset} | {total} | {kind} | `{field['name']}` | {field['doc']} |\n")
    out.append(hardware.manual(spec))
    return "".join(out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("spec", type=pathlib.Path)
    parser.add_argument("--name", help="how the output names the spec; default: its path")
    parser.add_argument("--header", type=pathlib.Path)
    parser.add_argument("--manual", type=pathlib.Path)
    parser.add_argument("--package", type=pathlib.Path)
    parser.add_argument("--tcl", type=pathlib.Path)
    args = parser.parse_args()
    spec = tomllib.loads(args.spec.read_text())
    name = args.name or str(args.spec)
    for path, render in ((args.header, header), (args.manual, manual), (args.package, hardware.package),
                         (args.tcl, hardware.tcl)):
        if path:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(render(spec, name))


if __name__ == "__main__":
    main()
