#include <immintrin.h>

#include <cmath>

#include "kernels/rmsnorm/rmsnorm.h"
#include "kernels/simd/lanes_avx512.h"

namespace accllm::kernels {

void RmsNormAvx512(const float* x, const float* weight, int64_t n, float eps, float* y) {
  __m512 lanes = _mm512_setzero_ps();
  for (int64_t k = 0; k < n; k += 16) {
    const __m512 v = _mm512_maskz_loadu_ps(FirstLanes(n - k), x + k);
    lanes = _mm512_add_ps(lanes, _mm512_mul_ps(v, v));
  }
  const float inverse = 1.0F / std::sqrt(TreeSum(lanes) / static_cast<float>(n) + eps);
  for (int64_t k = 0; k < n; k += 16) {
    const __mmask16 mask = FirstLanes(n - k);
    const __m512 scaled =
        _mm512_mul_ps(_mm512_maskz_loadu_ps(mask, x + k), _mm512_set1_ps(inverse));
    _mm512_mask_storeu_ps(y + k, mask,
                          _mm512_mul_ps(scaled, _mm512_maskz_loadu_ps(mask, weight + k)));
  }
}

}  // namespace accllm::kernels
