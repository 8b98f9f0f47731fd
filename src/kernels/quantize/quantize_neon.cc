#include <arm_neon.h>

#include <cstring>

#include "kernels/quantize/quantize.h"
#include "kernels/simd/lanes_neon.h"

namespace accllm::kernels {
namespace {

uint32_t MaxAbsBits(const float* x, int64_t n) {
  uint32x4_t bits = vdupq_n_u32(0);
  for (int64_t k = 0; k < n; k += 4) bits = vmaxq_u32(bits, AbsBits(LoadFirst(x + k, n - k)));
  return vmaxvq_u32(bits);
}

// round(x * inverse) of 8 floats. The product is at most 127 and a rounding, so nothing has to be
// clamped.
int16x8_t Quantize8(float32x4_t low, float32x4_t high, float inverse) {
  return vcombine_s16(vmovn_s32(vcvtnq_s32_f32(vmulq_n_f32(low, inverse))),
                      vmovn_s32(vcvtnq_s32_f32(vmulq_n_f32(high, inverse))));
}

// Quantises 64 floats into the 16 bytes that each position of the block has for them.
void Quantize64(const float* x, float inverse, uint8_t* out) {
  float32x4x4_t quarters[4];  // lane i of val[j] of quarter q is x[16 q + 4 i + j]
  for (int q = 0; q < 4; ++q) quarters[q] = vld4q_f32(x + 16 * q);
  for (int j = 0; j < 4; ++j) {
    const int16x8_t low = Quantize8(quarters[0].val[j], quarters[1].val[j], inverse);
    const int16x8_t high = Quantize8(quarters[2].val[j], quarters[3].val[j], inverse);
    const int8x16_t codes = vcombine_s8(vmovn_s16(low), vmovn_s16(high));
    vst1q_u8(out + 64 * j, veorq_u8(vreinterpretq_u8_s8(codes), vdupq_n_u8(128)));
  }
}

}  // namespace

void QuantizeActivationsNeon(const float* x, int64_t n, uint8_t* codes, float* scale) {
  const int64_t padded = (n + 255) / 256 * 256;
  const Int8Rule rule = MakeInt8Rule(MaxAbsBits(x, n));
  *scale = rule.scale;
  if (rule.inverse == 0.0F) {
    std::memset(codes, 128, static_cast<size_t>(padded));
    return;
  }
  for (int64_t k = 0; k < padded; k += 64) {
    const FirstValues<float, 64> values(x + k, n - k);
    Quantize64(values.data(), rule.inverse, codes + k / 256 * 256 + k % 256 / 4);
  }
}

}  // namespace accllm::kernels
