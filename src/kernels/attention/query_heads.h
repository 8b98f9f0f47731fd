// Storage for query heads on their way into attention.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/attention/attention.h"
#include "kernels/heads/heads.h"

namespace accllm::kernels {

class QueryHeads {
 public:
  QueryHeads() = default;
  QueryHeads(int64_t n_heads, int64_t head_dim, const HeadKernels& kernels = {});

  // Transforms and quantises a rotated head. x: [head_dim], used up.
  void Set(int64_t head, float* x);

  RotatedQueries view() const { return {q_.data(), scales_.data(), sums_.data()}; }

 private:
  HeadKernels kernels_;
  int64_t head_dim_ = 0;
  std::vector<int8_t> q_;      // [n_heads, padded_dim]
  std::vector<float> scales_;  // [n_heads]
  std::vector<int32_t> sums_;  // [n_heads, padded_dim / 32]
};

}  // namespace accllm::kernels
