"""The accelerator as a machine that runs the code of its manual page.

spec/accelerator.toml says in Python what each instruction does; docs/reference/accelerator-isa.md
shows it. This module executes exactly that code and has the names that it uses. Records, enums and
constants come from the specification too. Functions are the operations of docs/numerics.md: each
float operation is one of numpy on binary32, which rounds once. Sums are of integers, in any order;
one of floats names its order.
"""

import collections
import json
import math
import pathlib
import tomllib
import types

import numpy as np
from numpy import float32, where

ROOT = pathlib.Path(__file__).resolve().parents[2]
SPEC, PACKED = (tomllib.loads((ROOT / "spec" / f"{name}.toml").read_text())
                for name in ("accelerator", "packed"))
OPCODES = next(e["values"] for e in SPEC["enums"] if e["name"] == "Opcode")
CODE = {o["value"]: compile(o["code"], f"code of {o['label']}", "exec") for o in OPCODES}
LABELS = {o["value"]: o["label"] for o in OPCODES}


def record_type(name):
    """A record of the specification as a numpy type."""
    record = next(r for r in SPEC["records"] if r["name"] == name)
    return np.dtype([(f["name"], np.dtype(f["type"]).newbyteorder("<"), f.get("count", ()))
                     for f in record["fields"]])


def read_records(data, name, n):
    """The first n records of that kind in `data`, their fields as Python's numbers and lists."""
    kind = record_type(name)
    rows = np.frombuffer(data, kind, n)
    return [types.SimpleNamespace(**{f: row[f].tolist() for f in kind.names}) for row in rows]


ENUMS = {e["name"]: types.SimpleNamespace(**{v["name"]: v["value"] for v in e["values"]})
         for e in SPEC["enums"]}
Vector, Opcode, Epilogue = ENUMS["Vector"], ENUMS["Opcode"], ENUMS["Epilogue"]
CONSTANTS = {c["name"]: c["value"] for c in SPEC["constants"]}
BEAT, CHUNK = CONSTANTS["kBeatBytes"], CONSTANTS["kChunkSlots"]
SCALE_TILES = CONSTANTS["kScaleTiles"]

# Numbers, as docs/numerics.md has them.

# What one unit of attention's sums is worth, as part of the largest weight.
SUM_UNIT = float32(256) / (float32(2167) * float32(32767))


def as_float(bits):
    return np.uint32(bits).view(float32)


