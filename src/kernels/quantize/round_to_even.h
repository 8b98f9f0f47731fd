// Rounding that compilers can make vectors of.
#pragma once

namespace accllm::kernels {

// The nearest integer, ties to even, for |x| <= 2^22, and something about as large as x beyond: at
// 1.5 * 2^23 the last bit of a float counts ones, so the sum is what rounds. A call of
// std::nearbyint would keep a loop scalar.
inline float RoundToEven(float x) {
  constexpr float kOnesCount = 12582912.0F;
  return (x + kOnesCount) - kOnesCount;
}

}  // namespace accllm::kernels
