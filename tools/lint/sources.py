#!/usr/bin/env python3
"""The files that the lint steps look at: tracked ones, and new ones that git does not ignore.

As a program it prints the paths of all C++ files, one a line.
"""

import subprocess

CXX = ("*.cc", "*.h", "*.inc")


def list_files(*patterns):
    """Paths relative to the repository root that match any git pathspec of `patterns`."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"]
    out = subprocess.run(command + ["--", *patterns], check=True, capture_output=True).stdout
    deleted = subprocess.run(
        ["git", "ls-files", "-z", "--deleted"], check=True, capture_output=True
    ).stdout.split(b"\0")
    return sorted(p.decode() for p in out.split(b"\0") if p and p not in deleted)


if __name__ == "__main__":
    print("\n".join(list_files(*CXX)))
