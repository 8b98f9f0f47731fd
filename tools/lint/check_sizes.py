#!/usr/bin/env python3
"""No source file is longer than 600 lines. (Function length: readability-function-size.)

Runs from the repository root; prints the offenders and exits 1 if there are any.
"""

import sys

from sources import CXX, list_files

MAX_LINES = 600
CODE = CXX + ("*.py", "*.sh", "*.cmake", "*CMakeLists.txt", "Makefile")


def main():
    offenders = 0
    for path in list_files(*CODE):
        with open(path, "rb") as file:
            lines = sum(1 for _ in file)
        if lines > MAX_LINES:
            offenders += 1
            print(f"{path}:{MAX_LINES + 1}: {lines} lines; split it, at most {MAX_LINES} are allowed")
    return offenders > 0


if __name__ == "__main__":
    sys.exit(main())
