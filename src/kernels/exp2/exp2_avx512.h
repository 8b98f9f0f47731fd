// Exp2NegQ30 and its argument on 16 lanes; see exp2.h. Only *_avx512 files may include it.
#pragma once

#include <immintrin.h>

#include "kernels/exp2/exp2.h"

namespace accllm::kernels {

inline __m512i Exp2NegQ30(__m512i x) {
  const auto c = [](uint32_t value) { return _mm512_set1_epi32(static_cast<int32_t>(value)); };
  // (f * t) >> 16: both are below 2^16, and as the high half of each dword of t is 0, so is that of
  // the product, whatever x has there.
  __m512i t = _mm512_sub_epi32(c(kExp2C3), _mm512_mulhi_epu16(x, c(kExp2C4)));
  t = _mm512_sub_epi32(c(kExp2C2), _mm512_mulhi_epu16(x, t));
  t = _mm512_sub_epi32(c(kExp2C1), _mm512_mulhi_epu16(x, t));
  const __m512i mantissa = _mm512_sub_epi32(c(65536), _mm512_mulhi_epu16(x, t));
  // A shift by 32 or more gives zero, as the definition wants.
  return _mm512_srlv_epi32(_mm512_slli_epi32(mantissa, 14), _mm512_srli_epi32(x, 16));
}

inline __m512i Exp2ArgumentQ16(__m512 difference) {
  const __m512 scaled = _mm512_mul_ps(difference, _mm512_set1_ps(kLog2eQ16));
  // The minimum returns its second operand when the first is NaN.
  return _mm512_cvtps_epi32(_mm512_min_ps(scaled, _mm512_set1_ps(kExp2LimitQ16)));
}

}  // namespace accllm::kernels
