#include <immintrin.h>

#include <cstring>

#include "kernels/quantize/quantize.h"
#include "kernels/simd/lanes_avx2.h"

namespace accllm::kernels {
namespace {

uint32_t MaxAbsBits(const float* x, int64_t n) {
  __m256i bits = _mm256_setzero_si256();
  for (int64_t k = 0; k < n; k += 8) {
    bits = _mm256_max_epu32(bits, AbsBits(LoadFirst(x + k, n - k)));
  }
  return LargestLane(bits);
}

// Quantises x[k .. k + 31], k a multiple of 32, into the 8 bytes that each position of the block
// has for them; at and beyond n, codes are those of 0. The product is at most 127 and a rounding,
// so nothing has to be clamped.
void Quantize32(const float* x, int64_t k, int64_t n, __m256 inverse, uint8_t* codes) {
  __m256i dwords[4];
  for (int64_t i = 0; i < 4; ++i) {
    const __m256 v = LoadFirst(x + k + 8 * i, n - k - 8 * i);
    dwords[i] = _mm256_cvtps_epi32(_mm256_mul_ps(v, inverse));
  }
  // Packing works in each lane: dword i of the low one holds codes 8 i .. 8 i + 3, of the high one
  // 8 i + 4 .. 8 i + 7.
  const __m256i packed = _mm256_packs_epi16(_mm256_packs_epi32(dwords[0], dwords[1]),
                                            _mm256_packs_epi32(dwords[2], dwords[3]));
  const __m256i offset = _mm256_xor_si256(packed, _mm256_set1_epi8(-128));
  // Byte j of each dword goes to position j.
  const __m256i by_position = _mm256_broadcastsi128_si256(
      _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
  const __m256i sorted = _mm256_shuffle_epi8(offset, by_position);
  const __m128i low = _mm256_castsi256_si128(sorted);
  const __m128i high = _mm256_extracti128_si256(sorted, 1);
  const __m128i position01 = _mm_unpacklo_epi8(low, high);
  const __m128i position23 = _mm_unpackhi_epi8(low, high);
  uint8_t* out = codes + k / 256 * 256 + k % 256 / 4;
  const auto store = [out](int64_t j, __m128i v) {
    _mm_storel_epi64(reinterpret_cast<__m128i*>(out + 64 * j), v);
  };
  store(0, position01);
  store(1, _mm_unpackhi_epi64(position01, position01));
  store(2, position23);
  store(3, _mm_unpackhi_epi64(position23, position23));
}

}  // namespace

void QuantizeActivationsAvx2(const float* x, int64_t n, uint8_t* codes, float* scale) {
  const int64_t padded = (n + 255) / 256 * 256;
  const Int8Rule rule = MakeInt8Rule(MaxAbsBits(x, n));
  *scale = rule.scale;
  if (rule.inverse == 0.0F) {
    std::memset(codes, 128, static_cast<size_t>(padded));
    return;
  }
  for (int64_t k = 0; k < padded; k += 32) Quantize32(x, k, n, _mm256_set1_ps(rule.inverse), codes);
}

}  // namespace accllm::kernels
