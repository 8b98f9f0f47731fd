#include <immintrin.h>

#include "kernels/exp2/exp2_avx2.h"
#include "kernels/silu/silu.h"
#include "kernels/simd/lanes_avx2.h"

namespace accllm::kernels {
namespace {

__m256 Sigmoid(__m256 x) {
  const __m256 one = _mm256_set1_ps(1.0F);
  const __m256i p = Exp2NegQ30(Exp2ArgumentQ16(_mm256_castsi256_ps(AbsBits(x))));
  const __m256 e = _mm256_mul_ps(_mm256_cvtepi32_ps(p), _mm256_set1_ps(0x1p-30F));
  const __m256 positive = _mm256_cmp_ps(x, _mm256_setzero_ps(), _CMP_GE_OQ);
  return _mm256_div_ps(_mm256_blendv_ps(e, one, positive), _mm256_add_ps(one, e));
}

}  // namespace

void SiluMulAvx2(const float* gate, const float* up, int64_t n, float* out) {
  for (int64_t i = 0; i < n; i += 8) {
    const __m256 x = LoadFirst(gate + i, n - i);
    const __m256 y = LoadFirst(up + i, n - i);
    StoreFirst(out + i, n - i, _mm256_mul_ps(_mm256_mul_ps(x, Sigmoid(x)), y));
  }
}

}  // namespace accllm::kernels
