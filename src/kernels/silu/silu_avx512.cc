#include <immintrin.h>

#include "kernels/exp2/exp2_avx512.h"
#include "kernels/silu/silu.h"
#include "kernels/simd/lanes_avx512.h"

namespace accllm::kernels {
namespace {

__m512 Sigmoid(__m512 x) {
  const __m512 one = _mm512_set1_ps(1.0F);
  const __m512i p = Exp2NegQ30(Exp2ArgumentQ16(_mm512_castsi512_ps(AbsBits(x))));
  const __m512 e = _mm512_mul_ps(_mm512_cvtepi32_ps(p), _mm512_set1_ps(0x1p-30F));
  const __mmask16 positive = _mm512_cmp_ps_mask(x, _mm512_setzero_ps(), _CMP_GE_OQ);
  return _mm512_div_ps(_mm512_mask_mov_ps(e, positive, one), _mm512_add_ps(one, e));
}

}  // namespace

void SiluMulAvx512(const float* gate, const float* up, int64_t n, float* out) {
  for (int64_t i = 0; i < n; i += 16) {
    const __mmask16 mask = FirstLanes(n - i);
    const __m512 x = _mm512_maskz_loadu_ps(mask, gate + i);
    const __m512 y = _mm512_maskz_loadu_ps(mask, up + i);
    _mm512_mask_storeu_ps(out + i, mask, _mm512_mul_ps(_mm512_mul_ps(x, Sigmoid(x)), y));
  }
}

}  // namespace accllm::kernels
