#!/usr/bin/env python3
"""Measures packed files and llama.cpp's low-bit types: one model, one text, the same predictions.

Every row is compared with the float model of its own engine: rows of llama.cpp with llama.cpp on
the F16 file, packed files with the checkpoint in float. Both must agree in perplexity.
"""
import argparse
import json
import pathlib
import subprocess
import sys

import numpy as np

from imatrix import linear_tensors, measure
from llama_library import Llama, LibraryError, Session

# file type, and whether all linear layers have that one type ("pure") or llama.cpp's mixture
TYPES = [("Q4_0", True), ("Q2_K", False), ("Q2_K", True), ("IQ2_XS", True), ("IQ2_XXS", False),
         ("IQ2_XXS", True), ("TQ2_0", True), ("TQ1_0", True)]
FLOAT = "F16"
# As the table calls the cache, what that adds to a row's name, and the options of its Session.
CACHES = [
    ("F16", "", {}),
    ("q4_0", ", q4_0 cache", {"kv": "Q4_0"}),
    ("q4_0", ", q4_0 cache not rotated", {"kv": "Q4_0", "rotate": False}),
]
WITH_ALL_CACHES = (FLOAT, "Q2_K", "IQ2_XXS")  # other rows have the first only
MAX_FLOAT_DIFFERENCE = 0.005  # of the perplexities of both float models


def run(command, **options):
    result = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False,
                            **options)
    if result.returncode != 0:
        sys.exit(f"compare.py: {' '.join(map(str, command))} failed: {result.stderr.strip()}")
    return result.stdout


def token_stream(args, path, newline):
    """Each line's tokens, then the newline token, as `accllm eval --lines` reads a text."""
    text = pathlib.Path(path).read_bytes()
    output = run([args.tokenize, args.model], input=text.decode("utf-8"))
    return np.array([token for line in output.splitlines()
                     for token in [*map(int, line.split()), newline]], dtype=np.int32)


def cut(tokens, n_tokens, limit):
    """Windows without overlap from the first `limit` tokens: [n, n_tokens]."""
    n = min(limit, len(tokens)) // n_tokens
    return tokens[:n * n_tokens].reshape(n, n_tokens)


def spread(tokens, n_tokens, n):
    """`n` windows taken evenly from the whole text: [n, n_tokens]."""
    starts = (len(tokens) - n_tokens) * np.arange(n) // n
    return np.stack([tokens[start:start + n_tokens] for start in starts])


def log_softmax(logits):
    logits = logits.astype(np.float64)
    logits -= logits.max(-1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(-1, keepdims=True))


class Score:
    """Sums over predictions, of a model beside the float model."""

    def __init__(self):
        self.n = self.nll = self.kl = self.same = 0

    def add(self, log_p, reference, weights, targets):
        """log_p, reference: [n, vocab] log-probabilities; weights: exp(reference); targets: [n]"""
        self.n += len(targets)
        self.nll -= log_p[np.arange(len(targets)), targets].sum()
        self.kl += (weights * (reference - log_p)).sum()
        self.same += (log_p.argmax(-1) == reference.argmax(-1)).sum()

    def result(self):
        return {"predictions": self.n, "perplexity": float(np.exp(self.nll / self.n)),
                "kl": float(self.kl / self.n), "top1_agreement": float(self.same / self.n)}


def score_sessions(sessions, windows):
    """name -> result, of all sessions against the one called FLOAT, window by window."""
    scores = {name: Score() for name in sessions}
    for i, window in enumerate(windows):
        reference = log_softmax(sessions[FLOAT].logits(window)[:-1])
        weights = np.exp(reference)
        for name, session in sessions.items():
            log_p = reference if name == FLOAT else log_softmax(session.logits(window)[:-1])
            scores[name].add(log_p, reference, weights, window[1:])
        if (i + 1) % 8 == 0:
            print(f"llama.cpp: {i + 1} of {len(windows)} windows", file=sys.stderr)
    return {name: score.result() for name, score in scores.items()}


