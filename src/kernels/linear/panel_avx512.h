// Many tokens on AVX-512: the blocks of a tile are decoded once into the first cache and serve all
// tokens, four rows by four tokens at a time. Only *_avx512 files may include it.
//
// Dot products are what limits this, so as little else as can be goes through their units:
// * Blocks are taken in pairs, whose dwords are shuffled (PairOf) so that a lane meets only weights
//   of one multiplier, 32 of them. Levels of 2 bits give sums of 16 bits there.
// * Such sums of two rows are packed into one register before multipliers scale them.
// A pair of blocks takes 17 dot products for two rows, where 16 multiply weights.
#pragma once

#include <algorithm>
#include <array>

#include "kernels/linear/decode_avx512.h"
#include "kernels/linear/linear.h"
#include "kernels/linear/tile_walk.h"

namespace accllm::kernels::avx512 {

inline constexpr int64_t kPanelBlocks = 8;  // that are decoded at once
inline constexpr int64_t kPanelPairs = kPanelBlocks / 2;

// Vectors of levels and activations of a pair of blocks: at 2 j and 2 j + 1 those of PairOf at
// position j of fours. A last block without another has its own four, as they come.
inline constexpr int kPairVectors = 8;
inline constexpr int kBlockVectors = 4;

// Whether sums of the 8 fours of a multiplier fit 16 bits, as they do with survivors up to 2 and
// with dense levels up to 3.
constexpr bool FitPairs(format::TensorType type) {
  constexpr int kMax24 = 2 * 2;
  constexpr int kMax2 = 4 * format::kW2Max;
  static_assert(8 * std::max(kMax24, kMax2) * 255 < 1 << 15);
  return type == format::TensorType::kW2S24 || type == format::TensorType::kW2;
}

// Up to kPanelBlocks blocks of one tile, decoded.
struct alignas(64) ExpandedBlocks {
  static constexpr int64_t kRowPairs = format::kTileRows / 2;

  struct Blocks {
    __m512i levels[kPairVectors][format::kTileRows];
    // Words 8 i .. 8 i + 3 are the multipliers of dwords 4 i .. 4 i + 3 of the first of two rows,
    // words 8 i + 4 .. 8 i + 7 of the second.
    __m512i multipliers[kRowPairs];
  };
  std::array<Blocks, kPanelPairs> pairs;  // a last single block too

  template <class Decoder>
  void Expand(const Decoder& decoder, const uint8_t* blocks, int64_t n_blocks) {
    constexpr int64_t kBytes = TileBlockBytes(Decoder::kType);
    for (int64_t block = 0; block < n_blocks; block += 2) {
      const bool is_pair = block + 1 < n_blocks;
      Blocks& out = pairs[static_cast<size_t>(block / 2)];
      for (int64_t row = 0; row < format::kTileRows; row += 2) {
        const __m512i first = ExpandRow(decoder, blocks + block * kBytes, is_pair, row, out);
        const __m512i second = ExpandRow(decoder, blocks + block * kBytes, is_pair, row + 1, out);
        out.multipliers[row / 2] = _mm512_packs_epi32(first, second);
      }
    }
  }

