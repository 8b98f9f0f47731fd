"""Every architecture against its forward pass in numpy, through the reference and the engine.

usage: numpy_test.py --binary ACCLLM --logits DUMP_LOGITS
"""
import argparse
import os
import subprocess
import sys
import tempfile

import numpy as np

from checkpoints import CASES, VOCAB, forward, write_case

N_TOKENS = 40
FLOAT_TOLERANCE = 1e-3
# With binary16 weights all that is left of the engine's rounding is its KV4 cache and int7 softmax
# weights: a relative error of the logits, as deviation, that a wrong bias, norm or angle far exceeds.
ENGINE_TOLERANCE = 0.15


def logits_of(program, how, model, tokens):
    """[n_tokens, VOCAB]"""
    result = subprocess.run([program, how, model, ",".join(map(str, tokens))],
                            capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise RuntimeError(f"{how} {model}: {result.stderr}")
    return np.array(result.stdout.split(), dtype=np.float64).reshape(len(tokens), VOCAB)


def compress(binary, folder, output, *options):
    result = subprocess.run([binary, "compress", folder, "-o", output, "--recipe", "rtn", *options],
                            capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise RuntimeError(f"compress {folder}: {result.stderr}")


def check(name, args, folder):
    path = os.path.join(folder, name)
    config, tensors = write_case(name, path)
    tokens = np.random.default_rng(7).integers(0, VOCAB, N_TOKENS)
    expected = forward(config, tensors, tokens)
    float_error = np.abs(logits_of(args.logits, "float", path, tokens) - expected).max()
    compress(args.binary, path, path + ".f16.acc", "--keep-dense", "*=f16")
    engine = logits_of(args.logits, "engine", path + ".f16.acc", tokens)
    engine_error = np.std(engine - expected) / np.std(expected)
    # 2-bit weights of a random model say little about the logits, but both paths must agree.
    compress(args.binary, path, path + ".acc")
    same = np.array_equal(logits_of(args.logits, "engine", path + ".acc", tokens),
                          logits_of(args.logits, "integer", path + ".acc", tokens))
    ok = float_error < FLOAT_TOLERANCE and engine_error < ENGINE_TOLERANCE and same
    print(f"{name:24} float within {float_error:.1e}, f16 engine within {engine_error:.3f} of "
          f"sigma, 2-bit engine {'equals' if same else 'DIFFERS FROM'} the integer reference"
          f"{'' if ok else '  FAILED'}")
    return ok


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--logits", required=True)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        results = [check(name, args, folder) for name in CASES]
    return 0 if all(results) else 1


if __name__ == "__main__":
    os.environ["ACCLLM_CONFIG"] = "none"  # not the developer's own settings
    sys.exit(main())
