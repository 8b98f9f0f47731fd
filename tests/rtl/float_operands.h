// Operands for benches of float units.
#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <iterator>

#include "tests/rtl/vectors.h"

namespace accllm::rtl {

inline float AsFloat(uint32_t bits) { return std::bit_cast<float>(bits); }
inline uint32_t AsBits(float value) { return std::bit_cast<uint32_t>(value); }

// Equal bit for bit, or both NaN: which NaN is no part of the contract.
inline bool SameFloat(uint32_t a, uint32_t b) {
  return a == b || (std::isnan(AsFloat(a)) && std::isnan(AsFloat(b)));
}

// Zeros, ends of the ranges of subnormal and normal numbers, powers of two and their neighbours,
// ties, infinities, NaN; each with both signs.
inline constexpr uint32_t kMagnitudes[] = {
    0x00000000, 0x00000001, 0x00000002, 0x00000003, 0x00000004, 0x003FFFFF, 0x00400000, 0x00400001,
    0x007FFFFE, 0x007FFFFF, 0x00800000, 0x00800001, 0x00800002, 0x00FFFFFF, 0x01000000, 0x01000001,
    0x017FFFFF, 0x01800000, 0x0C000000, 0x1F800000, 0x1FFFFFFF, 0x20000000, 0x20000001, 0x33000000,
    0x337FFFFF, 0x33800000, 0x33800001, 0x34000000, 0x34000001, 0x3EFFFFFF, 0x3F000000, 0x3F000001,
    0x3F7FFFFE, 0x3F7FFFFF, 0x3F800000, 0x3F800001, 0x3F800002, 0x3FC00000, 0x3FFFFFFF, 0x40000000,
    0x40400000, 0x42FE0000, 0x4B000000, 0x4B000001, 0x4B7FFFFF, 0x4B800000, 0x4B800001, 0x4F000000,
    0x5F800000, 0x5FFFFFFF, 0x7E7FFFFF, 0x7E800000, 0x7EFFFFFF, 0x7F000000, 0x7F000001, 0x7F7FFFFE,
    0x7F7FFFFF, 0x7F800000, 0x7F800001, 0x7FC00000, 0x7FFFFFFF};
inline constexpr int64_t kSpecials = 2 * std::size(kMagnitudes);

inline uint32_t Special(int64_t i) { return kMagnitudes[i / 2] | (i % 2 != 0 ? 0x80000000U : 0U); }

// A float of one of the kinds that units treat apart.
inline uint32_t AnyFloat(Vector& vector) {
  const uint64_t bits = vector.Bits();
  const auto any = static_cast<uint32_t>(bits);
  switch (bits >> 61) {
    case 0:
      return Special(static_cast<int64_t>((bits >> 32) % kSpecials));
    case 1:  // subnormal
      return any & (0x807FFFFFU >> ((bits >> 32) % 23)) & ~(any & 0x7F800000U);
    case 2:  // few bits: ties are frequent
      return any & (0xFFFFFFFFU << (12 + (bits >> 32) % 12));
    case 3:  // near one
      return (any & 0x83FFFFFFU) | 0x3C000000U;
    default:
      return any;
  }
}

// All pairs of special values, then pairs that are independent of each other or close in exponent
// and bits.
inline std::array<uint32_t, 2> FloatPair(int64_t i) {
  if (i < kSpecials * kSpecials) return {Special(i / kSpecials), Special(i % kSpecials)};
  Vector vector(i);
  const uint32_t a = AnyFloat(vector);
  const uint32_t b = AnyFloat(vector);
  switch (vector.Below(4)) {
    case 0: {  // an exponent at most 31 places apart
      const uint32_t exponent = (a >> 23) + vector.Below(64) - 32;
      return {a, (b & 0x807FFFFFU) | ((exponent & 0xFFU) << 23)};
    }
    case 1:  // nearly equal or nearly opposite
      return {a, (a + vector.Below(9) - 4) ^ (b & 0x80000000U)};
    default:
      return {a, b};
  }
}

}  // namespace accllm::rtl
