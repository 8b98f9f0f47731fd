"""Tiny random checkpoints, one per architecture and feature, and their forward pass in numpy.

The forward pass is written from the published definitions alone, in float64, and shares no code with
the program that it checks.
"""
import json
import math
import os

import numpy as np

VOCAB = 97
BASE = {
    "hidden_size": 56, "intermediate_size": 88, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 4, "vocab_size": VOCAB, "max_position_embeddings": 256,
    "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "tie_word_embeddings": False, "hidden_act": "silu",
    "bos_token_id": 1, "eos_token_id": 2,
}

# name -> (fields over BASE, safetensors dtype)
CASES = {
    "llama": ({"architectures": ["LlamaForCausalLM"]}, "F32"),
    "tinyllama": ({"architectures": ["LlamaForCausalLM"], "hidden_size": 64,
                   "num_attention_heads": 8, "num_key_value_heads": 1}, "BF16"),
    "smollm2": ({"architectures": ["LlamaForCausalLM"], "hidden_size": 54,
                 "num_attention_heads": 9, "num_key_value_heads": 3,
                 "tie_word_embeddings": True, "rope_theta": 100000}, "BF16"),
    "llama3": ({"architectures": ["LlamaForCausalLM"], "num_key_value_heads": 2,
                "tie_word_embeddings": True, "rope_theta": 500000.0,
                "eos_token_id": [2, 3],
                "rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0,
                                 "high_freq_factor": 4.0,
                                 "original_max_position_embeddings": 32}}, "F16"),
    "llama_linear_rope": ({"architectures": ["LlamaForCausalLM"],
                           "rope_scaling": {"type": "linear", "factor": 2.5}}, "F32"),
    "llama_rope_parameters": ({"architectures": ["LlamaForCausalLM"], "rope_theta": None,
                               "rope_parameters": {"rope_type": "linear", "factor": 3.0,
                                                   "rope_theta": 5000.0}}, "F32"),
    "llama_biases": ({"architectures": ["LlamaForCausalLM"], "attention_bias": True,
                      "mlp_bias": True, "num_key_value_heads": 2}, "F32"),
    "mistral": ({"architectures": ["MistralForCausalLM"], "num_key_value_heads": 2,
                 "head_dim": 20, "sliding_window": 11}, "BF16"),
    "qwen2": ({"architectures": ["Qwen2ForCausalLM"], "num_key_value_heads": 2,
               "tie_word_embeddings": True, "rms_norm_eps": 1e-6, "rope_theta": 1000000.0,
               "use_sliding_window": False, "sliding_window": 16, "max_window_layers": 2}, "BF16"),
    "qwen3": ({"architectures": ["Qwen3ForCausalLM"], "num_key_value_heads": 2, "head_dim": 24,
               "tie_word_embeddings": True, "rms_norm_eps": 1e-6, "rope_theta": 1000000.0,
               "attention_bias": False, "layer_types": ["full_attention"] * 2}, "F32"),
    "wide": ({"architectures": ["Qwen3ForCausalLM"], "hidden_size": 264, "intermediate_size": 520,
              "num_key_value_heads": 1, "head_dim": 80, "attention_bias": True}, "F32"),
}


def make_case(name):
    """config (as in config.json) and tensors (float32, rounded to the file's dtype)."""
    fields, dtype = CASES[name]
    config = {**BASE, **fields}
    rng = np.random.default_rng(sum(name.encode()))
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    head_dim = config.get("head_dim") or hidden // config["num_attention_heads"]
    q_size = config["num_attention_heads"] * head_dim
    kv_size = config["num_key_value_heads"] * head_dim
    tensors = {}

    def matrix(key, rows, cols):
        tensors[key + ".weight"] = rng.normal(0, 1 / math.sqrt(cols), (rows, cols))

    def vector(key, size, center):
        tensors[key] = center + rng.normal(0, 0.2, size)

    kind = config["architectures"][0]
    attention_bias = config.get("attention_bias", False)
    tensors["model.embed_tokens.weight"] = rng.normal(0, 1, (VOCAB, hidden))
    for layer in range(config["num_hidden_layers"]):
        p = f"model.layers.{layer}."
        vector(p + "input_layernorm.weight", hidden, 1)
        vector(p + "post_attention_layernorm.weight", hidden, 1)
        for key, rows, cols, bias in [
                ("self_attn.q_proj", q_size, hidden, attention_bias or kind.startswith("Qwen2")),
                ("self_attn.k_proj", kv_size, hidden, attention_bias or kind.startswith("Qwen2")),
                ("self_attn.v_proj", kv_size, hidden, attention_bias or kind.startswith("Qwen2")),
                ("self_attn.o_proj", hidden, q_size, attention_bias),
                ("mlp.gate_proj", inner, hidden, config.get("mlp_bias", False)),
                ("mlp.up_proj", inner, hidden, config.get("mlp_bias", False)),
                ("mlp.down_proj", hidden, inner, config.get("mlp_bias", False))]:
            matrix(p + key, rows, cols)
            if bias:
                vector(p + key + ".bias", rows, 0)
        if kind.startswith("Qwen3"):
            vector(p + "self_attn.q_norm.weight", head_dim, 1)
            vector(p + "self_attn.k_norm.weight", head_dim, 1)
    vector("model.norm.weight", hidden, 1)
    if not config["tie_word_embeddings"]:
        matrix("lm_head", VOCAB, hidden)
    return config, {key: round_to(value, dtype) for key, value in tensors.items()}