def pad(x, multiple):
    """`x` with zeros behind its last axis, up to a multiple."""
    n = x.shape[-1]
    out = np.zeros((*x.shape[:-1], -(-n // multiple) * multiple), x.dtype)
    out[..., :n] = x
    return out


def groups(head):
    """A head as [groups, 32], its dimensions rounded up to 64."""
    return pad(head, 64).reshape(-1, 32)


def largest(x):
    """NaN is passed over; of nothing, minus infinity."""
    return np.fmax.reduce(x, initial=float32(-np.inf))


def max_abs(x):
    """The largest magnitude, compared as bits: so NaN is above all."""
    return (x.view(np.uint32) & 0x7FFFFFFF).max().view(float32)


def level(x, most):
    """To the nearest integer in 0..most; NaN becomes 0."""
    rounded = np.rint(x)
    return where(rounded >= 0, np.minimum(rounded, float32(most)), float32(0)).astype(np.int64)


def a8(x):
    """8-bit codes and their scale, one for all of x."""
    amax = max_abs(x)
    inverse = float32(127) / amax
    if not np.isfinite(amax):
        return np.zeros(x.shape, np.int8), float32(np.nan)
    if not np.isfinite(inverse):  # amax is 0 or tiny
        return np.zeros(x.shape, np.int8), float32(0)
    codes = np.clip(np.rint(x * inverse), float32(-127), float32(127))
    return codes.astype(np.int8), amax / float32(127)


def sum_in_lanes(x):
    """Floats of the last axis: 16 lanes k mod 16, each in ascending k, then the tree 8, 4, 2, 1."""
    x = pad(x, 16)
    lanes = np.add.accumulate(x.reshape(*x.shape[:-1], -1, 16), axis=-2)[..., -1, :]
    for apart in (8, 4, 2, 1):
        lanes = lanes[..., :apart] + lanes[..., apart:]
    return lanes[..., 0]


def rms_norm(x, weight, eps):
    """Of the last axis."""
    mean = sum_in_lanes(x * x) / float32(x.shape[-1])
    inverse = float32(1) / np.sqrt(mean + eps)
    return (x * inverse[..., None]) * weight


def rope(heads, cosines, sines):
    a, b = np.split(heads, 2, axis=-1)
    return np.concatenate([a * cosines - b * sines, b * cosines + a * sines], axis=-1)


def hadamard_size(dim):
    """The largest power of two that divides it."""
    return dim & -dim


def hadamard(heads):
    """In parts of hadamard_size dimensions; not normalised."""
    distance = 1
    while distance < hadamard_size(heads.shape[-1]):
        pairs = heads.reshape(-1, 2, distance)
        a, b = pairs[:, 0], pairs[:, 1]
        heads = np.stack([a + b, a - b], axis=1).reshape(heads.shape)
        distance *= 2
    return heads


def score_factor(dim):
    return float32(1) / np.sqrt(float32(dim)) / float32(hadamard_size(dim))


def exp2_argument(difference):
    """That of exp2_neg_q30 for e^-difference; NaN gives 0 there."""
    scaled, limit = difference * float32(94548.46), float32(2097152)
    return np.rint(where(scaled < limit, scaled, limit)).astype(np.int64)


def exp2_neg_q30(x):
    """2^(-x / 2^16) * 2^30."""
    n, f = x >> 16, x & 0xFFFF
    t = 3496 - (f * 452 >> 16)
    t = 15698 - (f * t >> 16)
    t = 45421 - (f * t >> 16)
    return where(n > 31, 0, ((65536 - (f * t >> 16)) << 14) >> np.minimum(n, 31))


def silu_mul(gate, up):
    e = float32(exp2_neg_q30(exp2_argument(np.abs(gate)))) * float32(2**-30)
    sigmoid = where(gate >= 0, float32(1), e) / (float32(1) + e)
    return (gate * sigmoid) * up


# A vector of the cache, or several, in groups: scale; multiplier and zero [..., groups, 1]; code
# [..., groups, 32].
Kv4 = collections.namedtuple("Kv4", "scale multiplier zero code")


def kv4_with(x, lo, hi, scale, multiplier):
    """Zero points, codes and squared errors of groups, for these multipliers."""
    step = scale * multiplier
    inverse = float32(1) / step
    middle = (hi + lo) * float32(0.5)
    zero = np.clip(np.rint(float32(7.5) - middle * inverse), 0, 15)
    code = np.clip(np.rint(x * inverse) + zero, 0, 15)
    error = x - step * (code - zero)
    return zero, code, sum_in_lanes(error * error)[:, None]


def kv4(x):
    """A vector, [groups, 32], for the cache."""
    nothing = np.zeros((len(x), 1))
    if not np.isfinite(x).all():
        return Kv4(np.float16(np.nan), nothing, nothing, np.zeros(x.shape))
    lo = np.minimum(x.min(axis=1, keepdims=True), float32(0))
    hi = np.maximum(x.max(axis=1, keepdims=True), float32(0))
    width = hi - lo
    half = np.float16(np.minimum(width.max() / float32(225), float32(65504)))
    scale = float32(half)
    multiplier = np.clip(np.ceil(width * (float32(1) / (float32(15) * scale))), 1, 15)
    zero, code, error = kv4_with(x, lo, hi, scale, multiplier)
    zero_less, code_less, error_less = kv4_with(x, lo, hi, scale, multiplier - 1)
    is_less = (multiplier > 1) & (error_less < error)
    is_zero = (width == 0) | (scale == 0)
    return Kv4(half, where(is_zero, 0, where(is_less, multiplier - 1, multiplier)),
               where(is_zero, 0, where(is_less, zero_less, zero)),
               where(is_zero, 0, where(is_less, code_less, code)))


# Weights in lane streams.

def codebook():
    """[code, weight of the four]; invalid codes give zeros."""
    arrays = {a["name"]: a["values"] for a in PACKED["arrays"]}
    book = np.zeros((128, 4), np.int8)
    for code in range(16 * len(arrays["kPatterns"])):
        first, second = arrays["kPatterns"][code >> 4]
        book[code, first] = arrays["kLevels"][code & 3]
        book[code, second] = arrays["kLevels"][code >> 2 & 3]
    return book


CODEBOOK = codebook()


def sparse24_levels(rows):
    bits = np.unpackbits(rows, axis=-1, bitorder="little").reshape(*rows.shape[:-1], 64, 7)
    return CODEBOOK[np.packbits(bits, axis=-1, bitorder="little")[..., 0]]


def dense2_levels(rows):
    return 2 * (rows[..., None] >> np.arange(0, 8, 2) & 3) - 3


def dense4_levels(rows):
    halves = rows.reshape(*rows.shape[:-1], 2, 1, 64)
    nibbles = np.concatenate([halves & 15, halves >> 4], axis=-2)
    return (nibbles.astype(np.int8) ^ 8).reshape(*rows.shape[:-1], 4, 64).swapaxes(-1, -2) - 8


def dense8_levels(rows):
    return rows.view(np.int8).reshape(*rows.shape[:-1], 4, 64).swapaxes(-1, -2)


# By WeightFormat: bytes of a row's codes, and what makes levels [..., 64, 4] of them.
FORMATS = [(56, sparse24_levels), (64, dense2_levels), (128, dense4_levels), (256, dense8_levels)]


def weights_of(tiles, weight_format):
    """[..., bytes of a tile and block] becomes [..., 8, 256], multiplier times level."""
    row_bytes, levels_of = FORMATS[weight_format]
    if weight_format == ENUMS["WeightFormat"].kSparse24:  # each group's codes, then its multiplier
        groups_of_rows = tiles.reshape(*tiles.shape[:-1], 8, 8, 8)
        multipliers = groups_of_rows[..., 7]
        codes = groups_of_rows[..., :7].reshape(*tiles.shape[:-1], 8, row_bytes)
    else:
        multipliers = tiles[..., :BEAT].reshape(*tiles.shape[:-1], 8, 8).swapaxes(-1, -2)
        codes = tiles[..., BEAT:].reshape(*tiles.shape[:-1], 8, row_bytes)
    levels = levels_of(codes).reshape(*codes.shape[:-1], 8, 32)
    weights = levels * multipliers[..., None].astype(np.int32)
    return weights.reshape(*codes.shape[:-1], 256)


def read_matrix(beats, form, rows, blocks, has_bias):
    """Weights [rows, 256 blocks], row scales and bias; beats: [stripe, lane, 64], the matrix first."""
    row_bytes, _ = FORMATS[form]
    block_bytes = 8 * BEAT if row_bytes < BEAT else BEAT + 8 * row_bytes
    tile_beats = blocks * block_bytes // BEAT
    head_beats = 3 if has_bias else 1
    lanes = beats.shape[1]
    scales, biases, tiles = [], [], []
    for turn in range(-(-rows // (8 * lanes))):  # of all lanes, a tile each
        group, member = divmod(turn, SCALE_TILES)
        start = group * (head_beats + SCALE_TILES * tile_beats)
        scales.append(beats[start, :, 16 * member:16 * member + 16])
        if has_bias:
            biases.append(beats[start + 1 + member // 2, :, 32 * (member % 2):][:, :32])
        first = start + head_beats + member * tile_beats
        tiles.append(beats[first:first + tile_beats].swapaxes(0, 1))
    tile_blocks = np.stack(tiles).reshape(-1, blocks, block_bytes)  # [tile, block, byte]
    weights = weights_of(tile_blocks, form).swapaxes(1, 2).reshape(-1, 256 * blocks)
    row_scales = np.stack(scales).view(np.uint16).astype(np.uint32) << 16
    bias = np.stack(biases).view(float32).reshape(-1)[:rows] if has_bias else None
    return weights[:rows], row_scales.view(float32).reshape(-1)[:rows], bias


# The cache.

class CacheLayout:
    """Where slots of a KV head lie, in bytes from the layer's keys or values on."""

    def __init__(self, g):
        self.lanes = g.lanes
        self.dim = -(-g.head_dim // 64) * 64
        n_slots = g.sink_slots + g.ring_slots
        self.n_chunks = n_slots // CHUNK
        self.chunk_beats = CHUNK * self.dim // 128
        rows = -(-n_slots * self.dim // (128 * g.lanes))
        self.key_stripes = -(-rows // 4) * 5
        quads = self.dim // 4
        self.is_divided = quads > g.lanes
        self.value_stripes = (-(-quads // g.lanes) * self.n_chunks if self.is_divided
                              else -(-self.n_chunks * quads // g.lanes))

    def key_beat(self, head, slot, dim):
        """The beat, where it would be in one run over all lanes."""
        slot_beats = max(1, self.dim // 128)
        beat = slot // 2 if self.dim == 64 else slot * slot_beats + dim // 128
        period = min(self.lanes, self.chunk_beats)
        return beat // period * period + (beat + head * slot_beats) % period

    def key_code(self, head, slot, dim):
        """Byte and shift."""
        row, lane = np.divmod(self.key_beat(head, slot, dim), self.lanes)
        at = slot % 2 * 64 + dim if self.dim == 64 else dim % 128
        stripe = head * self.key_stripes + row // 4 * 5 + 1 + row % 4
        return (stripe * self.lanes + lane) * BEAT + at // 16 * 8 + at % 8, at // 8 % 2 * 4

    def record(self, head, slot, dim, segment):
        """Two bytes."""
        row, lane = np.divmod(self.key_beat(head, slot, dim), self.lanes)
        stripe = head * self.key_stripes + row // 4 * 5
        return (stripe * self.lanes + lane) * BEAT + 8 * segment + 2 * (row % 4)

    def scale(self, head, slot, dim, is_value):
        half = slot % 2 if self.dim == 64 else 0
        return self.record(head, slot, dim, 4 * half + (3 if is_value else 1))

    def group(self, head, slot, group, is_value):
        in_beat = slot % 2 * 2 + group if self.dim == 64 else group % 4
        return self.record(head, slot, 32 * group, 2 * in_beat) + is_value

    def value_code(self, head, slot, dim):
        """Byte and shift."""
        beat = self.key_beat(head, slot, 0) % self.chunk_beats
        at = 2 * beat + slot % 2 if self.dim == 64 else beat // (self.dim // 128)
        chunk, quad = slot // CHUNK, dim // 4
        if self.is_divided:
            stripe, lane = quad // self.lanes * self.n_chunks + chunk, quad % self.lanes
        else:
            stripe, lane = np.divmod(chunk * (self.dim // 4) + quad, self.lanes)
        stripe = head * self.value_stripes + stripe
        return (stripe * self.lanes + lane) * BEAT + dim % 4 * 16 + at % 16, at // 16 * 4


class HeadCache:
    """Keys or values of a layer and KV head, in the memory."""

    def __init__(self, layout, head, keys, codes, is_values):
        self.layout, self.head, self.keys, self.codes = layout, head, keys, codes
        self.is_values = is_values

    def places(self, slots):
        """Offsets of scales and groups [slots, groups], of codes [slots, D], and their shifts."""
        slots = np.atleast_1d(slots)[:, None]
        dims, numbers = np.arange(self.layout.dim), np.arange(self.layout.dim // 32)
        scales = self.layout.scale(self.head, slots, 32 * numbers, self.is_values)
        groups_at = self.layout.group(self.head, slots, numbers, self.is_values)
        code_of = self.layout.value_code if self.is_values else self.layout.key_code
        return scales, groups_at, *np.broadcast_arrays(*code_of(self.head, slots, dims))

    def load(self, slots):
        scales, groups_at, at, shift = self.places(slots)
        half = self.keys[scales[:, 0]] | self.keys[scales[:, 0] + 1].astype(np.uint16) << 8
        group = self.keys[groups_at][..., None].astype(np.int32)
        code = (self.codes[at] >> shift & 15).astype(np.int32).reshape(len(slots), -1, 32)
        return Kv4(float32(half.view(np.float16)), group & 15, group >> 4, code)

    def store(self, slot, vector):
        scales, groups_at, at, shift = (place[0] for place in self.places(slot))
        half = np.float16(vector.scale).view(np.uint16)
        self.keys[scales], self.keys[scales + 1] = half & 255, half >> 8
        group = vector.multiplier.astype(np.uint8) | vector.zero.astype(np.uint8) << 4
        self.keys[groups_at] = group[:, 0]
        for byte, low_bit, code in zip(at, shift, vector.code.astype(np.uint8).reshape(-1)):
            self.codes[byte] = self.codes[byte] & ~(15 << int(low_bit)) & 255 | int(code) << int(low_bit)


# The machine.

Program = collections.namedtuple("Program", "geometry instructions image config")


def read_program(path):
    """The parts of a .accp file that a machine and its host need; nothing is checked."""
    data = pathlib.Path(path).read_bytes()
    header, = read_records(data, "ProgramHeader", 1)
    geometry, = read_records(bytes(header.geometry), "Geometry", 1)
    metadata = data[header.metadata_offset:][:header.metadata_bytes]
    return Program(
        geometry, read_records(data[header.instructions_offset:], "Instruction",
                               header.n_instructions),
        data[header.image_offset:][:geometry.image_stripes * geometry.lanes * BEAT],
        json.loads(metadata)["config"])


# What the code of an instruction finds beside the machine.
HELPERS = {"float32": float32, "where": where, "SUM_UNIT": SUM_UNIT,
           **{f.__name__: f for f in (
               a8, as_float, exp2_argument, exp2_neg_q30, groups, hadamard, kv4, largest, level,
               max_abs, pad, rms_norm, rope, score_factor, silu_mul)}}


class Machine:
    """Memory, vectors and registers, and the functions of the code that need them."""

    def __init__(self, program):
        g = self.g = program.geometry
        self.instructions = program.instructions
        self.memory = np.zeros(g.stripes * g.lanes * BEAT, np.uint8)
        self.memory[:len(program.image)] = np.frombuffer(program.image, np.uint8)
        sizes = {Vector.kStream: g.hidden, Vector.kGate: g.intermediate,
                 Vector.kQuery: g.heads * g.head_dim, Vector.kMixed: g.heads * g.head_dim,
                 Vector.kKey: g.kv_heads * g.head_dim, Vector.kValue: g.kv_heads * g.head_dim}
        self.vector = {v: np.zeros((g.slots, size), float32) for v, size in sizes.items()}
        self.activation = [[None] * g.slots for _ in range(CONSTANTS["kActivationBuffers"])]
        self.matrices = {}
        self.cache = CacheLayout(g)

    def run_pass(self, position, n_tokens, n_outputs, before=lambda instruction: None):
        """Runs the program; returns what each instruction gave, as bytes."""
        registers = {"position": position, "n_tokens": n_tokens, "n_outputs": n_outputs}
        names = {**HELPERS, **ENUMS, **registers, "g": self.g, "vector": self.vector,
                 "activation": self.activation,
                 **{f.__name__: f for f in (
                     self.angles, self.chunks, self.floats, self.key_cache, self.matrix,
                     self.narrow_floats, self.slot_of, self.store_floats, self.stripes,
                     self.value_cache, self.visible)}}
        results = []
        with np.errstate(all="ignore"):  # infinities and NaN are numbers like others here
            for i in self.instructions:
                before(i)
                exec(CODE[i.opcode], {**names, "i": i})
                results.append(self.result(i, n_tokens, n_outputs))
        return results

    def result(self, i, n_tokens, n_outputs):
        """Bytes as `accllm run --vectors` writes them."""
        if i.opcode in (Opcode.kNorm, Opcode.kQuantize):
            codes, scales = zip(*self.activation[i.destination][:n_tokens])
            return np.concatenate(codes).tobytes() + np.array(scales, float32).tobytes()
        if i.opcode == Opcode.kStoreKv:
            return b"".join(cache.tobytes() for cache in self.cache_memory(i))
        if i.opcode == Opcode.kEnd:
            return b""
        if i.opcode == Opcode.kLinear and i.epilogue == Epilogue.kOutput:
            first = self.g.output_address
            return b"".join(self.floats(first + t * self.stripes(self.g.vocab), self.g.vocab).tobytes()
                            for t in range(n_tokens - n_outputs, n_tokens))
        vector = {Opcode.kLoad: Vector.kStream, Opcode.kAttend: Vector.kMixed}
        return self.vector[vector.get(i.opcode, i.destination)][:n_tokens].tobytes()

    def memory_from(self, stripe, n):
        first = stripe * self.g.lanes * BEAT
        return self.memory[first:first + n]

    def stripes(self, n):
        """Of a vector: tiles of 8 over all lanes, two in a beat of a lane."""
        return -(-n // (16 * self.g.lanes))

    def tiles(self, stripe, n):
        """A vector's memory as [rounds of tiles, lane, 8], a view."""
        beats = self.memory_from(stripe, self.stripes(n) * self.g.lanes * BEAT).view(float32)
        return beats.reshape(-1, self.g.lanes, 2, 8).swapaxes(1, 2)

    def floats(self, stripe, n):
        return self.tiles(stripe, n).reshape(-1)[:n]

    def store_floats(self, stripe, x):
        tiles = self.tiles(stripe, len(x))
        tiles[:] = pad(x, tiles.size).reshape(tiles.shape)

    def narrow_beats(self, stripe, n):
        """A narrow vector's memory, [beat, 16], a view."""
        beats = self.memory_from(stripe, -(-n // 16) * self.g.lanes * BEAT).view(float32)
        return beats.reshape(-1, self.g.lanes, 16)[:, 0]

    def narrow_floats(self, stripe, n):
        return self.narrow_beats(stripe, n).reshape(-1)[:n]

    def input_bytes(self):
        """Of the embeddings and angles of a pass, which follow each other in memory."""
        return (self.g.output_address - self.g.input_address) * self.g.lanes * BEAT

    def rope_stripe(self, t):
        return self.g.rope_address + t * -(-2 * self.g.head_dim // 16)

    def angles(self, t, at):
        """Cosines and sines of a token; at: 0 its position, 1 the one that meets the sinks."""
        return self.narrow_floats(self.rope_stripe(t), 2 * self.g.head_dim).reshape(2, 2, -1)[at]

    def matrix(self, i):
        """Decoded once: matrices are constants."""
        key = (i.address, i.format, i.rows, i.blocks, i.has_bias)
        if key not in self.matrices:
            beats = self.memory.reshape(-1, self.g.lanes, BEAT)[i.address:]
            self.matrices[key] = read_matrix(beats, *key[1:])
        return self.matrices[key]

    def slot_of(self, position):
        return where(position < self.g.sinks, position,
                     self.g.sink_slots + position % self.g.ring_slots)

    def visible(self, position):
        """Positions that the token at `position` sees, ascending: sinks first."""
        n_sinks = min(self.g.sinks, position + 1)
        first = position + 1 - self.g.window if self.g.window else 0
        return np.concatenate([np.arange(n_sinks), np.arange(max(n_sinks, first), position + 1)])

    def chunks(self, seen, is_sink):
        """Indices of `seen`, divided where a chunk of positions or the sinks end."""
        ends = np.flatnonzero(np.diff(seen // CHUNK) | np.diff(is_sink)) + 1
        return np.split(np.arange(len(seen)), ends)

    def head_cache(self, i, kv_head, is_values):
        keys, values = self.cache_memory(i)
        return HeadCache(self.cache, kv_head, keys, values if is_values else keys, is_values)

    def key_cache(self, i, kv_head):
        return self.head_cache(i, kv_head, False)

    def value_cache(self, i, kv_head):
        return self.head_cache(i, kv_head, True)

    def cache_memory(self, i):
        """All bytes of a layer's keys, and of its values."""
        per_stripe = self.g.kv_heads * self.g.lanes * BEAT
        return (self.memory_from(i.keys, self.cache.key_stripes * per_stripe),
                self.memory_from(i.values, self.cache.value_stripes * per_stripe))


class Host:
    """What drives a machine: it cuts a text into passes and writes their embeddings and angles."""

    def __init__(self, program):
        self.machine = Machine(program)
        self.position = 0
        g = program.geometry
        beats = self.machine.memory.reshape(-1, g.lanes, BEAT)[g.embedding_address:]
        self.embedding, self.embedding_scales, _ = read_matrix(
            beats, g.embedding_format, g.vocab, -(-g.hidden // 256), False)
        dim, factors = program.geometry.head_dim, program.config.get("rope_factors")
        theta = float(program.config["rope_theta"])
        self.frequencies = [math.pow(theta, -2.0 * pair / dim) for pair in range(dim // 2)]
        if factors:
            self.frequencies = [f / factor for f, factor in zip(self.frequencies, factors)]

    def append(self, tokens):
        """Reads tokens and wants the logits of the last; returns the results of the last pass, which
        runs twice, as for `--vectors`: so the cache holds its keys and values throughout."""
        slots = self.machine.g.slots
        for first in range(0, len(tokens), slots):
            some = tokens[first:first + slots]
            self.write_embeddings(some)
            self.write_angles(len(some))
            is_last = first + slots >= len(tokens)
            for _ in range(2 if is_last else 1):
                results = self.machine.run_pass(self.position, len(some), 1 if is_last else 0)
            self.position += len(some)
        return results

    def write_embeddings(self, tokens):
        g = self.machine.g
        for t, token in enumerate(tokens):
            row = float32(self.embedding[token, :g.hidden]) * self.embedding_scales[token]
            self.machine.store_floats(g.input_address + t * self.machine.stripes(g.hidden), row)

    def write_angles(self, n_tokens):
        g = self.machine.g
        for t in range(n_tokens):
            position = self.position + t
            meets_sinks = min(position, g.sinks + g.window - 1) if g.window else position
            angles = []
            for place in (position, meets_sinks):
                turned = [place * f for f in self.frequencies]
                angles += [math.cos(x) for x in turned] + [math.sin(x) for x in turned]
            beats = self.machine.narrow_beats(self.machine.rope_stripe(t), len(angles))
            beats[:] = pad(np.array(angles, float32), 16).reshape(beats.shape)
