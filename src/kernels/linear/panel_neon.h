// Several tokens on NEON: a tile's blocks are decoded once into the first cache, as a panel, and
// serve all tokens, four at a time. Only *_neon* files may include it; each is compiled for a CPU
// of its own, so nothing here has linkage.
//
// A panel knows one decoder's levels and how they are multiplied:
//   kFewestTokens                               as many as are worth decoding for
//   Block                                       one decoded block of 8 rows
//   Pack(rows[2], pair, block)                  puts rows 2 pair and 2 pair + 1 into it
//   Add(blocks, n, tokens[4], n_tokens, raw)    raw[t][r] += sums over n blocks; raw: [n_tokens][8]
#pragma once

#include <arm_neon.h>

#include <algorithm>
#include <cstring>

#include "kernels/linear/decode_neon.h"
#include "kernels/linear/linear.h"
#include "kernels/linear/tile_walk.h"

namespace accllm::kernels::neon {
namespace {

constexpr int64_t kPanelBlocks = 8;  // 20 KiB at most
constexpr int64_t kPanelTokens = 4;
constexpr int64_t kTilePairs = format::kTileRows / 2;

// What levels with an offset add to the sums of quarter `i`, by lane, taken away.
template <uint8_t kOffset>
inline uint32x4_t StartOfQuarter(const uint8_t* codes, int i) {
  uint32x4_t sum = vdupq_n_u32(0);
  for (int j = 0; j < 4; ++j) {
    sum = vdotq_u32(sum, vld1q_u8(codes + 64 * j + 16 * i), vdupq_n_u8(kOffset));
  }
  return vsubq_u32(vdupq_n_u32(0), sum);
}

// The multipliers of quarter `i` of two rows: both of the first, both of the second.
inline uint32x4_t MultipliersOfQuarter(const DecodedRow* rows /*[2]*/, int i) {
  const uint64x2_t first = vreinterpretq_u64_u32(rows[0].multipliers[i / 2]);
  const uint64x2_t second = vreinterpretq_u64_u32(rows[1].multipliers[i / 2]);
  return vreinterpretq_u32_u64(i % 2 == 0 ? vzip1q_u64(first, second) : vzip2q_u64(first, second));
}

// By dot products: four rows meet four tokens in registers.
template <class Decoder>
struct PanelOfDots {
  static constexpr int kFewestTokens = kWalkTokens + 1;

  struct Quarter {
    uint8x16_t levels[4][format::kTileRows];  // by position in a four, level + kOffset
    uint32x4_t multipliers[kTilePairs];       // see MultipliersOfQuarter
  };
  struct Block {
    Quarter quarters[4];
  };

  static void Pack(const DecodedRow* rows /*[2]*/, int64_t pair, Block& block) {
    for (int i = 0; i < 4; ++i) {
      Quarter& out = block.quarters[i];
      for (int j = 0; j < 4; ++j) {
        for (int64_t r = 0; r < 2; ++r) out.levels[j][2 * pair + r] = rows[r].levels[j][i];
      }
      out.multipliers[pair] = MultipliersOfQuarter(rows, i);
    }
  }

  static void Add(const Block* blocks, int64_t n, const uint8_t* const* tokens, int64_t n_tokens,
                  int32_t* raw) {
    uint32x4_t starts[kPanelBlocks][4][kPanelTokens];
    for (int64_t block = 0; block < n; ++block) {
      for (int i = 0; i < 4; ++i) {
        for (int64_t t = 0; t < kPanelTokens; ++t) {
          const uint8_t* codes = tokens[t] + block * format::kBlockWeights;
          starts[block][i][t] = StartOfQuarter<Decoder::kOffset>(codes, i);
        }
      }
    }
    for (int64_t row0 = 0; row0 < format::kTileRows; row0 += 4) {
      AddFourRows(blocks, n, row0, starts, tokens, n_tokens, raw + row0);
    }
  }

