// Random layers for the tests of compression: correlated inputs and Gaussian weights.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "base/thread_pool.h"
#include "compress/second_moment.h"

namespace accllm::testing {

inline std::vector<float> RandomNormal(int64_t n, uint32_t seed) {
  std::mt19937 rng(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(static_cast<size_t>(n));
  for (float& value : values) value = normal(rng);
  return values;
}

// x[n_tokens, cols]: neighbouring channels are correlated and channel sizes differ by up to 10.
inline std::vector<float> RandomInputs(int64_t n_tokens, int64_t cols, uint32_t seed) {
  std::vector<float> x = RandomNormal(n_tokens * cols, seed);
  for (int64_t i = 0; i < n_tokens * cols; ++i) {
    float& value = x[static_cast<size_t>(i)];
    if (i % cols > 0) value += 0.8F * x[static_cast<size_t>(i - 1)];
  }
  for (int64_t i = 0; i < n_tokens * cols; ++i) {
    x[static_cast<size_t>(i)] *= 1.0F + static_cast<float>(i % cols * 7 % 10);
  }
  return x;
}

inline std::vector<float> RandomMoment(int64_t cols, uint32_t seed, ThreadPool& pool) {
  SecondMoment moment(cols);
  moment.Add(RandomInputs(4 * cols, cols, seed), pool);
  return moment.Release();
}

}  // namespace accllm::testing
