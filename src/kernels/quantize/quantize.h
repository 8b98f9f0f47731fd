// Float to integers: activations (A8) and the KV cache (KV4).
#pragma once

#include <cstdint>

namespace accllm::kernels {

// A8 of one token and one layer input, symmetric: amax = max |x|; scale = amax / 127;
// a = round(x * (127 / amax)), to nearest even, clamped to +-127. All zero: scale 0. Anything not
// finite: scale NaN and zeros, so that the result is NaN and is noticed.
// codes: [ceil(n / 256), 4, 64], int8 + 128, position-major as QuantizedRows wants; padding is 128.
using QuantizeActivations = void (*)(const float* x, int64_t n, uint8_t* codes, float* scale);
void QuantizeActivationsScalar(const float* x, int64_t n, uint8_t* codes, float* scale);
#if defined(ACCLLM_HAVE_X86_SIMD)
void QuantizeActivationsAvx2(const float* x, int64_t n, uint8_t* codes, float* scale);
void QuantizeActivationsAvx512(const float* x, int64_t n, uint8_t* codes, float* scale);
#endif

// What the rule makes of amax, given as its bits.
struct Int8Rule {
  float scale;
  float inverse;  // 127 / amax; 0: all codes are those of 0
};
Int8Rule MakeInt8Rule(uint32_t amax_bits);

// The same rule for a query head, in natural order: q: [padded_dim], zeros beyond head_dim.
void QuantizeQuery(const float* x, int64_t head_dim, int64_t padded_dim, int8_t* q, float* scale);

// Scale and zero point of the 4-bit codes of one token and one KV head: x = scale * (code - zero).
struct KvParam {
  uint16_t scale = 0;  // binary16
  uint16_t zero = 0;   // 0..15
};

// head_dim rounded up to whole cache rows; a row is KvPaddedDim / 2 bytes.
inline int64_t KvPaddedDim(int64_t head_dim) { return (head_dim + 63) / 64 * 64; }

// KV4: lo = min(0, min x), hi = max(0, max x); scale = binary16((hi - lo) / 15), at most 65504;
// zero = round(-lo / scale) in 0..15; code = round(x / scale) + zero in 0..15, where "/ scale" is a
// product with the rounded inverse. Scale 0 gives zeros; anything not finite gives scale NaN.
// row: [padded_dim / 2]; byte i holds dimension i (low nibble) and i + padded_dim / 2 (high).
KvParam QuantizeKv(const float* x, int64_t head_dim, uint8_t* row);

// Code of dimension `dim` in a cache row.
inline int KvCode(const uint8_t* row, int64_t padded_dim, int64_t dim) {
  const int64_t half = padded_dim / 2;
  return dim < half ? row[dim] & 0xF : row[dim - half] >> 4;
}

}  // namespace accllm::kernels
