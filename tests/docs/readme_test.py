#!/usr/bin/env python3
"""Runs the commands of README and tutorial, and checks the links of all documents.

In a ```console block, a line "$ build/accllm ..." (with "\\" at the end: and the next line) is a command
that must succeed when run as it stands from the root of the repository; it writes only to
build/readme/. Other blocks are not run. Equal commands run once.

usage: readme_test.py [--binary PATH]     PATH: what build/accllm stands for (default: itself)
"""

import argparse
import os
import pathlib
import re
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXECUTED = ("README.md", "docs/tutorial.md")
PROGRAM = "build/accllm"
CONSOLE = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^\$ ((?:.*\\\n)*.*)", re.MULTILINE)
LINK = re.compile(r"\]\(([^)#\s]*)(?:#([^)\s]*))?\)")
HEADING = re.compile(r"^#+ (.*)", re.MULTILINE)


def commands_of(text):
    """Every command of the program in the text's console blocks, as an argument list."""
    for block in CONSOLE.findall(text):
        for command in COMMAND.findall(block):
            arguments = shlex.split(command.replace("\\\n", " "))
            if arguments[0] == PROGRAM:
                yield arguments


def run(arguments, binary):
    """Whether the command succeeds; shows what it said if not."""
    result = subprocess.run(
        [binary, *arguments[1:]], cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    print(f"{'ok' if result.returncode == 0 else 'FAILED'}: {shlex.join(arguments)}", flush=True)
    if result.returncode != 0:
        print(f"exit {result.returncode}\n{result.stdout}{result.stderr}")
    return result.returncode == 0


def anchors_of(document):
    """What the headings of a document can be linked as."""
    for heading in HEADING.findall(document.read_text()):
        yield re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def broken_links(document):
    """Links of a document to files or headings that are not there."""
    for path, anchor in LINK.findall(document.read_text()):
        if path.startswith(("http:", "https:")):
            continue
        target = document.parent / path if path else document
        if not target.exists():
            yield path
        elif anchor and anchor not in anchors_of(target):
            yield f"{path}#{anchor}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", default=str(ROOT / PROGRAM))
    binary = parser.parse_args().binary
    failures = 0
    for document in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))):
        for link in broken_links(document):
            failures += 1
            print(f"FAILED: {document.relative_to(ROOT)}: broken link {link}")
    (ROOT / "build/readme").mkdir(parents=True, exist_ok=True)
    commands = [c for name in EXECUTED for c in commands_of((ROOT / name).read_text())]
    if not commands:
        failures += 1
        print("FAILED: no command found")
    for arguments in dict.fromkeys(map(tuple, commands)):
        failures += not run(arguments, binary)
    return failures > 0


if __name__ == "__main__":
    os.environ["ACCLLM_CONFIG"] = "none"  # not the developer's own settings
    sys.exit(main())
