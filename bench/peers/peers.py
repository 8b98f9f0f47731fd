#!/usr/bin/env python3
"""Measures accllm and llama.cpp's low-bit types on one machine in one run: random weights of the same
shapes, decode and prefill, at several numbers of threads, depths and types of cache.

accllm comes first and last, so that a machine whose speed changes shows. llama.cpp loads without
mmap, into huge pages where run.sh's allocator gets them. Prints tables and keeps everything as JSON.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from ctypes import c_bool, c_int32, c_void_p
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools" / "compare_llama_cpp"))
from llama_library import GGML_TYPES, LibraryError, Llama, declare  # noqa: E402

TYPES = ["TQ1_0", "TQ2_0", "IQ2_XXS", "Q2_K", "Q4_0"]
BATCH = 512  # tokens of one call while a context is filled
LOAD_MODE = 24  # where llama_model_params has its load_mode, an int32: -1 auto, 0 without mmap
MORE_FUNCTIONS = {
    "llama_memory_seq_rm": (c_bool, [c_void_p, c_int32, c_int32, c_int32]),
    "llama_synchronize": (None, [c_void_p]),
}


def run_json(*command):
    result = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    if result.returncode != 0:
        sys.exit(f"peers.py: {' '.join(map(str, command))} failed: {result.stderr.strip()}")
    return json.loads(result.stdout)


def synthesize(args, shape, path, *options):
    if not path.exists():
        print(f"writing {path.name}", file=sys.stderr)
        run_json(args.binary, "synth", "--shape", shape, "-o", path, "--json", *options)


def summary(seconds, n_tokens):
    speeds = [n_tokens / s for s in seconds]
    return {"tokens_per_second": statistics.median(speeds),
            "stddev": statistics.stdev(speeds) if len(speeds) > 1 else 0.0}


def measure_accllm(args, path):
    """Rows of `accllm bench`, once with the model's window and once with attention to all."""
    rows, bandwidth = [], {}
    for name, options in (("KV4, window", []), ("KV4, all", ["--window", "all"])):
        report = run_json(args.binary, "bench", path, "-p", args.prefill, "-n", args.decode, "-d",
                          ",".join(map(str, args.depths)), "-t", ",".join(map(str, args.threads)),
                          "--repetitions", args.repetitions, "--json", *options)
        for row in report["rows"]:
            rows.append({"engine": "accllm", "type": "2:4, 2 bits", "cache": name,
                         **{key: row[key] for key in ("phase", "threads", "depth", "tokens_per_second",
                                                      "stddev", "bytes_per_token")}})
        for entry in report["read_bandwidth"]:
            threads = entry["threads"]
            bandwidth[threads] = max(entry["gb_per_second"], bandwidth.get(threads, 0))
    return rows, bandwidth, {key: report[key] for key in ("machine", "isa", "shape")}


class Peer:
    """A GGUF file in llama.cpp."""

    def __init__(self, library, path):
        self._library, self._llama = library, library.llama
        params = self._llama.llama_model_default_params()
        load_mode = params.bytes[LOAD_MODE:LOAD_MODE + 4]
        if int.from_bytes(load_mode, "little", signed=True) != -1:
            raise LibraryError("llama_model_params is not laid out as in the pinned version")
        params.bytes[LOAD_MODE:LOAD_MODE + 4] = (0, 0, 0, 0)
        self._model = self._llama.llama_model_load_from_file(os.fsencode(path), params)
        if not self._model:
            library.fail(f"cannot load {path}")
        self._batch = self._llama.llama_batch_init(BATCH, 0, 1)
        # The embedding is read a row at a time, unless it is the output matrix too.
        tensors = library.tensors(path)
        is_tied = "output.weight" not in tensors
        self.weight_bytes = sum(size for name, (_, _, size) in tensors.items()
                                if is_tied or name != "token_embd.weight")

    def _open(self, threads, cache, n_tokens):
        params = self._llama.llama_context_default_params()
        params.n_ctx = (n_tokens + 255) // 256 * 256
        params.n_batch = params.n_ubatch = BATCH
        params.n_outputs_max = params.n_outputs_max_per_seq = BATCH
        params.n_threads = params.n_threads_batch = threads
        params.flash_attn_type = 1
        params.type_k = params.type_v = GGML_TYPES[cache.upper()]
        self._context = self._llama.llama_init_from_model(self._model, params)
        if not self._context:
            self._library.fail(f"cannot create a context of {params.n_ctx} with a cache of {cache}")

    def _append(self, position, n):
        """Runs `n` tokens from `position` on; only the last one's logits are asked for."""
        for first in range(0, n, BATCH):
            batch = self._batch
            batch.n_tokens = min(BATCH, n - first)
            for i in range(batch.n_tokens):
                at = position + first + i
                batch.token[i], batch.pos[i] = 17 + at * 7919 % 10000, at
                batch.n_seq_id[i], batch.seq_id[i][0] = 1, 0
                batch.logits[i] = first + i + 1 == n
            if self._llama.llama_decode(self._context, batch) != 0:
                self._library.fail("cannot run a batch")
        self._llama.llama_synchronize(self._context)

    def _time(self, depth, n_calls, n_tokens):
        """Seconds of `n_calls` calls of `n_tokens` each behind `depth` tokens, which stay."""
        start = time.perf_counter()
        for call in range(n_calls):
            self._append(depth + call * n_tokens, n_tokens)
        seconds = time.perf_counter() - start
        memory = self._llama.llama_get_memory(self._context)
        if not self._llama.llama_memory_seq_rm(memory, 0, depth, -1):
            raise LibraryError("cannot take tokens back")
        return seconds

    def measure(self, args, threads, cache):
        rows = []
        self._open(threads, cache, max(args.depths) + max(args.prefill, args.decode))
        filled = 0
        for depth in sorted(args.depths):
            self._append(filled, depth - filled)
            filled = depth
            self._time(depth, 1, 1)  # warms up
            for phase, calls, size in (("prefill", 1, args.prefill), ("decode", args.decode, 1)):
                seconds = [self._time(depth, calls, size) for _ in range(args.repetitions)]
                rows.append({"phase": phase, "threads": threads, "depth": depth, "cache": cache,
                             **summary(seconds, calls * size)})
        self._llama.llama_free(self._context)
        return rows

    def close(self):
        self._llama.llama_batch_free(self._batch)
        self._llama.llama_model_free(self._model)


