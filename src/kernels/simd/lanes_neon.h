// What the NEON kernels share. Only *_neon files may include it. Where the contract has 16 lanes, a
// kernel keeps them in four vectors: lanes 4 i .. 4 i + 3 in vector i.
#pragma once

#include <arm_neon.h>

#include <cstdint>
#include <cstring>

#include "kernels/simd/first_values.h"

namespace accllm::kernels {

// All ones in the first n of 4 lanes: none for n <= 0, all for n >= 4.
inline uint32x4_t FirstOf4(int64_t n) {
  constexpr int32_t kLanes[4] = {0, 1, 2, 3};
  return vcgtq_s32(vdupq_n_s32(static_cast<int32_t>(n < 4 ? n : 4)), vld1q_s32(kLanes));
}

// The first n of 4 floats, and zeros; nothing else is read.
inline float32x4_t LoadFirst(const float* x, int64_t n) {
  if (n >= 4) return vld1q_f32(x);
  const FirstValues<float, 4> first(x, n);
  return vld1q_f32(first.data());
}

// Stores the first n of 4 lanes.
inline void StoreFirst(float* x, int64_t n, float32x4_t v) {
  if (n >= 4) {
    vst1q_f32(x, v);
  } else if (n > 0) {
    float lanes[4];
    vst1q_f32(lanes, v);
    std::memcpy(x, lanes, static_cast<size_t>(n) * sizeof(float));
  }
}

// Adds lanes 8, 4, 2 and 1 apart: the tree of the scalar kernels.
inline float TreeSum(const float32x4_t* lanes /*[4]*/) {
  const float32x4_t by4 = vaddq_f32(vaddq_f32(lanes[0], lanes[2]), vaddq_f32(lanes[1], lanes[3]));
  const float32x2_t by2 = vadd_f32(vget_low_f32(by4), vget_high_f32(by4));
  return vget_lane_f32(by2, 0) + vget_lane_f32(by2, 1);
}

// |x| as bit patterns: they order like the magnitudes, with infinity and NaN on top.
inline uint32x4_t AbsBits(float32x4_t x) { return vreinterpretq_u32_f32(vabsq_f32(x)); }

// 4 binary16 numbers.
inline float32x4_t LoadHalves(const uint16_t* halves) {
  return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(halves)));
}

// Lane i is the sum of the lanes of v[i].
inline uint32x4_t SumLanesOf4(const uint32x4_t* v /*[4]*/) {
  return vpaddq_u32(vpaddq_u32(v[0], v[1]), vpaddq_u32(v[2], v[3]));
}

// The same 4 bytes in every lane.
inline uint32x4_t BroadcastDword(const void* bytes) {
  uint32_t dword;
  std::memcpy(&dword, bytes, sizeof(dword));
  return vdupq_n_u32(dword);
}

// [4 rows, 16 bytes] becomes [16 bytes, 4 rows].
inline void Interleave4(const uint8x16_t* rows /*[4]*/, uint8x16_t* out /*[4]*/) {
  const uint8x16x2_t even = vzipq_u8(rows[0], rows[2]);
  const uint8x16x2_t odd = vzipq_u8(rows[1], rows[3]);
  for (int i = 0; i < 2; ++i) {
    const uint8x16x2_t all = vzipq_u8(even.val[i], odd.val[i]);
    out[2 * i] = all.val[0];
    out[2 * i + 1] = all.val[1];
  }
}

}  // namespace accllm::kernels
