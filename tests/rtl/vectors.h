// What benches test with: vectors that are functions of their number, so that they can be made
// again when the results come.
#pragma once

#include <cstdint>
#include <cstdlib>

#include "base/split_mix64.h"

namespace accllm::rtl {

#ifdef ACCLLM_VECTORS
inline constexpr int64_t kVectors = ACCLLM_VECTORS;
#else
inline constexpr int64_t kVectors = 1'000'000;
#endif

// Vectors of one test; ACCLLM_RTL_VECTORS in the environment makes long runs.
inline int64_t VectorsOfATest() {
  const char* text = std::getenv("ACCLLM_RTL_VECTORS");
  return text != nullptr ? std::atoll(text) : kVectors;
}

// The random numbers of vector `i`.
class Vector {
 public:
  explicit Vector(int64_t i) : state_(static_cast<uint64_t>(i)) {}

  uint64_t Bits() { return SplitMix64(state_); }
  // 0 to n - 1.
  uint32_t Below(uint32_t n) { return static_cast<uint32_t>((Bits() >> 32) * n >> 32); }

 private:
  uint64_t state_;
};

}  // namespace accllm::rtl
