// RMSNorm: y = x / sqrt(mean(x^2) + eps) * weight (arXiv 1910.07467).
#pragma once

#include <cstdint>

namespace accllm::kernels {

// The sum of squares has 16 partial sums (k mod 16), each in ascending k, then a tree that adds
// lanes 8, 4, 2 and 1 apart. inv = 1 / sqrt(sum / n + eps); y[k] = (x[k] * inv) * weight[k]. Every
// operation rounds once.
using RmsNorm = void (*)(const float* x, const float* weight, int64_t n, float eps, float* y);
void RmsNormScalar(const float* x, const float* weight, int64_t n, float eps, float* y);
#if defined(ACCLLM_HAVE_X86_SIMD)
void RmsNormAvx2(const float* x, const float* weight, int64_t n, float eps, float* y);
void RmsNormAvx512(const float* x, const float* weight, int64_t n, float eps, float* y);
#elif defined(ACCLLM_HAVE_NEON)
void RmsNormNeon(const float* x, const float* weight, int64_t n, float eps, float* y);
#endif

}  // namespace accllm::kernels
