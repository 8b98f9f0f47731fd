// y += B u: the second product of a layer's low-rank part. The first, u = A x, is a linear layer
// like others (linear/linear.h), and u is quantised like activations.
#pragma once

#include <cstdint>

namespace accllm::kernels {

// Rows of B transposed, from the first column wanted.
struct LowRankColumns {
  const int8_t* b = nullptr;  // [rank, stride], -127..127
  int64_t stride = 0;
  int64_t rank = 0;
};

// A8 of one token's u.
struct LowRankInput {
  const int8_t* u = nullptr;  // [rank], in natural order
  float scale = 0;
};

// y[r] = y[r] + float(sum over i of b[i, r] * u[i]) * scale for n columns r: the sum is exact in
// int32, and conversion, product and sum round once each. rank is less than 2^17.
using AddLowRank = void (*)(const LowRankColumns& b, const LowRankInput& u, int64_t n, float* y);
void AddLowRankScalar(const LowRankColumns& b, const LowRankInput& u, int64_t n, float* y);
#if defined(ACCLLM_HAVE_X86_SIMD)
void AddLowRankAvx2(const LowRankColumns& b, const LowRankInput& u, int64_t n, float* y);
void AddLowRankAvx512(const LowRankColumns& b, const LowRankInput& u, int64_t n, float* y);
#elif defined(ACCLLM_HAVE_NEON)
void AddLowRankNeon(const LowRankColumns& b, const LowRankInput& u, int64_t n, float* y);
#endif

}  // namespace accllm::kernels
