#include <arm_neon.h>

#include "kernels/low_rank/column_walk.h"

namespace accllm::kernels {
namespace {

struct ColumnsNeon {
  static constexpr int64_t kColumns = 16;
  struct Sums {
    int32x4_t quads[4];  // columns 4 i .. 4 i + 3
  };

  // Two products of int8 fit 16 bits unless all four factors are -128, which u never is.
  static Sums AddPair(const Sums& sums, const int8_t* row, const int8_t* next, int32_t factors) {
    const int8x16_t a = vld1q_s8(row);
    const int8x16_t b = vld1q_s8(next);
    const int8x16_t low = vdupq_n_s8(static_cast<int8_t>(factors));
    const int8x16_t high = vdupq_n_s8(static_cast<int8_t>(factors >> 16));
    const int16x8_t first =
        vmlal_s8(vmull_s8(vget_low_s8(a), vget_low_s8(low)), vget_low_s8(b), vget_low_s8(high));
    const int16x8_t second = vmlal_high_s8(vmull_high_s8(a, low), b, high);
    return {{vaddw_s16(sums.quads[0], vget_low_s16(first)), vaddw_high_s16(sums.quads[1], first),
             vaddw_s16(sums.quads[2], vget_low_s16(second)),
             vaddw_high_s16(sums.quads[3], second)}};
  }

  static void AddTo(const Sums& sums, float scale, float* y) {
    for (int i = 0; i < 4; ++i) {
      const float32x4_t product = vmulq_n_f32(vcvtq_f32_s32(sums.quads[i]), scale);
      vst1q_f32(y + 4 * i, vaddq_f32(vld1q_f32(y + 4 * i), product));
    }
  }
};

}  // namespace

void AddLowRankNeon(const LowRankColumns& b, const LowRankInput& u, int64_t n, float* y) {
  WalkColumns<ColumnsNeon>(b, u, n, y);
}

}  // namespace accllm::kernels
