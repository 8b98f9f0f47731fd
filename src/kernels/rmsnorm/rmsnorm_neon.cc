#include <arm_neon.h>

#include <cmath>

#include "kernels/rmsnorm/rmsnorm.h"
#include "kernels/simd/lanes_neon.h"

namespace accllm::kernels {

void RmsNormNeon(const float* x, const float* weight, int64_t n, float eps, float* y) {
  float32x4_t lanes[4] = {};
  for (int64_t k = 0; k < n; k += 16) {
    for (int64_t i = 0; i < 4; ++i) {
      const float32x4_t v = LoadFirst(x + k + 4 * i, n - k - 4 * i);
      lanes[i] = vaddq_f32(lanes[i], vmulq_f32(v, v));
    }
  }
  const float inverse = 1.0F / std::sqrt(TreeSum(lanes) / static_cast<float>(n) + eps);
  for (int64_t k = 0; k < n; k += 4) {
    const float32x4_t scaled = vmulq_f32(LoadFirst(x + k, n - k), vdupq_n_f32(inverse));
    StoreFirst(y + k, n - k, vmulq_f32(scaled, LoadFirst(weight + k, n - k)));
  }
}

}  // namespace accllm::kernels
