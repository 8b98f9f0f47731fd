#!/usr/bin/env python3
"""What lossless speculation saves: the same texts, generated plainly, with guesses from what the
text said before, and with a draft model too.

Each repetition runs all ways one behind the other, and ratios are of runs that are neighbours, so
that a machine whose speed changes does not favour one. Texts are continued from their beginnings; a
server's log and one of this project's sources come with the program. It fails where the tokens of
two ways differ.

usage: speculation.py --accllm PROGRAM --model MODEL.acc [--draft-model SMALL.acc] [--text FILE]...
                      [--threads N] [--tokens N] [--repetitions N] [--temp T] [--json FILE]
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

PROMPT_BYTES = 1200
SOURCE = pathlib.Path(__file__).parent.parent / "src/runtime/speculation.cc"


def server_log():
    paths = ["/index.html", "/news", "/img/logo.png", "/search?q=whale"]
    lines = [f'10.0.0.{7 + i % 3} - - [12/May/2024:10:{i // 60:02}:{i % 60:02}] '
             f'"GET {paths[i * i % 4]} HTTP/1.1" {200 if i % 5 else 404} {512 + 64 * (i % 7)}'
             for i in range(40)]
    return "\n".join(lines) + "\n"


def prompts(files, folder):
    """Name and file of each text's beginning."""
    texts = {path.stem: path.read_text(encoding="utf-8") for path in map(pathlib.Path, files)}
    texts["log"] = server_log()
    texts["source"] = SOURCE.read_text(encoding="utf-8")
    made = {}
    for name, text in texts.items():
        made[name] = pathlib.Path(folder) / f"{name}.txt"
        made[name].write_text(text[:PROMPT_BYTES], encoding="utf-8")
    return made


def generate(args, prompt, extra):
    command = [args.accllm, "generate", args.model, "--prompt-file", str(prompt), "-n",
               str(args.tokens), "--temp", str(args.temp), "--seed", "1", "--ignore-eos", "-t",
               str(args.threads), "--json", *extra]
    result = subprocess.run(command, capture_output=True, text=True,
                            env=dict(os.environ, ACCLLM_CONFIG="none"))
    if result.returncode != 0:
        sys.exit(result.stderr)
    return json.loads(result.stdout)


def measure(args, name, prompt):
    ways = {"plain": ["--draft", "0"], "text": []}
    if args.draft_model:
        ways["model"] = ["--draft-model", args.draft_model]
    runs = {way: [] for way in ways}
    for _ in range(args.repetitions):
        for way, extra in ways.items():
            runs[way].append(generate(args, prompt, extra))
            if runs[way][-1]["tokens"] != runs["plain"][-1]["tokens"]:
                sys.exit(f"{name}: {way} gave other tokens than plain decoding")
    plain = [run["tokens_per_second"] for run in runs.pop("plain")]
    result = {"text": name, "tokens_per_second": statistics.median(plain), "ways": {}}
    for way, of_way in runs.items():
        ratios = [run["tokens_per_second"] / base for run, base in zip(of_way, plain)]
        last = of_way[-1]
        result["ways"][way] = {
            "ratio": statistics.median(ratios), "lowest": min(ratios), "highest": max(ratios),
            "drafted_tokens": last["drafted_tokens"], "accepted_tokens": last["accepted_tokens"]}
    return result


def main():
    parser = argparse.ArgumentParser(description="What lossless speculation saves.")
    parser.add_argument("--accllm", default="build/accllm")
    parser.add_argument("--model", default="models/books-6m.acc")
    parser.add_argument("--draft-model")
    parser.add_argument("--text", action="append", default=[])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--tokens", type=int, default=2000)
    parser.add_argument("--repetitions", type=int, default=7)
    parser.add_argument("--temp", type=float, default=0.0)
    parser.add_argument("--json", type=pathlib.Path)
    args = parser.parse_args()
    results = []
    print("| text | token/s, plainly | guesses | times as fast (lowest to highest) | guessed, right |")
    print("|---|--:|---|--:|--:|")
    with tempfile.TemporaryDirectory() as folder:
        for name, prompt in prompts(args.text, folder).items():
            result = measure(args, name, prompt)
            results.append(result)
            for way, r in result["ways"].items():
                print(f"| {name} | {result['tokens_per_second']:.0f} | {way} | {r['ratio']:.2f} "
                      f"({r['lowest']:.2f} to {r['highest']:.2f}) | {r['drafted_tokens']}, "
                      f"{r['accepted_tokens']} |", flush=True)
    if args.json:
        kept = {name: getattr(args, name) for name in ("threads", "tokens", "repetitions", "temp")}
        args.json.write_text(json.dumps({**kept, "results": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