 private:
  static void AddFourRows(const Block* blocks, int64_t n, int64_t row0,
                          const uint32x4_t (*starts)[4][kPanelTokens], const uint8_t* const* tokens,
                          int64_t n_tokens, int32_t* raw) {
    uint32x4_t acc[2][kPanelTokens] = {};  // two lanes a row
    for (int64_t block = 0; block < n; ++block) {
      for (int i = 0; i < 4; ++i) {
        AddQuarter(blocks[block].quarters[i], row0, starts[block][i], tokens,
                   block * format::kBlockWeights + 16 * i, acc);
      }
    }
    for (int64_t t = 0; t < n_tokens; ++t, raw += format::kTileRows) {
      const uint32x4_t sums = vpaddq_u32(acc[0][t], acc[1][t]);
      vst1q_s32(raw, vaddq_s32(vld1q_s32(raw), vreinterpretq_s32_u32(sums)));
    }
  }

  static void AddQuarter(const Quarter& w, int64_t row0, const uint32x4_t* starts,
                         const uint8_t* const* tokens, int64_t at,
                         uint32x4_t (&acc)[2][kPanelTokens]) {
    uint32x4_t sums[4][kPanelTokens];
    for (int row = 0; row < 4; ++row) {
      for (int64_t t = 0; t < kPanelTokens; ++t) sums[row][t] = starts[t];
    }
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) {
      uint8x16_t a[kPanelTokens];
      for (int64_t t = 0; t < kPanelTokens; ++t) a[t] = vld1q_u8(tokens[t] + at + 64 * j);
      for (int row = 0; row < 4; ++row) {
        const uint8x16_t levels = w.levels[j][row0 + row];
        for (int64_t t = 0; t < kPanelTokens; ++t) {
          sums[row][t] = vdotq_u32(sums[row][t], levels, a[t]);
        }
      }
    }
    for (int pair = 0; pair < 2; ++pair) {
      const uint32x4_t multipliers = w.multipliers[row0 / 2 + pair];
      for (int64_t t = 0; t < kPanelTokens; ++t) {
        acc[pair][t] = vmlaq_u32(acc[pair][t], vpaddq_u32(sums[2 * pair][t], sums[2 * pair + 1][t]),
                                 multipliers);
      }
    }
  }
};

// A TileKernel.
template <class Decoder, class Panel>
void AddPanel(const TileRun& tiles, const Codebook& codebook, const uint8_t* codes,
              int64_t n_tokens, int32_t* raw) {
  const Decoder decoder = MakeSimd<Decoder>(codebook);
  const int64_t token_stride = tiles.n_blocks * format::kBlockWeights;
  alignas(64) typename Panel::Block panel[kPanelBlocks];
  std::memset(raw, 0, static_cast<size_t>(tiles.n_tiles * n_tokens * format::kTileRows) * 4);
  const uint8_t* bytes = tiles.blocks;
  for (int64_t tile = 0; tile < tiles.n_tiles; ++tile, raw += n_tokens * format::kTileRows) {
    for (int64_t block = 0; block < tiles.n_blocks; block += kPanelBlocks) {
      const int64_t n = std::min(kPanelBlocks, tiles.n_blocks - block);
      for (int64_t i = 0; i < n; ++i, bytes += TileBlockBytes(Decoder::kType)) {
        for (int64_t row = 0; row < format::kTileRows; row += 2) {
          PrefetchRow<Decoder, kReadAgain>(bytes, row);
          PrefetchRow<Decoder, kReadAgain>(bytes, row + 1);
          const DecodedRow rows[2] = {decoder.Decode(bytes, row), decoder.Decode(bytes, row + 1)};
          Panel::Pack(rows, row / 2, panel[i]);
        }
      }
      for (int64_t t = 0; t < n_tokens; t += kPanelTokens) {
        // Tokens that lack repeat the last, for nothing.
        const uint8_t* tokens[kPanelTokens];
        for (int64_t k = 0; k < kPanelTokens; ++k) {
          tokens[k] =
              codes + std::min(t + k, n_tokens - 1) * token_stride + block * format::kBlockWeights;
        }
        Panel::Add(panel, n, tokens, std::min(kPanelTokens, n_tokens - t),
                   raw + t * format::kTileRows);
      }
    }
  }
}

}  // namespace
}  // namespace accllm::kernels::neon
