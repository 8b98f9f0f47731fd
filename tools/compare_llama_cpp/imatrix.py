"""The importance matrix of a model: for each linear layer, the mean square of each input."""
import numpy as np

from llama_library import Session

# Name of an activation in llama.cpp's graph, and the tensors of block i whose input it is.
INPUTS = {
    "attn_norm": ("attn_q", "attn_k", "attn_v"),
    "kqv_out": ("attn_output",),
    "ffn_norm": ("ffn_gate", "ffn_up"),
    "ffn_swiglu": ("ffn_down",),
}
LINEAR = sorted(layer for layers in INPUTS.values() for layer in layers)


def linear_tensors(tensors):
    """Those of a GGUF file's tensors that are linear layers of blocks."""
    return {name: value for name, value in tensors.items()
            if name.startswith("blk.") and name.split(".", 2)[2][:-len(".weight")] in LINEAR
            and name.endswith(".weight")}


def measure(library, gguf, windows):
    """tensor name -> float32 [columns], over all tokens of `windows` ([n, tokens])."""
    sums, counts = {}, {}
    n_tokens = windows.shape[1]

    def is_input(name):
        return name.rpartition("-")[0] in INPUTS

    def add(name, values):
        rows = values.reshape(n_tokens, -1).astype(np.float64)
        sums[name] = sums.get(name, 0) + (rows * rows).sum(0)
        counts[name] = counts.get(name, 0) + n_tokens

    session = Session(library, gguf, n_tokens, on_tensor=is_input, observe=add)
    for window in windows:
        session.logits(window)
    session.close()
    result = {}
    for name, total in sums.items():
        assert counts[name] == windows.size, f"{name} was seen {counts[name]} times"
        kind, _, block = name.rpartition("-")
        for layer in INPUTS[kind]:
            result[f"blk.{block}.{layer}.weight"] = (total / counts[name]).astype(np.float32)
    return result
