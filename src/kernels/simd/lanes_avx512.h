// What the AVX-512 kernels share. Only *_avx512 files may include it.
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace accllm::kernels {

// The mask of the first n of 16 lanes: none for n <= 0, all for n >= 16.
inline __mmask16 FirstLanes(int64_t n) {
  if (n >= 16) return 0xFFFF;
  return n <= 0 ? __mmask16{0} : static_cast<__mmask16>((1U << n) - 1U);
}

// Adds lanes 8, 4, 2 and 1 apart: the tree of the scalar kernels.
inline float TreeSum(__m512 lanes) {
  const __m256 by8 = _mm256_add_ps(_mm512_castps512_ps256(lanes), _mm512_extractf32x8_ps(lanes, 1));
  const __m128 by4 = _mm_add_ps(_mm256_castps256_ps128(by8), _mm256_extractf128_ps(by8, 1));
  const __m128 by2 = _mm_add_ps(by4, _mm_movehl_ps(by4, by4));
  return _mm_cvtss_f32(_mm_add_ss(by2, _mm_movehdup_ps(by2)));
}

// |x| as bit patterns: they order like the magnitudes, with infinity and NaN on top.
inline __m512i AbsBits(__m512 x) {
  return _mm512_and_si512(_mm512_castps_si512(x), _mm512_set1_epi32(0x7FFFFFFF));
}

}  // namespace accllm::kernels
