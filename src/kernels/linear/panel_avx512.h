// Many tokens on AVX-512: the blocks of a tile are decoded once into the first cache and serve all
// tokens, four rows by four tokens at a time. Only *_avx512 files may include it.
#pragma once

#include <algorithm>
#include <array>

#include "kernels/linear/linear.h"
#include "kernels/linear/panel_rows_avx512.h"
#include "kernels/linear/tile_walk.h"

namespace accllm::kernels::avx512 {

inline constexpr int64_t kPanelBlocks = 8;  // that are decoded at once
inline constexpr int64_t kFoursOfTile = format::kTileRows / kFourRows;

// A TileKernels::arrange, to [block][kVectors][four tokens][64].
inline void ArrangeForPanel(const uint8_t* codes, int64_t n_tokens, int64_t n_blocks,
                            uint8_t* arranged) {
  const int64_t token_stride = n_blocks * format::kBlockWeights;
  for (int64_t block = 0; block < n_blocks; ++block) {
    for (int64_t t = 0; t < kPanelTokens; ++t) {
      // What a group has more than tokens repeats the last, for nothing.
      const uint8_t* from =
          codes + std::min(t, n_tokens - 1) * token_stride + block * format::kBlockWeights;
      const __m512i planes[] = {Load64(from), Load64(from + 64), Load64(from + 128),
                                Load64(from + 192)};
      const Vectors fours = FoursOf(planes);
      for (int64_t v = 0; v < kVectors; ++v) {
        _mm512_storeu_si512(arranged + 64 * (v * kPanelTokens + t), fours.of[v]);
      }
    }
    arranged += kPanelTokens * format::kBlockWeights;
  }
}

// raw[t] += four rows' sums of n_tokens tokens; with `first`, what raw held does not count.
template <class Rows, int kTokens>
inline void Store(const typename Rows::template Sums<kTokens>& sums, int64_t n_tokens, bool first,
                  int32_t* raw /*[n_tokens][kTileRows]*/) {
#pragma GCC unroll 4
  for (int t = 0; t < kTokens; ++t) {
    if (t >= n_tokens) break;
    const __m512i by_row = Rows::ByRow(sums, t);
    const __m256i by8 =
        _mm256_add_epi32(_mm512_castsi512_si256(by_row), _mm512_extracti64x4_epi64(by_row, 1));
    auto* out = reinterpret_cast<__m128i*>(raw + t * format::kTileRows);
    const __m128i all =
        _mm_add_epi32(_mm256_castsi256_si128(by8), _mm256_extracti128_si256(by8, 1));
    _mm_storeu_si128(out, first ? all : _mm_add_epi32(_mm_loadu_si128(out), all));
  }
}

// raw[t] += the sums of four rows over n_blocks blocks, for n_tokens tokens.
template <class Rows, int kTokens>
inline void AddFourRows(const Rows* rows, int64_t n_blocks, const uint8_t* activations,
                        int64_t n_tokens, bool first, int32_t* raw) {
  typename Rows::template Sums<kTokens> sums;
  for (int64_t block = 0; block < n_blocks; ++block) {
    rows[block].Add(activations, sums);
    activations += kPanelTokens * format::kBlockWeights;
  }
  Store<Rows, kTokens>(sums, n_tokens, first, raw);
}

// Up to kPanelBlocks blocks of a tile, decoded.
template <class Rows>
using Expanded = std::array<std::array<Rows, kPanelBlocks>, kFoursOfTile>;

template <class Rows>
void Expand(const typename Rows::Decoder& decoder, const uint8_t* blocks, int64_t n_blocks,
            Expanded<Rows>& to) {
  for (int64_t i = 0; i < n_blocks; ++i) {
    int64_t row = 0;
    for (auto& rows : to) {
      rows[static_cast<size_t>(i)].Expand(decoder, blocks + i * TileBlockBytes(Rows::kType), row);
      row += kFourRows;
    }
  }
}

// A TileKernel on arranged activations.
template <class Rows>
void AddPanel(const TileRun& tiles, const Codebook& codebook, const uint8_t* arranged,
              int64_t n_tokens, int32_t* raw) {
  constexpr int64_t kBlockBytes = TileBlockBytes(Rows::kType);
  const auto decoder = MakeSimd<typename Rows::Decoder>(codebook);
  const int64_t tile_bytes = tiles.n_blocks * kBlockBytes;
  const int64_t n_calls = (n_tokens + kPanelTokens - 1) / kPanelTokens * kFoursOfTile;
  Expanded<Rows> expanded;
  for (int64_t block = 0; block < tiles.n_blocks; block += kPanelBlocks) {
    const int64_t n = std::min(kPanelBlocks, tiles.n_blocks - block);
    const int64_t ahead_bytes = RoundUp((n * kBlockBytes + n_calls - 1) / n_calls, 64);
    // Behind the last tile: the first one's next blocks, or what follows the run.
    const uint8_t* behind = block + n < tiles.n_blocks ? tiles.blocks + (block + n) * kBlockBytes
                                                       : tiles.blocks + tiles.n_tiles * tile_bytes;
    for (int64_t tile = 0; tile < tiles.n_tiles; ++tile) {
      const uint8_t* blocks = tiles.blocks + tile * tile_bytes + block * kBlockBytes;
      Expand(decoder, blocks, n, expanded);
      const uint8_t* ahead = tile + 1 < tiles.n_tiles ? blocks + tile_bytes : behind;
      int32_t* tile_raw = raw + tile * n_tokens * format::kTileRows;
      for (int64_t token = 0; token < n_tokens; token += kPanelTokens) {
        const int64_t n_together = std::min(kPanelTokens, n_tokens - token);
        const auto kernel =
            n_together <= 2 ? AddFourRows<Rows, 2> : AddFourRows<Rows, kPanelTokens>;
        const uint8_t* activations =
            arranged + (token * tiles.n_blocks + block * kPanelTokens) * format::kBlockWeights;
        int32_t* out = tile_raw + token * format::kTileRows;
        for (const auto& rows : expanded) {
          for (int64_t at = 0; at < ahead_bytes; at += 64) __builtin_prefetch(ahead + at);
          ahead += ahead_bytes;
          kernel(rows.data(), n, activations, n_together, block == 0, out);
          out += kFourRows;
        }
      }
    }
  }
}

}  // namespace accllm::kernels::avx512
