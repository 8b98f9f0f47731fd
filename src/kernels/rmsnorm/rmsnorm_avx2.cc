#include <immintrin.h>

#include <cmath>

#include "kernels/rmsnorm/rmsnorm.h"
#include "kernels/simd/lanes_avx2.h"

namespace accllm::kernels {

void RmsNormAvx2(const float* x, const float* weight, int64_t n, float eps, float* y) {
  __m256 lanes[2] = {_mm256_setzero_ps(), _mm256_setzero_ps()};
  for (int64_t k = 0; k < n; k += 16) {
    for (int64_t i = 0; i < 2; ++i) {
      const __m256 v = LoadFirst(x + k + 8 * i, n - k - 8 * i);
      lanes[i] = _mm256_add_ps(lanes[i], _mm256_mul_ps(v, v));
    }
  }
  const float sum = TreeSum(lanes[0], lanes[1]);
  const __m256 inverse = _mm256_set1_ps(1.0F / std::sqrt(sum / static_cast<float>(n) + eps));
  for (int64_t k = 0; k < n; k += 8) {
    const __m256 scaled = _mm256_mul_ps(LoadFirst(x + k, n - k), inverse);
    StoreFirst(y + k, n - k, _mm256_mul_ps(scaled, LoadFirst(weight + k, n - k)));
  }
}

}  // namespace accllm::kernels
