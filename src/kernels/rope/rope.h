// Rotary position embedding (arXiv 2104.09864), the half-split pairing of Hugging Face LLaMA.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace accllm::kernels {

// Cosines and sines of one position for all pairs: [head_dim / 2] each. Angles are computed in
// double, so they stay exact beyond 10^6 tokens.
class RopeFrequencies {
 public:
  // Pair i turns by theta^(-2 i / head_dim) / factors[i] a position; no factors: all 1.
  RopeFrequencies(int64_t head_dim, double theta, std::span<const double> factors = {});
  void AnglesAt(int64_t position, float* cosines, float* sines) const;

 private:
  std::vector<double> frequencies_;  // [head_dim / 2] radians per position
};

// out[i] = x[i] cos - x[i + h] sin; out[i + h] = x[i + h] cos + x[i] sin; h = head_dim / 2. Every
// operation rounds once. `out` may be `x`.
void Rope(const float* x, const float* cosines, const float* sines, int64_t head_dim, float* out);

}  // namespace accllm::kernels
