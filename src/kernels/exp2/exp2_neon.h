// Exp2NegQ30 and its argument on 4 lanes; see exp2.h. Only *_neon files may include it.
#pragma once

#include <arm_neon.h>

#include "kernels/exp2/exp2.h"

namespace accllm::kernels {

// c - ((f * t) >> 16) for f, t < 2^16.
inline uint32x4_t Exp2Step(uint32_t c, uint32x4_t f, uint32x4_t t) {
  return vsubq_u32(vdupq_n_u32(c), vshrq_n_u32(vmulq_u32(f, t), 16));
}

// x: what Exp2ArgumentQ16 gives, at most 32 in Q16.
inline uint32x4_t Exp2NegQ30(uint32x4_t x) {
  const uint32x4_t f = vandq_u32(x, vdupq_n_u32(0xFFFF));
  uint32x4_t t = Exp2Step(kExp2C3, f, vdupq_n_u32(kExp2C4));
  t = Exp2Step(kExp2C2, f, t);
  t = Exp2Step(kExp2C1, f, t);
  const uint32x4_t mantissa = Exp2Step(65536, f, t);
  // A shift to the left by -32 gives zero, as the definition wants.
  const int32x4_t shift = vnegq_s32(vreinterpretq_s32_u32(vshrq_n_u32(x, 16)));
  return vshlq_u32(vshlq_n_u32(mantissa, 14), shift);
}

inline uint32x4_t Exp2ArgumentQ16(float32x4_t difference) {
  const float32x4_t scaled = vmulq_f32(difference, vdupq_n_f32(kLog2eQ16));
  // This minimum returns its second operand when the first is NaN.
  return vcvtnq_u32_f32(vminnmq_f32(scaled, vdupq_n_f32(kExp2LimitQ16)));
}

}  // namespace accllm::kernels
