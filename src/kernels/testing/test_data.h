// Inputs and comparisons of the kernel tests.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include "base/isa.h"

namespace accllm::kernels::testing {

// Every ISA that this CPU can run, the scalar one included.
inline std::vector<Isa> SupportedIsas() {
  std::vector<Isa> isas;
  for (const Isa isa : kAllIsas) {
    if (IsaSupported(isa)) isas.push_back(isa);
  }
  return isas;
}

// Equal bit for bit, or both NaN: which NaN is no part of the contract.
inline bool SameFloat(float a, float b) {
  return std::bit_cast<uint32_t>(a) == std::bit_cast<uint32_t>(b) ||
         (std::isnan(a) && std::isnan(b));
}

// The first index where two vectors differ by SameFloat; -1: none.
inline int64_t FirstDifference(const std::vector<float>& a, const std::vector<float>& b) {
  if (a.size() != b.size()) return 0;
  for (size_t i = 0; i < a.size(); ++i) {
    if (!SameFloat(a[i], b[i])) return static_cast<int64_t>(i);
  }
  return -1;
}

class Random {
 public:
  explicit Random(uint32_t seed) : engine_(seed) {}

  int64_t Integer(int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(engine_);
  }

  std::vector<float> Floats(int64_t n, float sigma = 1.0F) {
    std::normal_distribution<float> normal(0.0F, sigma);
    std::vector<float> out(static_cast<size_t>(n));
    for (float& x : out) x = normal(engine_);
    return out;
  }

  std::vector<uint8_t> Bytes(int64_t n) {
    std::vector<uint8_t> out(static_cast<size_t>(n));
    for (uint8_t& x : out) x = static_cast<uint8_t>(Integer(0, 255));
    return out;
  }

 private:
  std::mt19937 engine_;
};

// Values that break careless float code.
inline std::vector<float> SpecialFloats() {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  return {0.0F,
          -0.0F,
          1e-45F,
          -1e-45F,
          1e-38F,
          3.4e38F,
          -3.4e38F,
          1.0F,
          -1.0F,
          0.5F,
          -1.5F,
          2.5F,
          88.0F,
          -88.0F,
          1000.0F,
          -104.F,
          kInf,
          -kInf,
          std::numeric_limits<float>::quiet_NaN()};
}

// Floats with one special value in a random place.
inline std::vector<float> FloatsWith(Random& random, int64_t n, float special) {
  std::vector<float> x = random.Floats(n);
  if (n > 0) x[static_cast<size_t>(random.Integer(0, n - 1))] = special;
  return x;
}

}  // namespace accllm::kernels::testing
