#!/usr/bin/env python3
"""Turn public-domain books out of Debian packages into one text with one paragraph a line.

usage: books.py OUTPUT.txt PACKAGE=FOLDER...

FOLDER is where the files of PACKAGE were unpacked; every package of SOURCES has to be there. Prints a
table of what each source gave.
"""

import collections
import dataclasses
import gzip
import html
import pathlib
import re
import struct
import sys
import typing
import zlib

import normalise

# Headers and footers that Project Gutenberg put around a text: what lies between the two is the book.
BEFORE_BOOK = r"\*END\*?\s*THE SMALL PRINT!.*?\*END\*|\*\*\* START OF TH\w+ PROJECT GUTENBERG.*?\*\*\*"
AFTER_BOOK = r"End of (?:the )?Project Gutenberg|\*\*\* END OF TH|$"

# Paragraphs that are no part of a book: credits, places of figures, a dictionary server's alphabet.
NO_TEXT = re.compile(
    r"Gutenberg|\bEtext\b|pgdp\.net|^\[Redactor's note|^\[Illustration|^Produced by|"
    r"^abcdefghijklmnopqrstuvwxyz$", re.IGNORECASE)

# A paragraph of English prose has many of these; one of Latin, Hebrew or figures has hardly any.
COMMON_WORDS = frozenset(
    "the of and to a in that it is was he for his with as i not be but had at on him by this they have which "
    "all from her she you my we their are shall unto them thy so or".split())
LONG_PARAGRAPH = 20  # words; shorter ones are headings, names and cries, which say nothing
MIN_COMMON = 0.08
MAX_FOREIGN_LETTERS = 0.05

# Books have this many verse slots in the versification of the King James Bible, with a slot for
# module, testament, book and chapter headings.
VERSE_SLOTS = {"ot": 24115, "nt": 8246}


@dataclasses.dataclass(frozen=True)
class Source:
    """A work (or several by one author), and how its file becomes plain text."""

    title: str
    package: str
    path: str
    read: typing.Callable


def r_strings(data):
    """The character vectors of an R lazy-load database, each as one text: its lines."""
    while data:
        # An entry is its unpacked size and a zlib stream, which ends by itself.
        stream = zlib.decompressobj()
        value = stream.decompress(data[4:])
        data = stream.unused_data
        # Serialisation version 3: "X\n", three versions, the native encoding, then type and length.
        at = 18 + struct.unpack_from(">I", value, 14)[0]
        kind, count = struct.unpack_from(">II", value, at)
        if kind & 0xFF != 16:
            raise ValueError("an entry is no character vector")
        at += 8
        lines = []
        for _ in range(count):
            size = struct.unpack_from(">i", value, at + 4)[0]
            lines.append(value[at + 8:at + 8 + size].decode("utf-8"))
            at += 8 + size
        yield "\n".join(lines)


def read_r(path):
    return "\n\n".join(r_strings(path.read_bytes()))


def read_plain(path):
    """A text file, without what Project Gutenberg put around it."""
    data = path.read_bytes()
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    text = text.replace("\r", "")
    books = re.findall(f"(?:{BEFORE_BOOK})(.*?)(?:{AFTER_BOOK})", text, re.DOTALL | re.IGNORECASE)
    text = re.sub(r"\{\*\d+\}", "", "\n\n".join(books) if books else text)  # places of notes
    return join_hyphens(text)


def join_hyphens(text):
    """Words that a line end cuts in two become one: without the hyphen unless it is written elsewhere."""
    words = collections.Counter(re.findall(r"[A-Za-z]+(?:-[A-Za-z]+)*", text))

    def joined(match):
        first, second = match.groups()
        return first + ("-" if words[f"{first}-{second}"] > words[first + second] else "") + second + "\n"

    return re.sub(r"\b([A-Za-z]+)-\n[ ]*([A-Za-z]+[.,;:!?'\"]*)[ ]?", joined, text)


def read_dict(path):
    """A dictionary of dictd: its text from the preface on."""
    text = gzip.decompress(path.read_bytes()).decode("utf-8")
    return text[text.index("PREFACE"):]


def sword_entries(stem):
    """The entries of a SWORD module's testament, in order; verses that share one give it once."""
    # Where a block is a book the names end in .bz?, where it is a chapter in .cz?.
    kind = "bz" if stem.with_suffix(".bzz").exists() else "cz"
    blocks, verses, data = (stem.with_suffix(f".{kind}{part}").read_bytes() for part in "svz")
    slots = VERSE_SLOTS[stem.name]
    width = len(verses) // slots  # block and offset of 4 bytes, size of 2 or 4
    unpacked, before = {}, None
    for slot in range(slots):
        entry = verses[slot * width:(slot + 1) * width]
        block, offset = struct.unpack_from("<2I", entry)
        size = int.from_bytes(entry[8:], "little")
        if size == 0 or (block, offset) == before:
            continue
        before = (block, offset)
        if block not in unpacked:
            start, length = struct.unpack_from("<2I", blocks, 12 * block)
            unpacked = {block: zlib.decompress(data[start:start + length])}
        yield unpacked[block][offset:offset + size].decode("utf-8", errors="replace")


