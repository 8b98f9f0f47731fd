// The operations of heads.h on 16 floats at a time, in as many registers as the ISA that a file is
// compiled for needs. Only files for one ISA may include it, and nothing in it may be emitted for
// the linker, which could take another ISA's copy: so no library templates.
#pragma once

#include <cstdint>
#include <cstring>

#include "base/fp16.h"
#include "kernels/heads/heads.h"

namespace accllm::kernels {
namespace {

inline constexpr int kLanes = 16;
#if defined(__AVX512F__)
inline constexpr int kRegisterLanes = 16;
#elif defined(__AVX2__)
inline constexpr int kRegisterLanes = 8;
#else
inline constexpr int kRegisterLanes = 4;
#endif
inline constexpr int kRegisters = kLanes / kRegisterLanes;

using FloatRegister = float __attribute__((vector_size(4 * kRegisterLanes)));
using IntegerRegister = int32_t __attribute__((vector_size(4 * kRegisterLanes)));

// Compilers cut a vector that is wider than a register too, but choices by comparison into single
// lanes, and they keep it in memory.
struct Floats {
  FloatRegister r[kRegisters];
};

template <class Op>
inline Floats Each(Floats a, const Floats& b, const Op& op) {
  for (int i = 0; i < kRegisters; ++i) a.r[i] = op(a.r[i], b.r[i]);
  return a;
}

inline constexpr auto kAdd = [](auto a, auto b) { return a + b; };
inline constexpr auto kLeast = [](auto a, auto b) { return b < a ? b : a; };
inline constexpr auto kMost = [](auto a, auto b) { return a < b ? b : a; };

inline Floats operator+(const Floats& a, const Floats& b) { return Each(a, b, kAdd); }
inline Floats operator-(const Floats& a, const Floats& b) {
  return Each(a, b, [](auto x, auto y) { return x - y; });
}
inline Floats operator*(const Floats& a, const Floats& b) {
  return Each(a, b, [](auto x, auto y) { return x * y; });
}
inline Floats Least(const Floats& a, const Floats& b) { return Each(a, b, kLeast); }
inline Floats Most(const Floats& a, const Floats& b) { return Each(a, b, kMost); }

inline Floats LoadFloats(const float* x) {
  Floats v;
  for (int i = 0; i < kRegisters; ++i) {
    std::memcpy(&v.r[i], x + i * kRegisterLanes, sizeof(v.r[i]));
  }
  return v;
}

// The first n of 16, zeros behind; n may be negative.
inline Floats LoadFirstFloats(const float* x, int64_t n) {
  if (n >= kLanes) return LoadFloats(x);
  float v[kLanes] = {};
  if (n > 0) std::memcpy(v, x, static_cast<size_t>(n) * sizeof(float));
  return LoadFloats(v);
}

inline Floats Broadcast16(float x) {
  Floats v;
  for (FloatRegister& each : v.r) each = x - FloatRegister{};
  return v;
}

// RoundToEven of round_to_even.h.
inline Floats RoundLanes(const Floats& x) {
  const Floats ones_count = Broadcast16(12582912.0F);
  return (x + ones_count) - ones_count;
}

// Of whole numbers. By way of 16 bits, as AVX2 has no shorter one.
inline void StoreBytes(const Floats& whole, uint8_t* out) {
  using Shorts = int16_t __attribute__((vector_size(2 * kRegisterLanes)));
  using Bytes = uint8_t __attribute__((vector_size(kRegisterLanes)));
  for (int i = 0; i < kRegisters; ++i) {
    const auto integers = __builtin_convertvector(whole.r[i], IntegerRegister);
    const auto bytes = __builtin_convertvector(__builtin_convertvector(integers, Shorts), Bytes);
    std::memcpy(out + i * kRegisterLanes, &bytes, sizeof(bytes));
  }
}

// combine over the lanes of a register, of which 4, 8 or 16 are: the first half with the second.
template <class Register, class Combine>
inline float TreeOf(Register x, const Combine& combine) {
  if constexpr (sizeof(Register) == 16 * sizeof(float)) {
    return TreeOf(combine(__builtin_shufflevector(x, x, 0, 1, 2, 3, 4, 5, 6, 7),
                          __builtin_shufflevector(x, x, 8, 9, 10, 11, 12, 13, 14, 15)),
                  combine);
  } else if constexpr (sizeof(Register) == 8 * sizeof(float)) {
    return TreeOf(combine(__builtin_shufflevector(x, x, 0, 1, 2, 3),
                          __builtin_shufflevector(x, x, 4, 5, 6, 7)),
                  combine);
  } else {
    const Register by2 = combine(x, __builtin_shufflevector(x, x, 2, 3, 0, 1));
    return combine(by2, __builtin_shufflevector(by2, by2, 1, 0, 3, 2))[0];
  }
}

// combine over the lanes, 8, 4, 2 and 1 apart.
template <class Combine>
inline float Tree(Floats x, const Combine& combine) {
  for (int apart = kRegisters / 2; apart > 0; apart /= 2) {
    for (int i = 0; i < apart; ++i) x.r[i] = combine(x.r[i], x.r[i + apart]);
  }
  return TreeOf(x.r[0], combine);
}

inline uint32_t LargestBits(const float* x, int64_t n) {
  IntegerRegister largest[kRegisters] = {};
  for (int64_t i = 0; i < n; i += kLanes) {
    const Floats v = LoadFirstFloats(x + i, n - i);
    for (int k = 0; k < kRegisters; ++k) {
      IntegerRegister bits;
      std::memcpy(&bits, &v.r[k], sizeof(bits));
      largest[k] = kMost(largest[k], bits & 0x7FFFFFFF);
    }
  }
  int32_t lanes[kLanes];
  std::memcpy(lanes, largest, sizeof(lanes));
  int32_t out = 0;
  for (const int32_t lane : lanes) out = out < lane ? lane : out;
  return static_cast<uint32_t>(out);
}

// All 16 lanes as one vector: the transform chooses nothing by comparison.
using Wide = float __attribute__((vector_size(4 * kLanes)));

inline Wide LoadWide(const float* x) {
  Wide v;
  std::memcpy(&v, x, sizeof(v));
  return v;
}

// One stage inside a vector: `partner` has what each lane meets, sign is -1 where it is the second
// of the two.
inline Wide Butterfly(Wide x, Wide partner, Wide sign) { return partner + x * sign; }

inline Wide HadamardLanes(Wide x) {
  x = Butterfly(x,
                __builtin_shufflevector(x, x, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14),
                Wide{1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1});
  x = Butterfly(x,
                __builtin_shufflevector(x, x, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13),
                Wide{1, 1, -1, -1, 1, 1, -1, -1, 1, 1, -1, -1, 1, 1, -1, -1});
  x = Butterfly(x,
                __builtin_shufflevector(x, x, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11),
                Wide{1, 1, 1, 1, -1, -1, -1, -1, 1, 1, 1, 1, -1, -1, -1, -1});
  return Butterfly(
      x, __builtin_shufflevector(x, x, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7),
      Wide{1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1, -1});
}

inline void HadamardLoops(float* x, int64_t head_dim) {
  const int64_t size = HadamardSize(head_dim);
  if (size < kLanes) return Hadamard(x, head_dim);
  for (int64_t i = 0; i < head_dim; i += kLanes) {
    const Wide v = HadamardLanes(LoadWide(x + i));
    std::memcpy(x + i, &v, sizeof(v));
  }
  for (int64_t distance = kLanes; distance < size; distance *= 2) {
    for (int64_t first = 0; first < head_dim; first += 2 * distance) {
      for (int64_t i = first; i < first + distance; i += kLanes) {
        const Wide a = LoadWide(x + i);
        const Wide b = LoadWide(x + i + distance);
        const Wide sum = a + b;
        const Wide difference = a - b;
        std::memcpy(x + i, &sum, sizeof(sum));
        std::memcpy(x + i + distance, &difference, sizeof(difference));
      }
    }
  }
}

inline void QuantizeQueryLoops(const float* x, int64_t head_dim, int64_t padded_dim, int8_t* q,
                               float* scale) {
  const Int8Rule rule = MakeInt8Rule(LargestBits(x, head_dim));
  *scale = rule.scale;
  if (rule.inverse == 0.0F) {
    std::memset(q, 0, static_cast<size_t>(padded_dim));
    return;
  }
  for (int64_t i = 0; i < padded_dim; i += kLanes) {
    const Floats scaled = LoadFirstFloats(x + i, head_dim - i) * Broadcast16(rule.inverse);
    const Floats clamped = Most(Least(scaled, Broadcast16(127.0F)), Broadcast16(-127.0F));
    StoreBytes(RoundLanes(clamped), reinterpret_cast<uint8_t*>(q + i));
  }
}

// One group of 32 dimensions.
struct KvGroup {
  Floats x[2];
  float lo;
  float hi;
};

struct KvGroupCodes {
  uint8_t group = 0;
  Floats codes[2] = {};
  float squared_error = 0.0F;
};

inline KvGroup LoadKvGroup(const float* x, int64_t n) {
  KvGroup group = {{LoadFirstFloats(x, n), LoadFirstFloats(x + kLanes, n - kLanes)}, 0.0F, 0.0F};
  const Floats zero = {};
  group.lo = Tree(Least(zero, Least(group.x[0], group.x[1])), kLeast);
  group.hi = Tree(Most(zero, Most(group.x[0], group.x[1])), kMost);
  return group;
}

inline KvGroupCodes CodesFor(const KvGroup& group, float scale, float multiplier) {
  const float step = scale * multiplier;
  const float inverse = 1.0F / step;
  const float middle = (group.hi + group.lo) * 0.5F;
  const Floats steps = Broadcast16(step);
  const Floats inverses = Broadcast16(inverse);
  const Floats most = Broadcast16(15.0F);
  const Floats zeros =
      Most(Least(RoundLanes(Broadcast16(7.5F - middle * inverse)), most), Floats{});
  KvGroupCodes out;
  out.group = static_cast<uint8_t>(static_cast<unsigned>(multiplier) |
                                   (static_cast<unsigned>(zeros.r[0][0]) << 4));
  Floats errors = {};
  for (int half = 0; half < 2; ++half) {
    const Floats x = group.x[half];
    out.codes[half] = Most(Least(RoundLanes(x * inverses) + zeros, most), Floats{});
    const Floats error = x - steps * (out.codes[half] - zeros);
    errors = errors + error * error;
  }
  out.squared_error = Tree(errors, kAdd);
  return out;
}

inline KvGroupCodes QuantizeKvGroup(const KvGroup& group, float scale) {
  const float width = group.hi - group.lo;
  if (width == 0.0F || scale == 0.0F) return {};
  const float wanted = __builtin_ceilf(width * (1.0F / (15.0F * scale)));
  const float multiplier = wanted < 1.0F ? 1.0F : (wanted > 15.0F ? 15.0F : wanted);
  const KvGroupCodes whole = CodesFor(group, scale, multiplier);
  if (multiplier == 1.0F) return whole;
  const KvGroupCodes clipped = CodesFor(group, scale, multiplier - 1.0F);
  return clipped.squared_error < whole.squared_error ? clipped : whole;
}

inline void QuantizeKvLoops(const float* x, int64_t head_dim, const KvSlot& slot) {
  constexpr uint32_t kInfinityBits = 0x7F800000U;
  // Other heads, and numbers that are not finite, are rare.
  constexpr int64_t kMostGroups = 8;
  const int64_t n_groups = KvGroups(head_dim);
  if (n_groups > kMostGroups || LargestBits(x, head_dim) >= kInfinityBits) {
    return QuantizeKv(x, head_dim, slot);
  }
  KvGroup groups[kMostGroups];
  float widest = 0.0F;
  for (int64_t g = 0; g < n_groups; ++g) {
    groups[g] = LoadKvGroup(x + g * kKvGroup, head_dim - g * kKvGroup);
    const float width = groups[g].hi - groups[g].lo;
    widest = widest < width ? width : widest;
  }
  const float wanted = widest / 225.0F;
  *slot.scale = FloatToHalf(wanted < 65504.0F ? wanted : 65504.0F);
  const float scale = HalfToFloat(*slot.scale);
  const int64_t half_dim = KvPaddedDim(head_dim) / 2;
  for (int64_t g = 0; g < n_groups; ++g) {
    const KvGroupCodes codes = QuantizeKvGroup(groups[g], scale);
    slot.groups[g * slot.group_stride] = codes.group;
    const int64_t first = g * kKvGroup;
    uint8_t* bytes = slot.codes + first % half_dim;
    for (int half = 0; half < 2; ++half) {
      uint8_t low[kLanes];
      StoreBytes(codes.codes[half], low);
      uint8_t* to = bytes + kLanes * half;
      for (int i = 0; i < kLanes; ++i) {
        to[i] = static_cast<uint8_t>(first < half_dim ? low[i] : to[i] | low[i] << 4);
      }
    }
  }
}

}  // namespace
}  // namespace accllm::kernels