def round_to(values, dtype):
    values = values.astype(np.float32)
    if dtype == "F16":
        return values.astype(np.float16).astype(np.float32)
    if dtype == "BF16":
        bits = values.view(np.uint32)
        return ((bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000).astype(np.uint32).view(np.float32)
    return values


def encode(values, dtype):
    if dtype == "F16":
        return values.astype(np.float16).tobytes()
    if dtype == "BF16":
        return (values.view(np.uint32) >> 16).astype(np.uint16).tobytes()
    return values.tobytes()


def write_case(name, folder):
    config, tensors = make_case(name)
    dtype = CASES[name][1]
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "config.json"), "w", encoding="utf-8") as out:
        json.dump({k: v for k, v in config.items() if v is not None}, out)
    header, data = {}, b""
    for key, value in tensors.items():
        encoded = encode(value, dtype)
        header[key] = {"dtype": dtype, "shape": list(value.shape),
                       "data_offsets": [len(data), len(data) + len(encoded)]}
        data += encoded
    text = json.dumps(header).encode()
    with open(os.path.join(folder, "model.safetensors"), "wb") as out:
        out.write(len(text).to_bytes(8, "little") + text + data)
    return config, tensors


def rope_frequencies(config, head_dim):
    scaling = config.get("rope_parameters") or config.get("rope_scaling") or {}
    theta = scaling.get("rope_theta") or config["rope_theta"]
    frequencies = theta ** (-np.arange(0, head_dim, 2) / head_dim)
    kind = scaling.get("rope_type", scaling.get("type", "default"))
    if kind == "linear":
        return frequencies / scaling["factor"]
    if kind == "llama3":
        low, high = scaling["low_freq_factor"], scaling["high_freq_factor"]
        old = scaling["original_max_position_embeddings"]
        out = []
        for f in frequencies:
            wave_length = 2 * math.pi / f
            if wave_length < old / high:
                out.append(f)
            elif wave_length > old / low:
                out.append(f / scaling["factor"])
            else:
                smooth = (old / wave_length - low) / (high - low)
                out.append((1 - smooth) * f / scaling["factor"] + smooth * f)
        return np.array(out)
    return frequencies


def forward(config, tensors, tokens):
    """Logits after every token: [len(tokens), VOCAB], float64."""
    w = {key: value.astype(np.float64) for key, value in tensors.items()}
    n_heads, n_kv = config["num_attention_heads"], config["num_key_value_heads"]
    head_dim = config.get("head_dim") or config["hidden_size"] // n_heads
    eps = config["rms_norm_eps"]
    n = len(tokens)

    def linear(x, key):
        y = x @ w[key + ".weight"].T
        return y + w[key + ".bias"] if key + ".bias" in w else y

    def norm(x, key):
        return x / np.sqrt((x * x).mean(-1, keepdims=True) + eps) * w[key + ".weight"]

    angles = np.outer(np.arange(n), rope_frequencies(config, head_dim))
    cos = np.concatenate([np.cos(angles)] * 2, -1)[:, None, :]
    sin = np.concatenate([np.sin(angles)] * 2, -1)[:, None, :]

    def rotate(x):  # [n, heads, head_dim]
        first, second = np.split(x, 2, -1)
        return x * cos + np.concatenate([-second, first], -1) * sin

    slides = config["architectures"][0].startswith("Mistral") or config.get("use_sliding_window")
    window = config.get("sliding_window") if slides else None
    distance = np.arange(n)[:, None] - np.arange(n)[None, :]
    visible = (distance >= 0) & (distance < (window or n))

    x = w["model.embed_tokens.weight"][tokens]
    for layer in range(config["num_hidden_layers"]):
        p = f"model.layers.{layer}."
        h = norm(x, p + "input_layernorm")
        q = linear(h, p + "self_attn.q_proj").reshape(n, n_heads, head_dim)
        k = linear(h, p + "self_attn.k_proj").reshape(n, n_kv, head_dim)
        v = linear(h, p + "self_attn.v_proj").reshape(n, n_kv, head_dim)
        if p + "self_attn.q_norm.weight" in w:
            q, k = norm(q, p + "self_attn.q_norm"), norm(k, p + "self_attn.k_norm")
        q, k = rotate(q), rotate(k)
        mixed = np.empty((n, n_heads, head_dim))
        for head in range(n_heads):
            kv = head * n_kv // n_heads
            scores = q[:, head] @ k[:, kv].T / math.sqrt(head_dim)
            scores = np.where(visible, scores, -np.inf)
            weights = np.exp(scores - scores.max(-1, keepdims=True))
            mixed[:, head] = weights / weights.sum(-1, keepdims=True) @ v[:, kv]
        x = x + linear(mixed.reshape(n, -1), p + "self_attn.o_proj")
        h = norm(x, p + "post_attention_layernorm")
        gate = linear(h, p + "mlp.gate_proj")
        x = x + linear(gate / (1 + np.exp(-gate)) * linear(h, p + "mlp.up_proj"), p + "mlp.down_proj")
    head = "model.embed_tokens" if config["tie_word_embeddings"] else "lm_head"
    return norm(x, "model.norm") @ w[head + ".weight"].T
