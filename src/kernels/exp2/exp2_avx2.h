// Exp2NegQ30 and its argument on 8 lanes; see exp2.h. Only *_avx2 files may include it.
#pragma once

#include <immintrin.h>

#include "kernels/exp2/exp2.h"

namespace accllm::kernels {

inline __m256i Exp2NegQ30(__m256i x) {
  const auto c = [](uint32_t value) { return _mm256_set1_epi32(static_cast<int32_t>(value)); };
  const __m256i f = _mm256_and_si256(x, c(0xFFFF));
  // (f * t) >> 16: both are below 2^16, so the high half of each dword is and stays 0.
  __m256i t = _mm256_sub_epi32(c(kExp2C3), _mm256_mulhi_epu16(f, c(kExp2C4)));
  t = _mm256_sub_epi32(c(kExp2C2), _mm256_mulhi_epu16(f, t));
  t = _mm256_sub_epi32(c(kExp2C1), _mm256_mulhi_epu16(f, t));
  const __m256i mantissa = _mm256_sub_epi32(c(65536), _mm256_mulhi_epu16(f, t));
  // A shift by 32 or more gives zero, as the definition wants.
  return _mm256_srlv_epi32(_mm256_slli_epi32(mantissa, 14), _mm256_srli_epi32(x, 16));
}

inline __m256i Exp2ArgumentQ16(__m256 difference) {
  const __m256 scaled = _mm256_mul_ps(difference, _mm256_set1_ps(kLog2eQ16));
  // The minimum returns its second operand when the first is NaN.
  return _mm256_cvtps_epi32(_mm256_min_ps(scaled, _mm256_set1_ps(kExp2LimitQ16)));
}

}  // namespace accllm::kernels
