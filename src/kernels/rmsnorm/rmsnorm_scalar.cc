#include <array>
#include <cmath>

#include "kernels/rmsnorm/rmsnorm.h"

namespace accllm::kernels {

void RmsNormScalar(const float* x, const float* weight, int64_t n, float eps, float* y) {
  std::array<float, 16> lanes = {};
  for (int64_t k = 0; k < n; ++k) lanes[static_cast<size_t>(k % 16)] += x[k] * x[k];
  for (size_t step = 8; step > 0; step /= 2) {
    for (size_t i = 0; i < step; ++i) lanes[i] += lanes[i + step];
  }
  const float inverse = 1.0F / std::sqrt(lanes[0] / static_cast<float>(n) + eps);
  for (int64_t k = 0; k < n; ++k) y[k] = (x[k] * inverse) * weight[k];
}

}  // namespace accllm::kernels
