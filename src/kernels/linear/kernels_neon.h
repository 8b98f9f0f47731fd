// The tile kernels of NEON, whose several tokens are multiplied as `Panel` does; see panel_neon.h.
// Each file that includes it is compiled for a CPU of its own, so nothing here has linkage. Only
// *_neon* files may include it.
#pragma once

#include <arm_neon.h>

#include "kernels/linear/decode_neon.h"
#include "kernels/linear/finish_loops.h"
#include "kernels/linear/linear.h"
#include "kernels/linear/panel_neon.h"
#include "kernels/linear/tile_walk.h"
#include "kernels/simd/lanes_neon.h"

namespace accllm::kernels {
namespace {

// A decoder as the walk wants it. The dot product wants both operands without sign, hence levels
// with an offset; sums start from what that adds, taken away: kOffset * the sum of the activations,
// which is the same for all rows. Everything is modulo 2^32.
template <class Decoder>
class NeonSimd : public Decoder {
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
    for (int i = 0; i < 4; ++i) start.sums[i] = neon::StartOfQuarter<Decoder::kOffset>(codes, i);
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

template <class Decoder, class Panel>
void FewOrPanel(const TileRun& tiles, const Codebook& codebook, const uint8_t* codes,
                int64_t n_tokens, int32_t* raw) {
  const auto kernel = n_tokens < Panel::kFewestTokens
                          ? WalkMany<NeonSimd<Decoder>, Panel::kFewestTokens - 1>
                          : neon::AddPanel<Decoder, Panel>;
  kernel(tiles, codebook, codes, n_tokens, raw);
}

template <template <class Decoder> class Panel>
TileKernels TileKernelsWith() {
  constexpr auto kKernel = []<class Decoder>(Decoder*) -> TileKernel {
    return WalkTiles<NeonSimd<Decoder>, 1, FewOrPanel<Decoder, Panel<Decoder>>>;
  };
  TileKernels kernels;
  kernels.w2s24 = kKernel(static_cast<neon::Decoder24*>(nullptr));
  kernels.w2free = kKernel(static_cast<neon::DecoderFree*>(nullptr));
  kernels.w2 = kKernel(static_cast<neon::Decoder2*>(nullptr));
  kernels.w3 = kKernel(static_cast<neon::Decoder3*>(nullptr));
  kernels.w4 = kKernel(static_cast<neon::Decoder4*>(nullptr));
  kernels.w8 = kKernel(static_cast<neon::Decoder8*>(nullptr));
  kernels.finish = FinishRowsLoops;
  kernels.tokens_at_once = kMaxTileTokens;
  return kernels;
}

}  // namespace
}  // namespace accllm::kernels
