#!/usr/bin/env python3
"""Includes go one way: a room of src/ uses only the rooms that lie before it in the data flow.

Rooms may include what ROOMS says; a room's *_test.cc, tests/, bench/, fuzz/ and apps/ may include any
room. Headers of include/accllm/ hold no third-party types, so they include only each other and the
standard library. A quoted include is spelled "room/file.h".

Runs from the repository root; prints the offenders as file:line and exits 1 if there are any.
"""

import pathlib
import re
import sys

from sources import CXX, list_files

# room -> rooms that it may include besides itself
MIDDLE = ("checkpoint", "tokenizer", "packed", "kernels")
BELOW_REFERENCE = ("base", *MIDDLE)
ROOMS = {
    "base": (),
    **{room: ("base",) for room in MIDDLE},
    "linalg": ("base",),
    "reference": BELOW_REFERENCE,
    "tune": ("base", "linalg", "packed", "kernels", "reference"),
    "compress": (*BELOW_REFERENCE, "linalg", "reference", "tune"),
    "runtime": (*BELOW_REFERENCE, "reference"),
    "accel": ("base", "packed", "kernels"),
    "compiler": ("base", "packed", "accel"),
}
# Generated from the specification or installed for users: no room, open to every room.
SHARED = ("spec", "accllm")

INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]')
STANDARD_C_HEADERS = {"stdbool.h", "stddef.h", "stdint.h"}


def includes(path):
    """(line number, opening delimiter, name) of every include of the file."""
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if match := INCLUDE.match(line):
                yield number, match.group(1), match.group(2)


def room_error(room, delimiter, name):
    """Why a file of src/room/ must not have this include; None if it may."""
    if delimiter == "<":
        return None
    target = name.split("/")[0]
    if "/" not in name or target not in (*ROOMS, *SHARED):
        return f'"{name}" is not spelled "room/file.h"; third-party headers go in <>'
    if target != room and target not in (*ROOMS[room], *SHARED):
        allowed = ", ".join(ROOMS[room]) or "nothing else"
        return f'room {room} must not use room {target}; it may use: {allowed}'
    return None


def public_error(delimiter, name):
    """Why a public header must not have this include; None if it may."""
    own = name.startswith("accllm/")
    standard = delimiter == "<" and ("." not in name and "/" not in name)
    if own or standard or name in STANDARD_C_HEADERS:
        return None
    return f"a public header must not include {name}; only accllm/ and the standard library"


def errors_of(path):
    """(line number, message) of every offending include of the file."""
    parts = pathlib.PurePath(path).parts
    if parts[0] == "include":
        check = public_error
    elif parts[0] == "src" and not path.endswith("_test.cc"):
        if parts[1] not in ROOMS:
            yield 1, f"src/{parts[1]} is no known room; add it to tools/lint/check_includes.py"
            return
        check = lambda delimiter, name: room_error(parts[1], delimiter, name)
    else:
        return
    for number, delimiter, name in includes(path):
        if message := check(delimiter, name):
            yield number, message


def main():
    offenders = 0
    for path in list_files(*CXX):
        for number, message in errors_of(path):
            offenders += 1
            print(f"{path}:{number}: {message}")
    return offenders > 0


if __name__ == "__main__":
    sys.exit(main())
