#!/usr/bin/env python3
"""Prints the demo's result table from the JSON files that tools/demo.sh left.

usage: demo_table.py DEMO_DIR CHECKPOINT.safetensors
"""

import json
import os
import pathlib
import sys


def speed_rows(bench):
    """One table row a line of the benchmark: what was timed, and tokens per second."""
    for row in bench["rows"]:
        label = f"{row['phase']} {row['tokens']} tokens, {row['threads']} thread(s)"
        yield label, "", f"{row['tokens_per_second']:.0f} ± {row['stddev']:.0f} token/s"


def result_rows(results, checkpoint_bytes):
    """(what, float checkpoint, compressed file) of every measured figure."""
    inspect, exact, packed = (results[name] for name in ("inspect", "eval_float", "eval_packed"))
    ratio = packed["perplexity"] / exact["perplexity"]
    yield (
        "size on disk",
        f"{checkpoint_bytes / 1e6:.2f} MB",
        f"{inspect['file_bytes'] / 1e6:.2f} MB ({checkpoint_bytes / inspect['file_bytes']:.1f}x smaller)",
    )
    yield "bits per linear weight", "16", f"{inspect['bits_per_linear_weight']:.3f}"
    yield (
        f"perplexity, Moby Dick, {packed['tokens']} tokens",
        f"{exact['perplexity']:.2f}",
        f"{packed['perplexity']:.2f} ({ratio:.3f}x)",
    )
    yield "KL divergence from float", "0", f"{packed['kl']:.4f} nat"
    yield "same most likely token", "100 %", f"{100 * packed['top1_agreement']:.1f} %"
    yield from speed_rows(results["bench"])


def main(argv):
    if len(argv) != 3:
        sys.exit(__doc__.strip())
    names = ("inspect", "eval_float", "eval_packed", "bench")
    results = {n: json.loads(pathlib.Path(argv[1], f"{n}.json").read_text()) for n in names}
    rows = [("", "float16", "compressed"), *result_rows(results, os.path.getsize(argv[2]))]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


if __name__ == "__main__":
    main(sys.argv)
