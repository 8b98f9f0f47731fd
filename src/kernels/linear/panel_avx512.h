// Many tokens on AVX-512: a tile's blocks are decoded once into the first cache and serve all
// tokens, four rows by four tokens at a time. Only *_avx512 files may include it.
//
// Dot products are what limits this. So the lane sums of two rows, which fit 16 bits, are packed
// into one register before multipliers scale them, by another unit: nine dot products for two rows
// of a block, not ten.
#pragma once

#include <algorithm>
#include <cstring>

#include "kernels/linear/decode_avx512.h"
#include "kernels/linear/linear.h"
#include "kernels/linear/tile_walk.h"

namespace accllm::kernels::avx512 {

// A few blocks of one tile, decoded.
struct alignas(64) ExpandedBlocks {
  static constexpr int64_t kBlocks = 8;
  static constexpr int64_t kPairs = format::kTileRows / 2;

  struct Block {
    __m512i levels[4][format::kTileRows];  // by position in a four: as DecodedRow
    // Words 8 i .. 8 i + 3 are the multipliers of dwords 4 i .. 4 i + 3 of the pair's first row,
    // words 8 i + 4 .. 8 i + 7 of its second.
    __m512i multipliers[kPairs];
  };
  Block blocks[kBlocks];

  template <class Decoder>
  void Expand(const Decoder& decoder, const uint8_t* tile_blocks, int64_t n) {
    for (int64_t block = 0; block < n; ++block) {
      const uint8_t* bytes = tile_blocks + block * TileBlockBytes(Decoder::kType);
      Block& out = blocks[block];
#pragma GCC unroll 4
      for (int64_t pair = 0; pair < kPairs; ++pair) {
        __m512i multipliers[2];
#pragma GCC unroll 2
        for (int64_t i = 0; i < 2; ++i) {
          const int64_t row = 2 * pair + i;
          PrefetchRow<Decoder>(bytes, row);
          const DecodedRow decoded = decoder.Decode(bytes, row);
          for (int j = 0; j < 4; ++j) out.levels[j][row] = decoded.levels[j];
          multipliers[i] = decoded.multipliers;
        }
        out.multipliers[pair] = _mm512_packs_epi32(multipliers[0], multipliers[1]);
      }
    }
  }
};

// raw[t][row0 + i] += sums of four rows over n expanded blocks, for n_tokens tokens whose codes lie
// token_stride bytes apart. What kTokens has more than that repeats the last, for nothing.
template <int kTokens>
inline void AddFourRows(const ExpandedBlocks& expanded, int64_t n, int64_t row0,
                        const uint8_t* codes, int64_t token_stride, int64_t n_tokens,
                        int32_t* raw) {
  const uint8_t* tokens[kTokens];
  for (int t = 0; t < kTokens; ++t) {
    tokens[t] = codes + std::min<int64_t>(t, n_tokens - 1) * token_stride;
  }
  __m512i acc[2][kTokens];
  for (int t = 0; t < kTokens; ++t) acc[0][t] = acc[1][t] = _mm512_setzero_si512();
  for (int64_t block = 0; block < n; ++block) {
    const ExpandedBlocks::Block& w = expanded.blocks[block];
    __m512i sums[4][kTokens];
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) {
      __m512i a[kTokens];
#pragma GCC unroll 4
      for (int t = 0; t < kTokens; ++t) {
        a[t] = Load64(tokens[t] + block * format::kBlockWeights + 64 * j);
      }
#pragma GCC unroll 4
      for (int row = 0; row < 4; ++row) {
        const __m512i levels = w.levels[j][row0 + row];
#pragma GCC unroll 4
        for (int t = 0; t < kTokens; ++t) {
          const __m512i from = j == 0 ? _mm512_setzero_si512() : sums[row][t];
          sums[row][t] = _mm512_dpbusd_epi32(from, a[t], levels);
        }
      }
    }
#pragma GCC unroll 2
    for (int pair = 0; pair < 2; ++pair) {
      const __m512i multipliers = w.multipliers[row0 / 2 + pair];
#pragma GCC unroll 4
      for (int t = 0; t < kTokens; ++t) {
        acc[pair][t] = _mm512_dpwssd_epi32(
            acc[pair][t], _mm512_packs_epi32(sums[2 * pair][t], sums[2 * pair + 1][t]),
            multipliers);
      }
    }
  }
#pragma GCC unroll 4
  for (int t = 0; t < kTokens; ++t) {
    if (t >= n_tokens) break;
    // Dwords 4 i and 4 i + 1 belong to the first row of a pair, the other two to its second.
    const __m512 first = _mm512_castsi512_ps(acc[0][t]);
    const __m512 second = _mm512_castsi512_ps(acc[1][t]);
    const __m512i rows =
        _mm512_add_epi32(_mm512_castps_si512(_mm512_shuffle_ps(first, second, 0x88)),
                         _mm512_castps_si512(_mm512_shuffle_ps(first, second, 0xDD)));
    const __m256i halves =
        _mm256_add_epi32(_mm512_castsi512_si256(rows), _mm512_extracti64x4_epi64(rows, 1));
    auto* out = reinterpret_cast<__m128i*>(raw + t * format::kTileRows + row0);
    const __m128i sums =
        _mm_add_epi32(_mm256_castsi256_si128(halves), _mm256_extracti128_si256(halves, 1));
    _mm_storeu_si128(out, _mm_add_epi32(_mm_loadu_si128(out), sums));
  }
}

// A TileKernel of a type whose lane sums fit 16 bits.
template <class Decoder>
void AddExpanded(const TileRun& tiles, const Codebook& codebook, const uint8_t* codes,
                 int64_t n_tokens, int32_t* raw) {
  constexpr int64_t kBlockBytes = TileBlockBytes(Decoder::kType);
  const Decoder decoder = MakeSimd<Decoder>(codebook);
  const int64_t token_stride = tiles.n_blocks * format::kBlockWeights;
  ExpandedBlocks expanded;
  std::memset(raw, 0, static_cast<size_t>(tiles.n_tiles * n_tokens * format::kTileRows) * 4);
  const uint8_t* blocks = tiles.blocks;
  for (int64_t tile = 0; tile < tiles.n_tiles; ++tile, raw += n_tokens * format::kTileRows) {
    for (int64_t block = 0; block < tiles.n_blocks; block += ExpandedBlocks::kBlocks) {
      const int64_t n = std::min(ExpandedBlocks::kBlocks, tiles.n_blocks - block);
      expanded.Expand(decoder, blocks, n);
      blocks += n * kBlockBytes;
      for (int64_t token = 0; token < n_tokens; token += 4) {
        const int64_t n_together = std::min<int64_t>(4, n_tokens - token);
        const auto kernel = n_together <= 2 ? AddFourRows<2> : AddFourRows<4>;
        const uint8_t* first = codes + token * token_stride + block * format::kBlockWeights;
        for (int64_t row = 0; row < format::kTileRows; row += 4) {
          kernel(expanded, n, row, first, token_stride, n_together,
                 raw + token * format::kTileRows);
        }
      }
    }
  }
}

}  // namespace accllm::kernels::avx512