def read_sword(path):
    """A SWORD module: paragraphs of its running text, without titles, notes and tables."""
    # A title in a comment may hold other elements; notes and tables do not hold others of their kind.
    gone = re.compile(r"<(title|note|table)\b[^>]*(?<!/)>.*?</\1>", re.DOTALL)
    parts = []
    for testament in VERSE_SLOTS:
        for entry in sword_entries(path / testament):
            text = gone.sub(" ", entry)
            text = re.sub(r"<(?:div|chapter|p|lg|l|list|item|row)\b[^>]*>", "\n\n", text)
            parts.append(html.unescape(re.sub(r"<[^>]*>", "", text)).replace("\u00b6", ""))
    return "\n\n".join(parts)


LINGUA = "usr/share/doc/liblingua-stem-perl/examples"
GO = "usr/share/gocode/src/github.com"
SWORD = "usr/share/sword/modules"
SOURCES = [
    Source("Jane Austen: six novels", "r-cran-janeaustenr",
           "usr/lib/R/site-library/janeaustenr/data/Rdata.rdb", read_r),
    Source("Edgar Allan Poe: works", "liblingua-stem-perl",
           f"{LINGUA}/collected_works_poe.txt", read_plain),
    Source("Mark Twain: Huckleberry Finn", "liblingua-stem-perl", f"{LINGUA}/huckfinn.txt", read_plain),
    Source("Mark Twain: Tom Sawyer", "golang-github-pierrec-lz4-dev",
           f"{GO}/pierrec/lz4/testdata/Mark.Twain-Tom.Sawyer.txt", read_plain),
    Source("Arthur Conan Doyle: Sherlock Holmes", "golang-github-pierrec-lz4-dev",
           f"{GO}/pierrec/lz4/testdata/pg1661.txt", read_plain),
    Source("Isaac Newton: Opticks", "golang-github-andybalholm-brotli-dev",
           f"{GO}/andybalholm/brotli/testdata/Isaac.Newton-Opticks.txt", read_plain),
    Source("Ambrose Bierce: Devil's Dictionary", "dict-devil",
           "usr/share/dictd/devil.dict.dz", read_dict),
    Source("King James Bible", "sword-text-kjv", f"{SWORD}/texts/ztext/engKJV2006eb", read_sword),
    Source("Matthew Henry: Commentary", "sword-comm-mhcc", f"{SWORD}/comments/zcom/mhcc", read_sword),
    Source("C. H. Spurgeon: Treasury of David", "sword-comm-tdavid",
           f"{SWORD}/comments/zcom/tdavid", read_sword),
]


def is_english_text(paragraph):
    """Whether a paragraph belongs to a book and is English."""
    if NO_TEXT.search(paragraph):
        return False
    foreign = sum(not char.isascii() for char in paragraph)
    if foreign > MAX_FOREIGN_LETTERS * len(paragraph):
        return False
    words = re.findall(r"[a-z]+", paragraph.lower())
    return bool(words) and (len(words) < LONG_PARAGRAPH or
                            sum(word in COMMON_WORDS for word in words) >= MIN_COMMON * len(words))


def main(argv):
    if len(argv) < 3 or not all("=" in arg for arg in argv[2:]):
        sys.exit(__doc__.strip())
    folders = dict(arg.split("=", 1) for arg in argv[2:])
    seen = set()  # a paragraph that came before does not come again
    rows = []
    with open(argv[1], "w", encoding="utf-8", newline="\n") as out:
        for source in SOURCES:
            if source.package not in folders:
                sys.exit(f"books.py: the folder of {source.package} is missing")
            count = size = 0
            path = pathlib.Path(folders[source.package]) / source.path
            for line in normalise.paragraphs(source.read(path)):
                if line in seen or not is_english_text(line):
                    continue
                seen.add(line)
                out.write(line + "\n")
                count += 1
                size += len(line.encode("utf-8")) + 1
            if count == 0:
                sys.exit(f"books.py: {source.package} holds nothing of '{source.title}'")
            rows.append((source.title, source.package, size, count))
    rows.append(("all", "", sum(row[2] for row in rows), sum(row[3] for row in rows)))
    print(f"{'source':36} {'package':37} {'MB':>6} {'paragraphs':>10}")
    for title, package, size, count in rows:
        print(f"{title:36} {package:37} {size / 1e6:6.2f} {count:10}")


if __name__ == "__main__":
    main(sys.argv)
