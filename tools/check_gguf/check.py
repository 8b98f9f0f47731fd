#!/usr/bin/env python3
"""Compares exported GGUF files with llama.cpp: token ids of texts, and greedily generated tokens.

usage: check.py --addon FOLDER --binary build/accllm --tokenize build/tests/tokenize_lines
                --model models/books-6m --text build/texts/moby_dick.txt --output build/check_gguf

The float model continues each prompt at temperature 0, from the folder and from the exported file;
both must give the same tokens as llama.cpp on that file. Where llama.cpp takes another token, its
logit and that of the runner-up must be closer than --max-gap: then float rounding decides, and the
comparison of that prompt ends there.
"""
import argparse
import json
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
PROMPTS = [
    "Call me Ishmael.",
    "It was the best of times,",
    "The old man looked at the sea and",
    "In the beginning God created",
    "\"My dear Watson,\" said he,",
]
# Whatever a tokenizer may stumble over. Double spaces are left out: sentencepiece may be told to
# join them, llama.cpp never does.
ODD_LINES = [
    "café naïve — “quoted” … ½ € 漢字 кириллица",
    "emoji 🙂 and \u200b zero width",
    "tab\tand a trailing dot .",
    "1234567890 3.14159 0xFF",
    "ALL CAPS, MiXeD; semi:colons!? (brackets) [square] {curly} <angle>",
    "don't we'll I'm you've",
    "a",
    "<s> is no control token here",
]


def run(command, **options):
    result = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, **options)
    if result.returncode != 0:
        sys.exit(f"check.py: {' '.join(map(str, command))} failed")
    return result.stdout


def plain_lines(path, limit):
    """Lines that any normalisation of white space leaves as they are."""
    lines = []
    for line in pathlib.Path(path).read_text(encoding="utf-8").splitlines():
        if line and line == " ".join(line.split()) and len(lines) < limit:
            lines.append(line)
    return lines


def tokenize(program, model, lines):
    output = run([program, model], input="".join(line + "\n" for line in lines))
    return [[int(word) for word in line.split()] for line in output.splitlines()]


def generate(binary, model, prompt, n):
    output = run([binary, "generate", model, "--prompt-tokens", ",".join(map(str, prompt)), "--temp",
                  "0", "-n", str(n), "--ignore-eos", "--window", "all", "--json"],
                 stderr=subprocess.DEVNULL)
    return json.loads(output)["tokens"]


def llama_cpp(args, gguf, texts, prompts):
    request = json.dumps({"texts": texts, "prompts": prompts, "n": args.tokens})
    return json.loads(run(["node", HERE / "llama_cpp.cjs", args.addon, gguf], input=request))


def compare_texts(lines, ours, theirs):
    wrong = [i for i, line in enumerate(lines) if ours[i] != theirs[i]]
    print(f"tokens: {len(lines) - len(wrong)} of {len(lines)} lines equal, "
          f"{sum(map(len, ours))} tokens")
    for i in wrong[:5]:
        print(f"  {lines[i]!r}\n    accllm    {ours[i]}\n    llama.cpp {theirs[i]}")
    return not wrong


def compare_generated(prompt, ours, theirs, max_gap):
    """Whether both are equal, or first differ where llama.cpp all but tossed a coin."""
    for i, (a, b) in enumerate(zip(ours, theirs["tokens"])):
        if a != b:
            gap = theirs["gaps"][i]
            print(f"  {prompt!r}: differs at token {i}: {a}, llama.cpp {b}, whose lead is {gap:.2e}")
            return gap < max_gap
    least = min(theirs["gaps"])
    print(f"  {prompt!r}: {len(ours)} tokens equal, smallest lead {least:.2e}")
    return len(ours) == len(theirs["tokens"])


def main():
    parser = argparse.ArgumentParser()
    for name in ("addon", "binary", "tokenize", "model", "text", "output"):
        parser.add_argument("--" + name, required=True, type=pathlib.Path)
    parser.add_argument("--lines", type=int, default=500)
    parser.add_argument("--tokens", type=int, default=100)
    parser.add_argument("--max-gap", type=float, default=1e-3)
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    gguf = args.output / (args.model.name + ".gguf")
    print(run([args.binary, "export", args.model, "--gguf", gguf, "--force"]), end="")

    lines = plain_lines(args.text, args.lines) + ODD_LINES
    ours = tokenize(args.tokenize, args.model, lines)
    ok = ours == tokenize(args.tokenize, gguf, lines)
    print("tokenizer of the exported file", "equals" if ok else "DIFFERS FROM", "the folder's")
    prompts = tokenize(args.tokenize, args.model, PROMPTS)
    theirs = llama_cpp(args, gguf, lines, prompts)
    ok &= compare_texts(lines, ours, theirs["tokens"])
    print(f"greedy generation, {args.tokens} tokens:")
    for prompt, tokens, reference in zip(PROMPTS, prompts, theirs["generated"]):
        from_folder = generate(args.binary, args.model, tokens, args.tokens)
        if from_folder != generate(args.binary, gguf, tokens, args.tokens):
            print(f"  {prompt!r}: folder and exported file differ")
            ok = False
        ok &= compare_generated(prompt, from_folder, reference, args.max_gap)
    print("check_gguf: ok" if ok else "check_gguf: FAILED")
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