 private:
  // Gives the multipliers by lane.
  template <class Decoder>
  static __m512i ExpandRow(const Decoder& decoder, const uint8_t* blocks, bool is_pair, int64_t row,
                           Blocks& out) {
    if (!is_pair) {
      const DecodedRow decoded = decoder.Decode(blocks, row);
      for (int v = 0; v < kBlockVectors; ++v) out.levels[v][row] = decoded.levels[v];
      return decoded.multipliers;
    }
    const DecodedPair decoded = DecodePair(decoder, blocks, row);
    for (int v = 0; v < kPairVectors; ++v) out.levels[v][row] = decoded.levels[v];
    return decoded.multipliers;
  }
};

// A TileKernels::arrange, to [blocks' vectors][four tokens].
inline void ArrangeForPanel(const uint8_t* codes, int64_t n_tokens, int64_t n_blocks,
                            uint8_t* arranged) {
  const int64_t token_stride = n_blocks * format::kBlockWeights;
  const uint8_t* from[kPanelTokens];
  // What a group has more than tokens repeats the last, for nothing.
  for (int64_t t = 0; t < kPanelTokens; ++t) {
    from[t] = codes + std::min(t, n_tokens - 1) * token_stride;
  }
  const auto store = [&arranged](__m512i v) {
    _mm512_storeu_si512(arranged, v);
    arranged += 64;
  };
  for (int64_t block = 0; block < n_blocks; block += 2) {
    for (int j = 0; j < kBlockVectors; ++j) {
      const int64_t at = block * format::kBlockWeights + 64 * j;
      if (block + 1 == n_blocks) {
        for (const uint8_t* token : from) store(Load64(token + at));
        continue;
      }
      Pair pairs[kPanelTokens];
      for (size_t t = 0; t < kPanelTokens; ++t) {
        pairs[t] = PairOf(Load64(from[t] + at), Load64(from[t] + at + format::kBlockWeights));
      }
      for (const Pair& pair : pairs) store(pair.even);
      for (const Pair& pair : pairs) store(pair.odd);
    }
  }
}

// acc[pair of rows][token] += the products of kVectors vectors, of four rows by kTokens tokens.
template <int kTokens, int kVectors>
inline void AddVectors(const __m512i (*levels)[format::kTileRows], const __m512i* multipliers,
                       int64_t row0, const uint8_t* activations, __m512i (*acc)[kTokens]) {
  __m512i sums[4][kTokens];
#pragma GCC unroll 8
  for (int v = 0; v < kVectors; ++v) {
    __m512i a[kTokens];
#pragma GCC unroll 4
    for (int t = 0; t < kTokens; ++t) a[t] = Load64(activations + 64 * (v * kPanelTokens + t));
#pragma GCC unroll 4
    for (int row = 0; row < 4; ++row) {
#pragma GCC unroll 4
      for (int t = 0; t < kTokens; ++t) {
        const __m512i from = v == 0 ? _mm512_setzero_si512() : sums[row][t];
        sums[row][t] = _mm512_dpbusd_epi32(from, a[t], levels[v][row0 + row]);
      }
    }
  }
#pragma GCC unroll 2
  for (int pair = 0; pair < 2; ++pair) {
#pragma GCC unroll 4
    for (int t = 0; t < kTokens; ++t) {
      acc[pair][t] = _mm512_dpwssd_epi32(
          acc[pair][t], _mm512_packs_epi32(sums[2 * pair][t], sums[2 * pair + 1][t]),
          multipliers[row0 / 2 + pair]);
    }
  }
}

// raw[t][row0 + i] += sums of four rows over n_blocks expanded blocks, for n_tokens tokens; with
// `first`, what raw held does not count. kVectors are so many that their sums fit 16 bits.
template <int kTokens, int kVectors>
inline void AddFourRows(const ExpandedBlocks& expanded, int64_t n_blocks, int64_t row0,
                        const uint8_t* activations, int64_t n_tokens, bool first, int32_t* raw) {
  __m512i acc[2][kTokens];
  for (int t = 0; t < kTokens; ++t) acc[0][t] = acc[1][t] = _mm512_setzero_si512();
  const ExpandedBlocks::Blocks* w = expanded.pairs.data();
  for (int64_t pair = 0; pair < n_blocks / 2; ++pair, ++w) {
#pragma GCC unroll 2
    for (int v = 0; v < kPairVectors; v += kVectors) {
      AddVectors<kTokens, kVectors>(w->levels + v, w->multipliers, row0, activations, acc);
      activations += 64 * kVectors * kPanelTokens;
    }
  }
  if (n_blocks % 2 != 0) {
    AddVectors<kTokens, kBlockVectors>(w->levels, w->multipliers, row0, activations, acc);
  }
#pragma GCC unroll 4
  for (int t = 0; t < kTokens; ++t) {
    if (t >= n_tokens) break;
    // Dwords 4 i and 4 i + 1 belong to the first row of a pair, the other two to its second.
    const Pair halves = PairOf(acc[0][t], acc[1][t]);
    const __m512i rows = _mm512_add_epi32(halves.even, halves.odd);
    const __m256i by8 =
        _mm256_add_epi32(_mm512_castsi512_si256(rows), _mm512_extracti64x4_epi64(rows, 1));
    auto* out = reinterpret_cast<__m128i*>(raw + t * format::kTileRows + row0);
    const __m128i sums =
        _mm_add_epi32(_mm256_castsi256_si128(by8), _mm256_extracti128_si256(by8, 1));
    _mm_storeu_si128(out, first ? sums : _mm_add_epi32(_mm_loadu_si128(out), sums));
  }
}

// A TileKernel on arranged activations, of a type whose lane sums fit 16 bits.
template <class Decoder>
void AddPanel(const TileRun& tiles, const Codebook& codebook, const uint8_t* arranged,
              int64_t n_tokens, int32_t* raw) {
  constexpr int64_t kBlockBytes = TileBlockBytes(Decoder::kType);
  constexpr int kVectors = FitPairs(Decoder::kType) ? kPairVectors : kBlockVectors;
  const Decoder decoder = MakeSimd<Decoder>(codebook);
  const int64_t tile_bytes = tiles.n_blocks * kBlockBytes;
  const int64_t n_calls = (n_tokens + kPanelTokens - 1) / kPanelTokens * 2;
  ExpandedBlocks expanded;
  for (int64_t block = 0; block < tiles.n_blocks; block += kPanelBlocks) {
    const int64_t n = std::min(kPanelBlocks, tiles.n_blocks - block);
    const int64_t ahead_bytes = RoundUp((n * kBlockBytes + n_calls - 1) / n_calls, 64);
    // Behind the last tile: the first one's next blocks, or what follows the run.
    const uint8_t* behind = block + n < tiles.n_blocks ? tiles.blocks + (block + n) * kBlockBytes
                                                       : tiles.blocks + tiles.n_tiles * tile_bytes;
    for (int64_t tile = 0; tile < tiles.n_tiles; ++tile) {
      const uint8_t* blocks = tiles.blocks + tile * tile_bytes + block * kBlockBytes;
      expanded.Expand(decoder, blocks, n);
      const uint8_t* ahead = tile + 1 < tiles.n_tiles ? blocks + tile_bytes : behind;
      int32_t* tile_raw = raw + tile * n_tokens * format::kTileRows;
      for (int64_t token = 0; token < n_tokens; token += kPanelTokens) {
        const int64_t n_together = std::min(kPanelTokens, n_tokens - token);
        const auto kernel =
            n_together <= 2 ? AddFourRows<2, kVectors> : AddFourRows<kPanelTokens, kVectors>;
        const uint8_t* activations =
            arranged + (token * tiles.n_blocks + block * kPanelTokens) * format::kBlockWeights;
        for (int64_t row = 0; row < format::kTileRows; row += 4) {
          for (int64_t at = 0; at < ahead_bytes; at += 64) __builtin_prefetch(ahead + at);
          ahead += ahead_bytes;
          kernel(expanded, n, row, activations, n_together, block == 0,
                 tile_raw + token * format::kTileRows);
        }
      }
    }
  }
}

}  // namespace accllm::kernels::avx512
