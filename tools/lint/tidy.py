#!/usr/bin/env python3
"""Runs clang-tidy over what a build folder's compile commands name, and remembers what was clean.

usage: tidy.py BUILD_DIR [JOBS]

A clean result is kept in BUILD_DIR/tidy-cache under a key made of the compile command, .clang-tidy
and the contents of the source and of every project file it includes, so only what changed is looked
at again. Runs from the repository root; prints the findings and exits 1 if there are any.
"""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

from sources import list_files

CLANG_TIDY = "clang-tidy-14"

# A precompiled header of g++ means nothing to clang, and would hide what a source forgot to include.
PRECOMPILED_HEADER = re.compile(r" -Winvalid-pch -include \S+/cmake_pch\.hxx")

FOREIGN = re.compile(r"/rtl_models/|/verilator/include/")


def project_dependencies(build_dir):
    """object file -> paths of the project's files it was compiled from, from Ninja's log."""
    log = subprocess.run(["ninja", "-C", build_dir, "-t", "deps"], capture_output=True, text=True)
    dependencies, current = {}, None
    for line in log.stdout.splitlines():
        if line.startswith(" "):
            path = os.path.normpath(os.path.join(build_dir, line.strip()))
            if not path.startswith("/usr/"):
                current.append(path)
        elif ": #deps" in line and "VALID" in line:
            current = dependencies.setdefault(line.split(": #deps")[0], [])
        else:
            current = []
    return dependencies


def included(source, headers):
    """What a unit that was never compiled may hang on: the sources it includes, and every header."""
    text = pathlib.Path(source).read_text()
    return re.findall(r'^#include "(/[^"]+\.cc)"', text, re.MULTILINE) + headers


def cache_key(entry, dependencies, headers):
    """Checksum of everything clang-tidy's result hangs on."""
    arguments = shlex.split(entry["command"])
    files = dependencies.get(arguments[arguments.index("-o") + 1])
    digest = hashlib.sha256((CLANG_TIDY + entry["command"]).encode())
    for path in [".clang-tidy", entry["file"], *sorted(files or included(entry["file"], headers))]:
        digest.update(path.encode() + b"\0" + pathlib.Path(path).read_bytes())
    return digest.hexdigest()


def check(entry, database):
    """Runs clang-tidy on one source; returns its findings, empty when clean."""
    # The compile commands may come from gcc and name warnings that clang has not.
    command = [CLANG_TIDY, "--quiet", "--extra-arg=-Wno-unknown-warning-option", "-p", database,
               entry["file"]]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode == 0:
        return ""
    # Standard error holds a count of suppressed warnings, and what matters only if clang-tidy broke.
    return result.stdout or result.stderr


def main(argv):
    if len(argv) not in (2, 3):
        sys.exit(__doc__.strip())
    build_dir, jobs = argv[1], int(argv[2]) if len(argv) > 2 else 2
    cache = pathlib.Path(build_dir, "tidy-cache")
    cache.mkdir(parents=True, exist_ok=True)
    database = pathlib.Path(build_dir, "compile_commands.json").read_text()
    database = PRECOMPILED_HEADER.sub("", database)
    (cache / "compile_commands.json").write_text(database)
    dependencies, headers = project_dependencies(build_dir), list_files("*.h")
    # One command a source suffices; what Verilator wrote, and its own sources, are not our text.
    entries = {entry["file"]: entry for entry in json.loads(database) if not FOREIGN.search(entry["file"])}
    keys = {file: cache_key(entry, dependencies, headers) for file, entry in entries.items()}
    stale = [file for file, key in keys.items() if not (cache / key).exists()]
    failures = 0
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        running = {pool.submit(check, entries[file], cache): keys[file] for file in stale}
        for done in concurrent.futures.as_completed(running):
            if findings := done.result():
                failures += 1
                print(findings.strip())
            else:
                (cache / running[done]).touch()
    print(f"clang-tidy: {len(stale)} of {len(entries)} sources checked, {failures} with findings")
    return failures > 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
