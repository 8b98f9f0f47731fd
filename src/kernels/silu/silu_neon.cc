#include <arm_neon.h>

#include "kernels/exp2/exp2_neon.h"
#include "kernels/silu/silu.h"
#include "kernels/simd/lanes_neon.h"

namespace accllm::kernels {
namespace {

float32x4_t Sigmoid(float32x4_t x) {
  const float32x4_t one = vdupq_n_f32(1.0F);
  const uint32x4_t p = Exp2NegQ30(Exp2ArgumentQ16(vabsq_f32(x)));
  const float32x4_t e = vmulq_f32(vcvtq_f32_u32(p), vdupq_n_f32(0x1p-30F));
  return vdivq_f32(vbslq_f32(vcgezq_f32(x), one, e), vaddq_f32(one, e));
}

}  // namespace

void SiluMulNeon(const float* gate, const float* up, int64_t n, float* out) {
  for (int64_t i = 0; i < n; i += 4) {
    const float32x4_t x = LoadFirst(gate + i, n - i);
    const float32x4_t y = LoadFirst(up + i, n - i);
    StoreFirst(out + i, n - i, vmulq_f32(vmulq_f32(x, Sigmoid(x)), y));
  }
}

}  // namespace accllm::kernels
