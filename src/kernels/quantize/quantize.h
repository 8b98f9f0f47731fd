// Float to 8-bit integers: activations and queries (A8).
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
#elif defined(ACCLLM_HAVE_NEON)
void QuantizeActivationsNeon(const float* x, int64_t n, uint8_t* codes, float* scale);
#endif

// What the rule makes of amax, given as its bits.
struct Int8Rule {
  float scale;
  float inverse;  // 127 / amax; 0: all codes are those of 0
};
Int8Rule MakeInt8Rule(uint32_t amax_bits);

// The same rule for a query head, in natural order: q: [padded_dim], zeros beyond head_dim.
void QuantizeQuery(const float* x, int64_t head_dim, int64_t padded_dim, int8_t* q, float* scale);

}  // namespace accllm::kernels
