#!/usr/bin/env python3
"""Runs clang-tidy over every compiled source of the project, and remembers what was clean.

usage: tidy.py BUILD_DIR [JOBS [all|product]]     product: leaves the tests out

A clean result is kept in BUILD_DIR/tidy-cache under a key made of the compile command, .clang-tidy
and the contents of the source and of every project header it includes, so only what changed is
looked at again. Runs from the repository root; prints the findings and exits 1 if there are any.
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

TEST_SOURCE = re.compile(r"_test\.cc$|/testing/|^tests/|^fuzz/|^bench/")

CLANG_TIDY = "clang-tidy-14"


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


def cache_key(entry, dependencies):
    """Checksum of everything clang-tidy's result hangs on; None if the file was never compiled."""
    arguments = shlex.split(entry["command"])
    files = dependencies.get(arguments[arguments.index("-o") + 1])
    if not files:
        return None
    digest = hashlib.sha256((CLANG_TIDY + entry["command"]).encode())
    for path in [".clang-tidy", entry["file"], *sorted(files)]:
        try:
            digest.update(path.encode() + b"\0" + pathlib.Path(path).read_bytes())
        except OSError:
            return None
    return digest.hexdigest()


def check(entry, build_dir):
    """Runs clang-tidy on one source; returns its findings, empty when clean."""
    # The compile commands may come from gcc and name warnings that clang has not.
    command = [CLANG_TIDY, "--quiet", "--extra-arg=-Wno-unknown-warning-option", "-p", build_dir,
               entry["file"]]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode == 0:
        return ""
    # Standard error holds a count of suppressed warnings, and what matters only if clang-tidy broke.
    return result.stdout or result.stderr


def main(argv):
    if len(argv) not in (2, 3, 4):
        sys.exit(__doc__.strip())
    build_dir, jobs = argv[1], int(argv[2]) if len(argv) > 2 else 2
    cache = pathlib.Path(build_dir, "tidy-cache")
    cache.mkdir(parents=True, exist_ok=True)
    dependencies = project_dependencies(build_dir)
    paths = list_files("*.cc")
    if argv[3:] == ["product"]:
        paths = [path for path in paths if not TEST_SOURCE.search(path)]
    sources = {os.path.abspath(path) for path in paths}
    entries = json.loads(pathlib.Path(build_dir, "compile_commands.json").read_text())
    stale = {}  # one compile command a source suffices
    for entry in entries:
        key = cache_key(entry, dependencies)
        if entry["file"] in sources and not (key and (cache / key).exists()):
            stale.setdefault(entry["file"], (entry, key))
    failures = 0
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        running = {pool.submit(check, entry, build_dir): key for entry, key in stale.values()}
        for done in concurrent.futures.as_completed(running):
            if findings := done.result():
                failures += 1
                print(findings.strip())
            elif running[done]:
                (cache / running[done]).touch()
    print(f"clang-tidy: {len(stale)} of {len(sources)} sources checked, {failures} with findings")
    return failures > 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
