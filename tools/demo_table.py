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
        yield label, "", f"{row['tokens_per_second']:.0f} ± {row['stddev']:.0f} token/s", ""


def size_cell(inspect, checkpoint_bytes):
    size = inspect["file_bytes"]
    return f"{size / 1e6:.2f} MB ({checkpoint_bytes / size:.1f}x smaller)"


def perplexity_cell(packed, exact):
    return f"{packed['perplexity']:.2f} ({packed['perplexity'] / exact['perplexity']:.3f}x)"


def result_rows(results, checkpoint_bytes):
    """(what, float checkpoint, compressed, distilled) of every measured figure."""
    inspects = [results[name] for name in ("inspect", "inspect_distilled")]
    exact, *evals = (results[name] for name in ("eval_float", "eval_packed", "eval_distilled"))
    yield (
        "size on disk",
        f"{checkpoint_bytes / 1e6:.2f} MB",
        *(size_cell(inspect, checkpoint_bytes) for inspect in inspects),
    )
    yield "bits per linear weight", "16", *(f"{i['bits_per_linear_weight']:.3f}" for i in inspects)
    yield (
        f"perplexity, Moby Dick, {exact['tokens']} tokens",
        f"{exact['perplexity']:.2f}",
        *(perplexity_cell(packed, exact) for packed in evals),
    )
    yield "KL divergence from float", "0", *(f"{packed['kl']:.4f} nat" for packed in evals)
    yield "same most likely token", "100 %", *(f"{100 * p['top1_agreement']:.1f} %" for p in evals)
    yield from speed_rows(results["bench"])


def main(argv):
    if len(argv) != 3:
        sys.exit(__doc__.strip())
    names = ("inspect", "inspect_distilled", "eval_float", "eval_packed", "eval_distilled", "bench")
    results = {n: json.loads(pathlib.Path(argv[1], f"{n}.json").read_text()) for n in names}
    rows = [("", "float16", "compressed", "distilled")]
    rows += result_rows(results, os.path.getsize(argv[2]))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


if __name__ == "__main__":
    main(sys.argv)
