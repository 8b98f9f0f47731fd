// What the AVX2 kernels share. Only *_avx2 files may include it. Where the contract has 16 lanes, a
// kernel keeps lanes 0..7 and 8..15 in two vectors.
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace accllm::kernels {

inline __m256i Load32(const void* bytes) {
  return _mm256_loadu_si256(static_cast<const __m256i*>(bytes));
}

// All ones in the first n of 8 lanes: none for n <= 0, all for n >= 8.
inline __m256i FirstOf8(int64_t n) {
  const auto count = static_cast<int32_t>(n < 8 ? n : 8);
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(count), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

// The first n of 8 floats, and zeros; nothing else is read.
inline __m256 LoadFirst(const float* x, int64_t n) {
  return n >= 8 ? _mm256_loadu_ps(x) : _mm256_maskload_ps(x, FirstOf8(n));
}

// Stores the first n of 8 lanes. The masked store is slow on some CPUs, so only where it must be.
inline void StoreFirst(float* x, int64_t n, __m256 v) {
  if (n >= 8) {
    _mm256_storeu_ps(x, v);
  } else {
    _mm256_maskstore_ps(x, FirstOf8(n), v);
  }
}

// Adds lanes 8, 4, 2 and 1 apart: the tree of the scalar kernels.
inline float TreeSum(__m256 low, __m256 high) {
  const __m256 by8 = _mm256_add_ps(low, high);
  const __m128 by4 = _mm_add_ps(_mm256_castps256_ps128(by8), _mm256_extractf128_ps(by8, 1));
  const __m128 by2 = _mm_add_ps(by4, _mm_movehl_ps(by4, by4));
  return _mm_cvtss_f32(_mm_add_ss(by2, _mm_movehdup_ps(by2)));
}

// |x| as bit patterns: they order like the magnitudes, with infinity and NaN on top.
inline __m256i AbsBits(__m256 x) {
  return _mm256_and_si256(_mm256_castps_si256(x), _mm256_set1_epi32(0x7FFFFFFF));
}

inline uint32_t LargestLane(__m256i x) {
  __m128i m = _mm_max_epu32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
  m = _mm_max_epu32(m, _mm_shuffle_epi32(m, _MM_SHUFFLE(1, 0, 3, 2)));
  m = _mm_max_epu32(m, _mm_shuffle_epi32(m, _MM_SHUFFLE(2, 3, 0, 1)));
  return static_cast<uint32_t>(_mm_cvtsi128_si32(m));
}

// Lane i is the sum of the lanes of v[i].
inline __m256i SumLanesOf8(const __m256i* v /*[8]*/) {
  const __m256i a = _mm256_hadd_epi32(_mm256_hadd_epi32(v[0], v[1]), _mm256_hadd_epi32(v[2], v[3]));
  const __m256i b = _mm256_hadd_epi32(_mm256_hadd_epi32(v[4], v[5]), _mm256_hadd_epi32(v[6], v[7]));
  return _mm256_add_epi32(_mm256_permute2x128_si256(a, b, 0x20),
                          _mm256_permute2x128_si256(a, b, 0x31));
}

}  // namespace accllm::kernels
