#!/usr/bin/env python3
"""What the host writes into a card's registers for a pass of a program, in order, and what it reads behind it.

    card_registers.py PROGRAM.accp [--position P] [--tokens N] [--outputs M] [--memory ADDRESS...]

A line a word: write or read, offset, value, name. `--memory` says where the lanes' buffers lie; without it, each at
the first byte of its 256 MiB channel.
"""

import argparse
import pathlib
import sys
import tomllib

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tools" / "spec"))
import hardware  # noqa: E402
import records  # noqa: E402

SPEC = tomllib.loads((ROOT / "spec" / "accelerator.toml").read_text())
REGISTERS = {row.name: row for row in hardware.lay_out(SPEC)}
BEAT_BYTES = next(constant["value"] for constant in SPEC["constants"] if constant["name"] == "kBeatBytes")
CHANNEL_BYTES = 256 << 20


def fields(data: bytes, name: str) -> dict[str, int]:
    """A record's fields as integers, whatever they hold."""
    record = next(record for record in SPEC["records"] if record["name"] == name)
    return {field["name"]: int.from_bytes(data[offset:offset + total], "little")
            for offset, total, field in records.lay_out(record)}


def words(name: str, values: list[int], wide: bool) -> list[tuple[int, int, str]]:
    """(offset, word, name) of a register's values; a wide one has two words, the lower first."""
    row, lines = REGISTERS[name], []
    for i, value in enumerate(values):
        label = name if len(values) == 1 else f"{name}[{i}]"
        offset = row.offset + (row.stride if wide else 4) * i
        lines.append((offset, value & 0xFFFFFFFF, label))
        if wide:
            lines.append((offset + 4, value >> 32, f"{label}, upper"))
    return lines


def written(data: bytes, args: argparse.Namespace) -> list[tuple[int, int, str]]:
    header = fields(data, "ProgramHeader")
    geometry_bytes = header["geometry"].to_bytes(REGISTERS["geometry"].words * 4, "little")
    geometry = fields(geometry_bytes, "Geometry")
    addresses = args.memory or [CHANNEL_BYTES * lane for lane in range(geometry["lanes"])]
    if len(addresses) != geometry["lanes"]:
        raise SystemExit(f"--memory: {len(addresses)} addresses, the program has {geometry['lanes']} lanes")
    lines = words("memory", addresses, True)
    lines += words("instructions", [addresses[0] + geometry["stripes"] * BEAT_BYTES], True)
    lines += words("n_instructions", [header["n_instructions"]], False)
    values = [int.from_bytes(geometry_bytes[i:i + 4], "little") for i in range(0, len(geometry_bytes), 4)]
    names = [*geometry, *["reserved"] * len(values)]
    lines += [(offset, value, f"geometry.{name}")
              for (offset, value, _), name in zip(words("geometry", values, False), names)]
    lines += words("position", [args.position], True)
    lines += words("n_tokens", [args.tokens], False) + words("n_outputs", [args.outputs], False)
    return [*lines, (REGISTERS["control"].offset, 1, "control: start")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("--position", type=int, default=0)
    parser.add_argument("--tokens", type=int, default=1)
    parser.add_argument("--outputs", type=int, default=1)
    parser.add_argument("--memory", type=lambda text: int(text, 0), nargs="+", metavar="ADDRESS")
    args = parser.parse_args()
    data = args.program.read_bytes()
    if data[:8] != b"ACCPROG\n":
        raise SystemExit(f"{args.program}: not a program of accllm compile")
    for offset, value, name in written(data, args):
        print(f"write {offset:#05x} {value:#010x} {name}")
    print(f"read  {REGISTERS['control'].offset:#05x} until bit 1 is set: done")
    for name, row in REGISTERS.items():
        if row.group == "status":
            print(f"read  {row.offset:#05x} {8 * 4 * row.words:>10} bits {name}")


if __name__ == "__main__":
    main()
