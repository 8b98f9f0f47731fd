// 2^-x in fixed point: the one transcendental of the integer contract (softmax and SiLU use it).
// Integers only, so every ISA and the hardware agree, and a softmax denominator is an exact sum
// whose order does not matter.
#pragma once

#include <cmath>
#include <cstdint>

namespace accllm::kernels {

// Coefficients of 2^-f = 1 - f (c1 - f (c2 - f (c3 - f c4))) on [0, 1), times 2^16.
inline constexpr uint32_t kExp2C1 = 45421;
inline constexpr uint32_t kExp2C2 = 15698;
inline constexpr uint32_t kExp2C3 = 3496;
inline constexpr uint32_t kExp2C4 = 452;

// log2(e) * 2^16: turns a difference of natural logarithms into the argument of Exp2NegQ30.
inline constexpr float kLog2eQ16 = 94548.46F;

// Arguments at or above 2^5 (in Q16) give zero.
inline constexpr float kExp2LimitQ16 = 2097152.0F;

// Returns 2^-(x / 2^16) * 2^30. Relative error below 1e-4 while the result exceeds 2^15.
inline uint32_t Exp2NegQ30(uint32_t x) {
  const uint32_t n = x >> 16;
  if (n > 31) return 0;
  const uint32_t f = x & 0xFFFFU;
  uint32_t t = kExp2C3 - ((f * kExp2C4) >> 16);
  t = kExp2C2 - ((f * t) >> 16);
  t = kExp2C1 - ((f * t) >> 16);
  const uint32_t mantissa = 65536U - ((f * t) >> 16);
  return (mantissa << 14) >> n;
}

// The argument of Exp2NegQ30 for e^-difference; `difference` >= 0. NaN gives the limit, that is 0.
inline uint32_t Exp2ArgumentQ16(float difference) {
  const float scaled = difference * kLog2eQ16;
  return static_cast<uint32_t>(std::nearbyint(scaled < kExp2LimitQ16 ? scaled : kExp2LimitQ16));
}

}  // namespace accllm::kernels