def bits(library, path):
    """Bits per weight of a GGUF file's linear layers, and how many tensors have which type."""
    linear = linear_tensors(library.tensors(path))
    kinds = [kind for kind, _, _ in linear.values()]
    n_weights = sum(n for _, n, _ in linear.values())
    n_bytes = sum(n for _, _, n in linear.values())
    return 8 * n_bytes / n_weights, {kind: kinds.count(kind) for kind in sorted(set(kinds))}


def quantised_files(args, library, gguf, imatrix):
    """name -> row with its `path`, or with `refused`: why llama.cpp cannot make it."""
    rows = {}
    for kind, pure in TYPES:
        name = kind if pure else f"{kind}, mixed"
        path = args.output / f"{kind.lower()}{'' if pure else '_mixed'}.gguf"
        print(f"quantising to {name}", file=sys.stderr)
        try:
            library.quantize(gguf, path, kind, imatrix, pure)
            bits_per_weight, types = bits(library, path)
            rows[name] = {"path": path, "bits_per_linear_weight": bits_per_weight, "types": types,
                          "embedding": library.tensors(path)["token_embd.weight"][0]}
        except LibraryError as error:
            rows[name] = {"refused": str(error)}
    return rows


def llama_cpp_rows(args, library, gguf, windows, imatrix):
    rows = {FLOAT: {"path": gguf, "bits_per_linear_weight": bits(library, gguf)[0]}}
    rows |= quantised_files(args, library, gguf, imatrix)
    sessions = {}
    for name, row in list(rows.items()):
        for kv, suffix, options in CACHES if name in WITH_ALL_CACHES else CACHES[:1]:
            if "path" in row:
                sessions[name + suffix] = Session(library, row["path"], args.window_tokens,
                                                  **options)
            rows[name + suffix] = {**row, "kv": kv}
    for name, result in score_sessions(sessions, windows).items():
        rows[name] |= result
        sessions[name].close()
    for row in rows.values():
        row.pop("path", None)
    return {f"llama.cpp {name}": row for name, row in rows.items()}


def evaluate(args, path, *options):
    """accllm eval on the same predictions."""
    return json.loads(run([args.binary, "eval", path, "--text", args.text, "--lines",
                           "--window-tokens", args.window_tokens, "--max-tokens", args.max_tokens,
                           "--threads", 1, "--json", *options]))


def packed_rows(args):
    """Packed files with 8-bit activations, with and without the 4-bit cache; that cache alone."""
    unquantised = args.output / "f16.acc"
    run([args.binary, "compress", args.model, "-o", unquantised, "--recipe", "magnitude-nearest",
         "--keep-dense", "*=f16", "--threads", 1, "--force"])
    # Layers kept as F16 take their inputs in float: with them wa8kv4 differs by the cache only.
    files = [("F16", unquantised, "w"), ("F16", unquantised, "wa8kv4")]
    files += [(path.stem, path, precision) for path in args.packed
              for precision in ("wa8", "wa8kv4")]
    rows = {}
    for name, path, precision in files:
        print(f"evaluating {path}, {precision}", file=sys.stderr)
        inspected = json.loads(run([args.binary, "inspect", path, "--json"]))
        result = evaluate(args, path, "--precision", precision, "--against", args.model)
        cached = precision == "wa8kv4"
        rows[f"accllm {name}{', KV4 cache' if cached else ''}"] = {
            "bits_per_linear_weight": inspected["bits_per_linear_weight"],
            "kv": "KV4" if cached else "float", "recipe": inspected["recipe"]["name"],
            "calibration": inspected["provenance"]["calibration"], "predictions": result["tokens"],
            **{key: result[key] for key in ("perplexity", "kl", "top1_agreement")}}
    return rows


