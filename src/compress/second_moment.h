// Statistics of calibration activations, gathered chunk by chunk.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/thread_pool.h"

namespace accllm {

// H = sum over tokens of x x^T: how a linear layer's inputs weigh an error of its weights.
class SecondMoment {
 public:
  explicit SecondMoment(int64_t cols);  // needs 4 cols^2 bytes

  // x: [n_tokens, cols]. n_tokens is x.size() / cols.
  void Add(std::span<const float> x, ThreadPool& pool);

  int64_t n_tokens() const { return n_tokens_; }

  // The full symmetric matrix [cols, cols]; the accumulator is empty afterwards.
  std::vector<float> Release();

 private:
  int64_t cols_;
  int64_t n_tokens_ = 0;
  std::vector<float> sum_;  // [cols, cols], valid at and below the diagonal
};

// C = sum over tokens of a b^T, for example of an output's deviation with the layer's inputs.
class CrossMoment {
 public:
  CrossMoment(int64_t rows, int64_t cols);  // needs 4 rows * cols bytes

  // a: [n_tokens, rows], b: [n_tokens, cols].
  void Add(std::span<const float> a, std::span<const float> b, ThreadPool& pool);

  // [rows, cols]
  const std::vector<float>& sum() const { return sum_; }

 private:
  int64_t rows_;
  int64_t cols_;
  std::vector<float> sum_;
};

}  // namespace accllm