def measure_llama_cpp(args, library, shape, kind):
    path = args.files / f"{shape}-{kind}.gguf"
    synthesize(args, shape, path, "--gguf", kind)
    peer = Peer(library, path)
    rows = []
    for threads in args.threads:
        for cache in args.caches:
            print(f"llama.cpp {kind}, {threads} thread(s), cache {cache}", file=sys.stderr)
            for row in peer.measure(args, threads, cache):
                is_decode = row["phase"] == "decode"
                rows.append({"engine": "llama.cpp", "type": kind, **row,
                             "bytes_per_token": peer.weight_bytes if is_decode else None})
    peer.close()
    if not args.keep:
        path.unlink()
    return rows


def table(result):
    bandwidth = result["read_bandwidth_gb_s"]
    yield (f"{result['name']} ({result['shape']}), {result['machine']}, {result['isa']}; read "
           "bandwidth " + ", ".join(f"{gb:.1f} GB/s on {t} thread(s)"
                                    for t, gb in bandwidth.items()))
    yield ""
    yield "| engine | weights | cache | phase | threads | depth | token/s | GB/s | of bandwidth |"
    yield "|---|---|---|---|--:|--:|--:|--:|--:|"
    for row in result["rows"]:
        memory = "| |"
        if row["bytes_per_token"]:
            speed = row["bytes_per_token"] * row["tokens_per_second"] / 1e9
            memory = f"{speed:.1f} | {100 * speed / bandwidth[row['threads']]:.0f} % |"
        yield (f"| {row['engine']} | {row['type']} | {row['cache']} | {row['phase']} | "
               f"{row['threads']} | {row['depth']} | {row['tokens_per_second']:.2f} ± "
               f"{row['stddev']:.2f} | {memory}")


def measure_shape(args, library, shape):
    packed = args.files / f"{shape}.acc"
    synthesize(args, shape, packed)
    rows, bandwidth, about = measure_accllm(args, packed)
    for kind in args.types:
        rows += measure_llama_cpp(args, library, shape, kind)
    again, bandwidth_again, _ = measure_accllm(args, packed)
    for row in again:
        rows.append({**row, "engine": "accllm (again)"})
    if not args.keep:
        packed.unlink()
    best = {t: max(bandwidth[t], bandwidth_again[t]) for t in bandwidth}
    return {"name": shape, **about, "date": time.strftime("%Y-%m-%d"),
            "read_bandwidth_gb_s": best, "rows": rows}


def parse():
    def numbers(text):
        return [int(part) for part in text.split(",")]

    def names(text):
        return text.split(",")

    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--llama-cpp", type=Path, required=True, help="folder of its libraries")
    parser.add_argument("--binary", type=Path, default=ROOT / "build" / "accllm")
    parser.add_argument("--files", type=Path, default=ROOT / "build" / "peers",
                        help="where the random models are written")
    parser.add_argument("--results", type=Path, default=ROOT / "bench" / "results")
    parser.add_argument("--shapes", type=names, default=["tinyllama-1.1b"])
    parser.add_argument("--types", type=names, default=TYPES)
    parser.add_argument("--caches", type=names, default=["f16", "q4_0"])
    parser.add_argument("--threads", type=numbers, default=[1, 2])
    parser.add_argument("--depths", type=numbers, default=[0, 4096])
    parser.add_argument("--prefill", type=int, default=BATCH)
    parser.add_argument("--decode", type=int, default=32)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--keep", action="store_true", help="keep the random models")
    return parser.parse_args()


def main():
    args = parse()
    args.files.mkdir(parents=True, exist_ok=True)
    args.results.mkdir(parents=True, exist_ok=True)
    try:
        library = Llama(args.llama_cpp, args.files / "llama.log")
        declare(library.llama, MORE_FUNCTIONS)
        for shape in args.shapes:
            result = measure_shape(args, library, shape)
            target = args.results / f"peers-{shape}.json"
            target.write_text(json.dumps(result, indent=1) + "\n")
            print("\n".join(table(result)), f"\n\nkept as {target}\n", sep="")
    except LibraryError as error:
        sys.exit(f"peers.py: llama.cpp: {error}")


if __name__ == "__main__":
    main()
