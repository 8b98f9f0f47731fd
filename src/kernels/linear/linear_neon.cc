#include <arm_neon.h>

#include "kernels/linear/decode_neon.h"
#include "kernels/linear/finish_loops.h"
#include "kernels/linear/linear.h"
#include "kernels/linear/tile_walk.h"
#include "kernels/simd/lanes_neon.h"

namespace accllm::kernels {
namespace {

// A decoder as the walk wants it. The dot product wants both operands without sign, hence levels
// with an offset; sums start from what that adds, taken away: kOffset * the sum of the activations,
// which is the same for all rows. Everything is modulo 2^32.
template <class Decoder>
class Simd : public Decoder {
 public:
  using Decoder::Decoder;
  using Sums = uint32x4_t;

  struct Start {
    uint32x4_t sums[4];  // lane l of [i]: of activations 16 l .. 16 l + 15 of quarter i
  };

  static constexpr int64_t kParts = 1;

  struct Activations {
    uint8x16_t positions[4][4];  // byte g of [j][i] is activation 4 g + j of quarter i
    Start start;
  };

  static Start StartOf(const uint8_t* codes) {
    Start start;
    for (int i = 0; i < 4; ++i) {
      uint32x4_t sum = vdupq_n_u32(0);
      for (int j = 0; j < 4; ++j) {
        sum = vdotq_u32(sum, vld1q_u8(codes + 64 * j + 16 * i), vdupq_n_u8(Decoder::kOffset));
      }
      start.sums[i] = vsubq_u32(vdupq_n_u32(0), sum);
    }
    return start;
  }

  static Activations Load(const uint8_t* codes, const Start& start) {
    Activations a;
    for (int j = 0; j < 4; ++j) {
      for (int i = 0; i < 4; ++i) a.positions[j][i] = vld1q_u8(codes + 64 * j + 16 * i);
    }
    a.start = start;
    return a;
  }

  static Sums Add(Sums acc, const neon::DecodedRow& row, const Activations& a) {
    uint32x4_t sums[4];
    for (int i = 0; i < 4; ++i) {
      sums[i] = a.start.sums[i];
      for (int j = 0; j < 4; ++j) {
        sums[i] = vdotq_u32(sums[i], row.levels[j][i], a.positions[j][i]);
      }
    }
    // Two lanes have a multiplier in common.
    acc = vmlaq_u32(acc, vpaddq_u32(sums[0], sums[1]), row.multipliers[0]);
    return vmlaq_u32(acc, vpaddq_u32(sums[2], sums[3]), row.multipliers[1]);
  }

  static void Store(const Sums* rows /*[8]*/, int32_t* raw) {
    for (int i = 0; i < 8; i += 4) vst1q_s32(raw + i, vreinterpretq_s32_u32(SumLanesOf4(rows + i)));
  }
};

}  // namespace

TileKernels NeonTileKernels() {
  TileKernels kernels;
  kernels.w2s24 = WalkTiles<Simd<neon::Decoder24>>;
  kernels.w2free = WalkTiles<Simd<neon::DecoderFree>>;
  kernels.w2 = WalkTiles<Simd<neon::Decoder2>>;
  kernels.w3 = WalkTiles<Simd<neon::Decoder3>>;
  kernels.w4 = WalkTiles<Simd<neon::Decoder4>>;
  kernels.w8 = WalkTiles<Simd<neon::Decoder8>>;
  kernels.finish = FinishRowsLoops;
  return kernels;
}

float DotF16Neon(const uint16_t* row, const float* x, int64_t n) {
  float32x4_t lanes[4] = {};
  const auto add = [&lanes](const uint16_t* halves, const float* floats) {
    for (int i = 0; i < 4; ++i) {
      const float32x4_t product = vmulq_f32(LoadHalves(halves + 4 * i), vld1q_f32(floats + 4 * i));
      lanes[i] = vaddq_f32(lanes[i], product);
    }
  };
  int64_t k = 0;
  for (; k + 16 <= n; k += 16) add(row + k, x + k);
  if (k < n) {
    add(FirstValues<uint16_t, 16>(row + k, n - k).data(),
        FirstValues<float, 16>(x + k, n - k).data());
  }
  return TreeSum(lanes);
}

}  // namespace accllm::kernels