def table(rows, float_perplexity):
    lines = ["| weights, cache | bits / linear weight | KV | perplexity | / float | KL "
             "| same top token |", "|---|--:|---|--:|--:|--:|--:|"]
    for name, row in rows.items():
        if "refused" in row:
            lines.append(f"| {name} | | | {row['refused']} | | | |")
            continue
        lines.append(f"| {name} | {row['bits_per_linear_weight']:.3f} | {row['kv']} "
                     f"| {row['perplexity']:.2f} | {row['perplexity'] / float_perplexity:.3f} "
                     f"| {row['kl']:.5f} | {100 * row['top1_agreement']:.1f} % |")
    return "\n".join(lines) + "\n"


def print_other_calibrations(args, rows):
    """A fair comparison takes importance matrix and packed files from one text."""
    for name, row in rows.items():
        if row.get("calibration", "") not in ("", args.calibration.name):
            print(f"note: {name} was calibrated on {row['calibration']}, the importance matrix on "
                  f"{args.calibration.name} (--calibration FILE chooses)")


def check_float(ours, theirs):
    """Exits unless both engines predict the text alike with unquantised weights."""
    difference = theirs["perplexity"] / ours["perplexity"] - 1
    if ours["predictions"] != theirs["predictions"] or abs(difference) > MAX_FLOAT_DIFFERENCE:
        sys.exit(f"compare.py: the float models differ, so nothing else can be compared: accllm "
                 f"has perplexity {ours['perplexity']:.3f} over {ours['predictions']} predictions, "
                 f"llama.cpp {theirs['perplexity']:.3f} over {theirs['predictions']}")
    print(f"float perplexity: llama.cpp {theirs['perplexity']:.3f}, accllm "
          f"{ours['perplexity']:.3f} ({100 * difference:+.3f} %)")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("llama-cpp", "binary", "tokenize", "model", "calibration", "text", "output"):
        parser.add_argument("--" + name, required=True, type=pathlib.Path)
    parser.add_argument("--window-tokens", type=int, default=256)
    parser.add_argument("--max-tokens", type=int, default=16384, help="of the text")
    parser.add_argument("--calibration-windows", type=int, default=512,
                        help="for the importance matrix, taken evenly from the calibration text")
    parser.add_argument("packed", nargs="*", type=pathlib.Path, help="packed files of the model")
    args = parser.parse_args()
    for path in args.packed:
        if not path.is_file():
            parser.error(f"{path} is not there")
    return args


def main():
    args = parse_arguments()
    args.output.mkdir(parents=True, exist_ok=True)
    gguf = args.output / (args.model.name + ".gguf")
    run([args.binary, "export", args.model, "--gguf", gguf, "--force"])
    rows = packed_rows(args)

    library = Llama(args.llama_cpp, args.output / "llama_cpp.log")
    session = Session(library, gguf, args.window_tokens)
    newline = session.newline
    session.close()
    windows = cut(token_stream(args, args.text, newline), args.window_tokens, args.max_tokens)
    calibration = spread(token_stream(args, args.calibration, newline), args.window_tokens,
                         args.calibration_windows)
    print(f"importance matrix from {calibration.size} tokens", file=sys.stderr)
    imatrix = measure(library, gguf, calibration)
    missing = set(linear_tensors(library.tensors(gguf))) - set(imatrix)
    if missing:
        sys.exit(f"compare.py: no activations were seen for {', '.join(sorted(missing))}")
    rows = llama_cpp_rows(args, library, gguf, windows, imatrix) | rows

    check_float(rows["accllm F16"], rows["llama.cpp " + FLOAT])
    text = table(rows, rows["llama.cpp " + FLOAT]["perplexity"])
    (args.output / "table.md").write_text(text, encoding="utf-8")
    report = {"model": args.model.name, "text": args.text.name,
              "calibration": args.calibration.name, "calibration_tokens": calibration.size,
              "window_tokens": args.window_tokens, "rows": rows}
    (args.output / "result.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print(text, end="")
    print_other_calibrations(args, rows)
    print(f"written: {args.output}/table.md, {args.output}/result.json")


if __name__ == "__main__":
    try:
        main()
    except LibraryError as error:
        sys.exit(f"compare.py: llama.cpp: {error}")
