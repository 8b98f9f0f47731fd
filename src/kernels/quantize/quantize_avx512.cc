#include <immintrin.h>

#include <cstring>

#include "kernels/quantize/quantize.h"
#include "kernels/simd/lanes_avx512.h"

namespace accllm::kernels {
namespace {

uint32_t MaxAbsBits(const float* x, int64_t n) {
  __m512i bits = _mm512_setzero_si512();
  for (int64_t k = 0; k < n; k += 16) {
    const __m512 v = _mm512_maskz_loadu_ps(FirstLanes(n - k), x + k);
    bits = _mm512_max_epu32(bits, AbsBits(v));
  }
  return _mm512_reduce_max_epu32(bits);
}

// 16 codes, offset by 128, of x[k .. k + 15]; lanes at or beyond n are 128.
__m128i Codes16(const float* x, int64_t k, int64_t n, __m512 inverse) {
  const __m512 v = _mm512_maskz_loadu_ps(FirstLanes(n - k), x + k);
  __m512i code = _mm512_cvtps_epi32(_mm512_mul_ps(v, inverse));
  code = _mm512_max_epi32(_mm512_min_epi32(code, _mm512_set1_epi32(127)), _mm512_set1_epi32(-127));
  return _mm512_cvtepi32_epi8(_mm512_add_epi32(code, _mm512_set1_epi32(128)));
}

// Byte j of each of the 4 codes' dwords goes to position j: [16, 4] becomes [4, 16].
__m128i TransposeTo4x4(__m128i codes) {
  const __m128i by_position = _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  return _mm_shuffle_epi8(codes, by_position);
}

// Quantises x[k .. k + 63], k a multiple of 64, into the 16 bytes that each position of the block
// has for them.
void Quantize64(const float* x, int64_t k, int64_t n, __m512 inverse, uint8_t* codes) {
  __m512i lanes = _mm512_castsi128_si512(TransposeTo4x4(Codes16(x, k, n, inverse)));
  lanes = _mm512_inserti32x4(lanes, TransposeTo4x4(Codes16(x, k + 16, n, inverse)), 1);
  lanes = _mm512_inserti32x4(lanes, TransposeTo4x4(Codes16(x, k + 32, n, inverse)), 2);
  lanes = _mm512_inserti32x4(lanes, TransposeTo4x4(Codes16(x, k + 48, n, inverse)), 3);
  // dword 4 q + j holds position j of quarter q
  const __m512i by_quarter =
      _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  const __m512i positions = _mm512_permutexvar_epi32(by_quarter, lanes);
  uint8_t* out = codes + k / 256 * 256 + k % 256 / 4;
  const auto store = [out](int64_t j, __m128i v) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + 64 * j), v);
  };
  store(0, _mm512_castsi512_si128(positions));
  store(1, _mm512_extracti32x4_epi32(positions, 1));
  store(2, _mm512_extracti32x4_epi32(positions, 2));
  store(3, _mm512_extracti32x4_epi32(positions, 3));
}

}  // namespace

void QuantizeActivationsAvx512(const float* x, int64_t n, uint8_t* codes, float* scale) {
  const int64_t padded = (n + 255) / 256 * 256;
  const Int8Rule rule = MakeInt8Rule(MaxAbsBits(x, n));
  *scale = rule.scale;
  if (rule.inverse == 0.0F) {
    std::memset(codes, 128, static_cast<size_t>(padded));
    return;
  }
  for (int64_t k = 0; k < padded; k += 64) Quantize64(x, k, n, _mm512_set1_ps(rule.inverse), codes);
}

}  // namespace accllm::kernels
