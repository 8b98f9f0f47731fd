// A panel (panel_neon.h) for products of matrices: 2 x 8 bytes of two tokens by 8 x 2 of two rows.
// Only *_neon_i8mm files may include it.
#pragma once

#include <arm_neon.h>

#include "kernels/linear/panel_neon.h"

namespace accllm::kernels::neon {
namespace {

// Two registers of 16 bytes as their lower halves and their upper ones.
inline uint8x16_t LowerHalves(uint8x16_t a, uint8x16_t b) {
  return vreinterpretq_u8_u64(vzip1q_u64(vreinterpretq_u64_u8(a), vreinterpretq_u64_u8(b)));
}
inline uint8x16_t UpperHalves(uint8x16_t a, uint8x16_t b) {
  return vreinterpretq_u8_u64(vzip2q_u64(vreinterpretq_u64_u8(a), vreinterpretq_u64_u8(b)));
}

// Levels have their sign, for one operand may: there is no offset to take back. 8 fours of one
// position are one group of 32 weights, so that a product has one multiplier a row.
template <class Decoder>
struct PanelOfMatrices {
  static constexpr int kFewestTokens = 4;

  struct Group {
    int8x16_t levels[4][kTilePairs];     // by position in a four: 8 of one row, 8 of the next
    uint32x4_t multipliers[kTilePairs];  // of the two rows, twice
  };
  struct Block {
    Group groups[format::kGroupsPerBlock];
  };

  static void Pack(const DecodedRow* rows /*[2]*/, int64_t pair, Block& block) {
    for (int i = 0; i < 4; ++i) {
      Group& lower = block.groups[2 * i];
      Group& upper = block.groups[2 * i + 1];
      for (int j = 0; j < 4; ++j) {
        const uint8x16_t first = vsubq_u8(rows[0].levels[j][i], vdupq_n_u8(Decoder::kOffset));
        const uint8x16_t second = vsubq_u8(rows[1].levels[j][i], vdupq_n_u8(Decoder::kOffset));
        lower.levels[j][pair] = vreinterpretq_s8_u8(LowerHalves(first, second));
        upper.levels[j][pair] = vreinterpretq_s8_u8(UpperHalves(first, second));
      }
      const uint32x4_t multipliers = MultipliersOfQuarter(rows, i);
      lower.multipliers[pair] = vuzp1q_u32(multipliers, multipliers);
      upper.multipliers[pair] = vuzp2q_u32(multipliers, multipliers);
    }
  }

  static void Add(const Block* blocks, int64_t n, const uint8_t* const* tokens, int64_t n_tokens,
                  int32_t* raw) {
    uint32x4_t acc[2][kTilePairs] = {};  // two rows of one token, two of the next
    for (int64_t block = 0; block < n; ++block) {
      for (int i = 0; i < 4; ++i) {
        AddQuarter(blocks[block].groups + 2 * i, tokens, block * format::kBlockWeights + 16 * i,
                   acc);
      }
    }
    for (int64_t t = 0; t < n_tokens; ++t, raw += format::kTileRows) {
      for (int64_t pair = 0; pair < kTilePairs; ++pair) {
        const uint32x4_t both = acc[t / 2][pair];
        const uint32x2_t sums = t % 2 == 0 ? vget_low_u32(both) : vget_high_u32(both);
        int32_t* out = raw + 2 * pair;
        vst1_s32(out, vadd_s32(vld1_s32(out), vreinterpret_s32_u32(sums)));
      }
    }
  }

 private:
  static void AddQuarter(const Group* groups /*[2]*/, const uint8_t* const* tokens, int64_t at,
                         uint32x4_t (&acc)[2][kTilePairs]) {
    uint8x16_t a[2][4][2];  // by half of the quarter, position and pair of tokens
    for (int j = 0; j < 4; ++j) {
      for (int two = 0; two < 2; ++two) {
        const uint8x16_t first = vld1q_u8(tokens[2 * two] + at + 64 * j);
        const uint8x16_t second = vld1q_u8(tokens[2 * two + 1] + at + 64 * j);
        a[0][j][two] = LowerHalves(first, second);
        a[1][j][two] = UpperHalves(first, second);
      }
    }
#pragma GCC unroll 2
    for (int half = 0; half < 2; ++half) {
#pragma GCC unroll 4
      for (int64_t pair = 0; pair < kTilePairs; ++pair) {
        int32x4_t sums[2] = {};
        for (int j = 0; j < 4; ++j) {
          const int8x16_t levels = groups[half].levels[j][pair];
          for (int two = 0; two < 2; ++two) {
            sums[two] = vusmmlaq_s32(sums[two], a[half][j][two], levels);
          }
        }
        for (int two = 0; two < 2; ++two) {
          acc[two][pair] = vmlaq_u32(acc[two][pair], vreinterpretq_u32_s32(sums[two]),
                                     groups[half].multipliers[pair]);
        }
      }
    }
  }
};

}  // namespace
}  // namespace accllm::kernels::neon
