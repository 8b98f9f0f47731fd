#include <arm_neon.h>

#include "kernels/low_rank/column_walk.h"
#include "kernels/simd/lanes_neon.h"

namespace accllm::kernels {
namespace {

struct ColumnsNeon {
  static constexpr int64_t kColumns = 16;
  static constexpr int64_t kRows = 4;
  struct Sums {
    int32x4_t quads[4];  // columns 4 i .. 4 i + 3
  };

  static Sums AddRows(const Sums& sums, const int8_t* row, int64_t stride, const int8_t* u) {
    uint8x16_t rows[4];
    for (int i = 0; i < 4; ++i) rows[i] = vreinterpretq_u8_s8(vld1q_s8(row + i * stride));
    uint8x16_t columns[4];
    Interleave4(rows, columns);
    const int8x16_t factors = vreinterpretq_s8_u32(BroadcastDword(u));
    Sums out;
    for (int i = 0; i < 4; ++i) {
      out.quads[i] = vdotq_s32(sums.quads[i], vreinterpretq_s8_u8(columns[i]), factors);
    }
    return out;
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
