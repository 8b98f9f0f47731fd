#!/usr/bin/env python3
"""What compressing one transformer block of a known model's shape takes: seconds and memory.

usage: tools/block_cost.py [--shape NAME] [--threads N] [--samples N] [--tune-steps N] [--scale-steps N] [--out FILE]

Writes checkpoints of one and of two blocks with random weights of that shape below build/block_cost
and compresses both with `joint`, and with `tuned` without and with steps on all scales. The difference between two blocks and one is what a
block costs; the rest (embedding, output head, reading the text) is paid once. The figures hold for
the short calibration and the few steps that they name: what grows with either has to be scaled.
Needs build/accllm and build/texts (`make build texts`); nothing else should run meanwhile.
"""
import argparse
import json
import os
import random
import resource
import shutil
import struct
import subprocess
import sys
from pathlib import Path
from statistics import NormalDist

ROOT = Path(__file__).resolve().parent.parent
ACCLLM = ROOT / "build" / "accllm"
TEXT = ROOT / "build" / "texts" / "sotu.txt"
TOKENIZER = ROOT / "models" / "books-6m" / "tokenizer.model"
WORK = ROOT / "build" / "block_cost"
SAMPLE_TOKENS = 512
BATCH_TOKENS = 2048

# hidden, intermediate, heads, key-value heads, head dimension, vocabulary, tied, blocks
SHAPES = {
    "llama-3.2-1b": (2048, 8192, 32, 8, 64, 128256, True, 16),
    "llama-3.2-3b": (3072, 8192, 24, 8, 128, 128256, True, 28),
    "llama-2-7b": (4096, 11008, 32, 32, 128, 32000, False, 32),
}


def high_bytes():
    """Maps a random byte to the upper byte of a bfloat16 of standard deviation 0.02, about."""
    table = bytearray()
    for i in range(256):
        value = NormalDist(0, 0.02).inv_cdf((i + 0.5) / 256)
        table.append(struct.pack(">f", value)[0])
    return bytes(table)


def tensors_of(shape, n_blocks):
    hidden, intermediate, heads, kv_heads, head_dim, vocab, is_tied, _ = SHAPES[shape]
    tensors = {"model.embed_tokens.weight": (vocab, hidden), "model.norm.weight": (hidden,)}
    if not is_tied:
        tensors["lm_head.weight"] = (vocab, hidden)
    for block in range(n_blocks):
        for name, dims in {
            "input_layernorm": (hidden,),
            "self_attn.q_proj": (heads * head_dim, hidden),
            "self_attn.k_proj": (kv_heads * head_dim, hidden),
            "self_attn.v_proj": (kv_heads * head_dim, hidden),
            "self_attn.o_proj": (hidden, heads * head_dim),
            "post_attention_layernorm": (hidden,),
            "mlp.gate_proj": (intermediate, hidden),
            "mlp.up_proj": (intermediate, hidden),
            "mlp.down_proj": (hidden, intermediate),
        }.items():
            tensors[f"model.layers.{block}.{name}.weight"] = dims
    return tensors


def write_checkpoint(shape, n_blocks, folder):
    hidden, intermediate, heads, kv_heads, head_dim, vocab, is_tied, _ = SHAPES[shape]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps({
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": hidden,
        "intermediate_size": intermediate, "num_hidden_layers": n_blocks, "num_attention_heads": heads,
        "num_key_value_heads": kv_heads, "head_dim": head_dim, "vocab_size": vocab,
        "max_position_embeddings": 4096, "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
        "tie_word_embeddings": is_tied, "bos_token_id": 1, "eos_token_id": 2, "hidden_act": "silu"}))
    shutil.copy(TOKENIZER, folder)
    header, offset = {}, 0
    tensors = tensors_of(shape, n_blocks)
    for name, dims in tensors.items():
        size = 2 * dims[0] * (dims[1] if len(dims) == 2 else 1)
        header[name] = {"dtype": "BF16", "shape": dims, "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header).encode()
    generator, table = random.Random(1), high_bytes()
    with open(folder / "model.safetensors", "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for dims in tensors.values():
            if len(dims) == 1:
                file.write(struct.pack("<H", 0x3F80) * dims[0])  # ones
                continue
            for _ in range(dims[0]):
                row = bytearray(2 * dims[1])
                row[0::2] = generator.randbytes(dims[1])
                row[1::2] = generator.randbytes(dims[1]).translate(table)
                file.write(row)


def runs(options):
    """What is measured, and the options for it."""
    tuned = ["--recipe", "tuned", "--tune-steps", options.tune_steps, "--batch-tokens", BATCH_TOKENS, "--scale-steps"]
    return {"joint": ["--recipe", "joint"], "blocks": [*tuned, 0], "tuned": [*tuned, options.scale_steps]}


def compress(checkpoint, flags, options):
    """Seconds, and the peak of resident memory so far in bytes."""
    command = [ACCLLM, "compress", checkpoint, "-o", WORK / "out.acc", "--force", "--json", *flags,
               "--calibration", TEXT, "--lines", "--samples", options.samples, "--sample-tokens", SAMPLE_TOKENS,
               "--threads", options.threads]
    print("$", " ".join(map(str, command)), file=sys.stderr, flush=True)
    environment = dict(os.environ, ACCLLM_CONFIG="none")
    done = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, env=environment, check=True)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    return json.loads(done.stdout)["seconds"], peak


def measure(options):
    seconds, peaks = {}, {}
    for n_blocks in (1, 2):
        checkpoint = WORK / f"{options.shape}-{n_blocks}"
        write_checkpoint(options.shape, n_blocks, checkpoint)
        for run, flags in runs(options).items():
            seconds[run, n_blocks], peaks[run, n_blocks] = compress(checkpoint, flags, options)
        shutil.rmtree(checkpoint)
    joint, blocks_tuned, tuned = (seconds[run, 2] - seconds[run, 1] for run in runs(options))
    hidden, blocks = SHAPES[options.shape][0], SHAPES[options.shape][-1]
    return {
        "shape": options.shape, "blocks": blocks, "threads": options.threads,
        "calibration_tokens": options.samples * SAMPLE_TOKENS, "tune_steps": options.tune_steps, "scale_steps": options.scale_steps,
        "batch_tokens": BATCH_TOKENS, "joint_seconds_per_block": joint,
        "seconds": {f"{run}, {n} block(s)": value for (run, n), value in seconds.items()},
        "tuning_seconds_per_block_and_step": (blocks_tuned - joint) / options.tune_steps,
        "scale_seconds_per_block_and_step": (tuned - blocks_tuned) / options.scale_steps,
        "peak_bytes_joint": peaks["joint", 1], "peak_bytes_tuned": max(peaks.values()),
        "stream_bytes_per_token": 2 * hidden * 4,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", choices=SHAPES, default="llama-3.2-1b")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--samples", type=int, default=16)
    parser.add_argument("--tune-steps", type=int, default=16)
    parser.add_argument("--scale-steps", type=int, default=4)
    parser.add_argument("--out", type=Path, help="where the figures go as JSON; default: standard output")
    options = parser.parse_args()
    for needed in (ACCLLM, TEXT):
        if not needed.is_file():
            sys.exit(f"tools/block_cost.py: {needed} is missing; run 'make build texts'")
    WORK.mkdir(parents=True, exist_ok=True)
    text = json.dumps(measure(options), indent=1)
    if options.out:
        options.out.write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
