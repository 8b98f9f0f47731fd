// The gate of the MLP: silu(gate) * up.
#pragma once

#include <cstdint>

namespace accllm::kernels {

// e = 2^-30 * Exp2NegQ30(|gate|); sigmoid = 1 / (1 + e) for gate >= 0, else e / (1 + e);
// out = (gate * sigmoid) * up. Every operation rounds once. `out` may be one of the inputs.
using SiluMul = void (*)(const float* gate, const float* up, int64_t n, float* out);
void SiluMulScalar(const float* gate, const float* up, int64_t n, float* out);
#if defined(ACCLLM_HAVE_X86_SIMD)
void SiluMulAvx2(const float* gate, const float* up, int64_t n, float* out);
void SiluMulAvx512(const float* gate, const float* up, int64_t n, float* out);
#elif defined(ACCLLM_HAVE_NEON)
void SiluMulNeon(const float* gate, const float* up, int64_t n, float* out);
#endif

}  // namespace accllm::kernels
