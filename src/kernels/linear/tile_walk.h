// How a vector tile kernel walks over blocks, rows and tokens; the same for every ISA. `Simd` knows
// one packed type on one ISA. It is built once per call, so that its tables stay in registers, from
// the codebook where it takes one, and has
//   kType                                   the TensorType
//   kParts                                  a block is worked on in so many parts
//   Row Decode(tile_block, row, part)       levels and multipliers of one row of one block
//   Start StartOf(codes)                    where one token's sums of one block start, for all rows
//   Activations Load(codes, start, part)    one token's activations of one block
//   Sums Add(sums, row, activations)        sums + multiplier * level * activation, by lane
//   Store(sums of 8 rows, raw)              the sums of the lanes of each
// With one part, Decode and Load take no `part`.
#pragma once

#include <algorithm>
#include <array>
#include <type_traits>
#include <utility>

#include "kernels/linear/linear.h"

namespace accllm::kernels {

inline constexpr int64_t kPrefetchBytes = 8192;
// Blocks whose activations (8 tokens: 32 KiB) stay in the first cache while 8 rows use them.
inline constexpr int64_t kBlocksAtOnce = 16;

// Tokens that ManyTokens takes together.
inline constexpr int64_t kWalkTokens = 8;

// A base of those whose sums start from 0.
struct StartFromZero {
  struct Start {};
  static Start StartOf(const uint8_t* /*codes*/) { return {}; }
};

template <class Simd>
inline Simd MakeSimd(const Codebook& codebook) {
  if constexpr (std::is_constructible_v<Simd, const Codebook&>) {
    return Simd(codebook);
  } else {
    return Simd();
  }
}

template <class Simd>
inline auto DecodePart(const Simd& simd, const uint8_t* tile_block, int64_t row, int64_t part) {
  if constexpr (Simd::kParts == 1) {
    return simd.Decode(tile_block, row);
  } else {
    return simd.Decode(tile_block, row, part);
  }
}

template <class Simd>
inline auto LoadPart(const uint8_t* codes, const typename Simd::Start& start, int64_t part) {
  if constexpr (Simd::kParts == 1) {
    return Simd::Load(codes, start);
  } else {
    return Simd::Load(codes, start, part);
  }
}

// How __builtin_prefetch is to keep what it reads. The weights of one token are more than any cache
// holds: kept there, they would drive out the program's code, without which attention takes several
// times as long.
inline constexpr int kReadOnce = 0;
inline constexpr int kReadIntoSecond = 2;  // the second cache, not the first
inline constexpr int kReadAgain = 3;

// Asks for the row's bytes of a later block; `row` may lie beyond the matrix then.
template <class Simd, int kLocality>
inline void PrefetchRow(const uint8_t* tile_block, int64_t row) {
  const uint8_t* bytes = tile_block + kPrefetchBytes;
  constexpr int64_t kRowBytes = BlockRowBytes(Simd::kType);
  constexpr int64_t kBeatBytes = TileBlockBytes(Simd::kType) - kRowBytes * format::kTileRows;
  if (kBeatBytes != 0 && row == 0) __builtin_prefetch(bytes, 0, kLocality);
  for (int64_t at = 0; at < kRowBytes; at += 64) {
    __builtin_prefetch(bytes + kBeatBytes + row * kRowBytes + at, 0, kLocality);
  }
}

// A few tokens: weights are one stream, a block's activations serve all rows.
template <class Simd, int kTokens>
void FewTokens(const TileRun& tiles, const Codebook& codebook, const uint8_t* codes, int32_t* raw) {
  const Simd simd = MakeSimd<Simd>(codebook);
  const int64_t token_stride = tiles.n_blocks * format::kBlockWeights;
  const uint8_t* tile = tiles.blocks;
  for (int64_t i = 0; i < tiles.n_tiles; ++i) {
    typename Simd::Sums sums[kTokens][format::kTileRows] = {};
    for (int64_t block = 0; block < tiles.n_blocks; ++block) {
      const uint8_t* a = codes + block * format::kBlockWeights;
      typename Simd::Start starts[kTokens];
      for (int t = 0; t < kTokens; ++t) starts[t] = Simd::StartOf(a + t * token_stride);
#pragma GCC unroll 2
      for (int64_t part = 0; part < Simd::kParts; ++part) {
#pragma GCC unroll 8
        for (int64_t row = 0; row < format::kTileRows; ++row) {
          if (part == 0) PrefetchRow<Simd, kReadOnce>(tile, row);
          const auto w = DecodePart(simd, tile, row, part);
#pragma GCC unroll 4
          for (int t = 0; t < kTokens; ++t) {
            sums[t][row] =
                Simd::Add(sums[t][row], w, LoadPart<Simd>(a + t * token_stride, starts[t], part));
          }
        }
      }
      tile += TileBlockBytes(Simd::kType);
    }
    for (int t = 0; t < kTokens; ++t, raw += format::kTileRows) Simd::Store(sums[t], raw);
  }
}

// Several tokens: a row's block is decoded once for all of them.
template <class Simd, int kTokens>
inline void AddRow(const Simd& simd, const uint8_t* tile, int64_t row, int64_t n_blocks,
                   const uint8_t* codes, int64_t token_stride,
                   const typename Simd::Start (*starts)[kTokens] /*[n_blocks]*/,
                   typename Simd::Sums* sums /*[kTokens]*/) {
  typename Simd::Sums acc[kTokens];
  for (int t = 0; t < kTokens; ++t) acc[t] = sums[t];
  for (int64_t block = 0; block < n_blocks; ++block) {
    PrefetchRow<Simd, kReadAgain>(tile, row);
#pragma GCC unroll 2
    for (int64_t part = 0; part < Simd::kParts; ++part) {
      const auto w = DecodePart(simd, tile, row, part);
#pragma GCC unroll 8
      for (int t = 0; t < kTokens; ++t) {
        acc[t] =
            Simd::Add(acc[t], w, LoadPart<Simd>(codes + t * token_stride, starts[block][t], part));
      }
    }
    tile += TileBlockBytes(Simd::kType);
    codes += format::kBlockWeights;
  }
  for (int t = 0; t < kTokens; ++t) sums[t] = acc[t];
}

template <class Simd, int kTokens>
void ManyTokens(const uint8_t* tile, int64_t n_blocks, const Codebook& codebook,
                const uint8_t* codes, int32_t* raw) {
  const Simd simd = MakeSimd<Simd>(codebook);
  const int64_t token_stride = n_blocks * format::kBlockWeights;
  typename Simd::Sums sums[format::kTileRows][kTokens] = {};
  typename Simd::Start starts[kBlocksAtOnce][kTokens];
  for (int64_t block = 0; block < n_blocks; block += kBlocksAtOnce) {
    const int64_t n = n_blocks - block < kBlocksAtOnce ? n_blocks - block : kBlocksAtOnce;
    const uint8_t* first = codes + block * format::kBlockWeights;
    for (int64_t i = 0; i < n; ++i) {
      for (int t = 0; t < kTokens; ++t) {
        starts[i][t] = Simd::StartOf(first + i * format::kBlockWeights + t * token_stride);
      }
    }
    for (int64_t row = 0; row < format::kTileRows; ++row) {
      AddRow<Simd, kTokens>(simd, tile + block * TileBlockBytes(Simd::kType), row, n, first,
                            token_stride, starts, sums[row]);
    }
  }
  for (int t = 0; t < kTokens; ++t) {
    typename Simd::Sums rows[format::kTileRows];
    for (int64_t row = 0; row < format::kTileRows; ++row) rows[row] = sums[row][t];
    Simd::Store(rows, raw + t * format::kTileRows);
  }
}

// Calls kernel(tile, codes, n, raw) for every tile and, in it, up to 8 tokens; `rows` a tile.
template <class Kernel>
inline void ForTilesAndTokens(const TileRun& tiles, int64_t tile_bytes, int64_t rows,
                              const uint8_t* codes, int64_t n_tokens, int32_t* raw,
                              const Kernel& kernel) {
  for (int64_t i = 0; i < tiles.n_tiles; ++i) {
    for (int64_t t = 0; t < n_tokens; t += kWalkTokens) {
      kernel(tiles.blocks + i * tile_bytes, codes + t * tiles.n_blocks * format::kBlockWeights,
             std::min(kWalkTokens, n_tokens - t), raw + (i * n_tokens + t) * rows);
    }
  }
}

// A TileKernel for several tokens; `kMost` is the most that it is called with, if not any number.
template <class Simd, int kMost = kWalkTokens>
void WalkMany(const TileRun& tiles, const Codebook& codebook, const uint8_t* codes,
              int64_t n_tokens, int32_t* raw) {
  using Kernel = void (*)(const uint8_t*, int64_t, const Codebook&, const uint8_t*, int32_t*);
  static constexpr auto kByTokens = []<int... kLess>(std::integer_sequence<int, kLess...>) {
    return std::array<Kernel, kMost>{ManyTokens<Simd, kLess + 1>...};
  }
  (std::make_integer_sequence<int, kMost>());
  ForTilesAndTokens(
      tiles, tiles.n_blocks * TileBlockBytes(Simd::kType), format::kTileRows, codes, n_tokens, raw,
      [&](const uint8_t* tile, const uint8_t* first, int64_t n, int32_t* out) {
        kByTokens[static_cast<size_t>(n - 1)](tile, tiles.n_blocks, codebook, first, out);
      });
}

// A TileKernel. Up to kFew tokens go through FewTokens, more through kMany.
template <class Simd, int kFew = 1, TileKernel kMany = WalkMany<Simd>>
void WalkTiles(const TileRun& tiles, const Codebook& codebook, const uint8_t* codes,
               int64_t n_tokens, int32_t* raw) {
  using Kernel = void (*)(const TileRun&, const Codebook&, const uint8_t*, int32_t*);
  static constexpr auto kByTokens = []<int... kLess>(std::integer_sequence<int, kLess...>) {
    return std::array<Kernel, kFew>{FewTokens<Simd, kLess + 1>...};
  }
  (std::make_integer_sequence<int, kFew>());
  if (n_tokens > kFew) return kMany(tiles, codebook, codes, n_tokens, raw);
  kByTokens[static_cast<size_t>(n_tokens - 1)](tiles, codebook, codes, raw);
}

}  // namespace accllm::kernels
