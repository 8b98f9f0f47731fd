// y = W x on packed weights and int8 activations: the linear layer of the integer contract.
//
//   acc[r] = sum over k of multiplier[r, k/32] * level[r, k] * a[k]     exact in int32
//   y[r]   = float(acc[r]) * (row_scale[r] * a_scale)                   one rounding each
//
// Kernels work on activations offset by 128, because the dot-product instructions of x86 take one
// unsigned operand; the offset is taken back with the row's sum of multiplier * level.
#pragma once

#include <cstdint>
#include <limits>

#include "base/block_codec.h"
#include "kernels/linear/interleave24.h"

namespace accllm::kernels {

// Quantised activations of a few tokens; see quantize/quantize.h for how they are made.
struct QuantizedRows {
  // [n_tokens, n_blocks, 4, 64] int8 + 128: byte [j][g] = a[4 g + j]
  const uint8_t* codes = nullptr;
  const float* scales = nullptr;  // [n_tokens]
  int64_t n_tokens = 0;
  int64_t n_blocks = 0;
  const uint8_t* arranged = nullptr;  // the same as Arrange lays them out; null: not done
};

// A weight matrix of one of the block types. Rows are padded to whole tiles. Tiles have 8 rows, or,
// where codes are interleaved, 32; parts of a matrix are given in tiles of 8 rows all the same, and
// an interleaved tile belongs to the part that has its first rows.
struct PackedMatrix {
  format::TensorType type = format::TensorType::kW2S24;
  int64_t rows = 0;  // without padding
  int64_t cols = 0;  // without padding
  int64_t n_blocks = 0;
  const uint8_t* blocks = nullptr;          // [row tiles, n_blocks] tile blocks
  const float* row_scales = nullptr;        // [padded rows]
  const int32_t* row_sums = nullptr;        // [padded rows] sum of multiplier * level, see RowSums
  const Codebook* codebook = &kCodebook24;  // matters to w2-free alone
  bool is_interleaved = false;              // w2-2:4 alone: `blocks` are as in interleave24.h

  int64_t n_tiles() const { return (rows + format::kTileRows - 1) / format::kTileRows; }

  // Rows of what one call of a kernel works on, and its bytes.
  int64_t kernel_rows() const { return is_interleaved ? kInterleavedRows : format::kTileRows; }
  int64_t kernel_bytes() const {
    return is_interleaved ? InterleavedTileBytes(n_blocks) : n_blocks * TileBlockBytes(type);
  }

  // The first row of the part that begins with tile `tile` of 8 rows; at most `rows`.
  int64_t RowOfTile(int64_t tile) const {
    const int64_t row = RoundUp(tile * format::kTileRows, kernel_rows());
    return row < rows ? row : rows;
  }
};

// The most tokens, tiles and sums of one call of a tile kernel; so many tiles that its start does
// not count, with the most tokens eight.
inline constexpr int64_t kMaxTileTokens = 128;
inline constexpr int64_t kMaxTiles = 16;
inline constexpr int64_t kMaxTileSums = 8 * kMaxTileTokens * format::kTileRows;

// Tiles of one matrix that follow each other.
struct TileRun {
  const uint8_t* blocks;  // [n_tiles, n_blocks] tile blocks
  int64_t n_tiles;
  int64_t n_blocks;
};

// raw[i][t][r] = sum over k of multiplier * level * (a + 128) of row r of tile i, for n_tokens (1
// to kMaxTileTokens) tokens whose codes lie n_blocks * 256 bytes apart, or for TileKernels::panel
// are arranged. Sums wrap modulo 2^32. raw: [n_tiles][n_tokens][8], interleaved tiles
// [n_tiles][n_tokens][32]; at most kMaxTileSums.
using TileKernel = void (*)(const TileRun& tiles, const Codebook& codebook, const uint8_t* codes,
                            int64_t n_tokens, int32_t* raw);

// What a kernel gives for rows [row, row + n_rows), of which the last tile may have fewer.
struct RawSums {
  const int32_t* sums;  // [n_tiles][n_tokens][tile_rows]
  int64_t tile_rows;
  int64_t row;
  int64_t n_rows;
};

// y[t * y_stride + i] of row raw.row + i for every token. Sums wrap, so that a damaged file is not
// undefined. a_scales: [n_tokens].
using FinishRows = void (*)(const PackedMatrix& w, const RawSums& raw, int64_t n_tokens,
                            const float* a_scales, float* y, int64_t y_stride);
void FinishRowsScalar(const PackedMatrix& w, const RawSums& raw, int64_t n_tokens,
                      const float* a_scales, float* y, int64_t y_stride);

struct KernelsOfTypes {
  TileKernel w2s24 = nullptr;
  TileKernel w2free = nullptr;
  TileKernel w2 = nullptr;
  TileKernel w3 = nullptr;
  TileKernel w4 = nullptr;
  TileKernel w8 = nullptr;

  TileKernel For(format::TensorType type) const {
    switch (type) {
      case format::TensorType::kW2S24:
        return w2s24;
      case format::TensorType::kW2Free:
        return w2free;
      case format::TensorType::kW2:
        return w2;
      case format::TensorType::kW3:
        return w3;
      case format::TensorType::kW4:
        return w4;
      default:
        return w8;
    }
  }
};

// Tokens of one group of arranged activations.
inline constexpr int64_t kPanelTokens = 4;

struct TileKernels : KernelsOfTypes {
  explicit TileKernels(const KernelsOfTypes& of_types = {}) : KernelsOfTypes(of_types) {}

  // Of interleaved tiles; null on an ISA that is faster on tiles as they are in the file.
  TileKernel w2s24_interleaved = nullptr;
  FinishRows finish = FinishRowsScalar;
  // Tokens a call should have, where there are so many; a multiple of kPanelTokens.
  int64_t tokens_at_once = 8;

  // Kernels of many tokens that want activations in an order of their own; null for types that have
  // none.
  KernelsOfTypes panel;
  int64_t min_panel_tokens = std::numeric_limits<int64_t>::max();  // from which on they are faster
  // Lays out a group of up to kPanelTokens tokens; arranged: [kPanelTokens * n_blocks * 256].
  void (*arrange)(const uint8_t* codes, int64_t n_tokens, int64_t n_blocks,
                  uint8_t* arranged) = nullptr;
};

inline int64_t ArrangedBytes(int64_t n_tokens, int64_t n_blocks) {
  return RoundUp(n_tokens, kPanelTokens) * n_blocks * format::kBlockWeights;
}

// The codes of x in the order of kernels.panel, where that is not empty. arranged: [ArrangedBytes].
void Arrange(const TileKernels& kernels, const QuantizedRows& x, uint8_t* arranged);

TileKernels ScalarTileKernels();
#if defined(ACCLLM_HAVE_X86_SIMD)
TileKernels Avx2TileKernels();
TileKernels Avx512TileKernels();
void Interleaved24Avx2(const TileRun& tiles, const Codebook& codebook, const uint8_t* codes,
                       int64_t n_tokens, int32_t* raw);
#elif defined(ACCLLM_HAVE_NEON)
TileKernels NeonTileKernels();
TileKernels NeonI8mmTileKernels();
#endif

// y[t * y_stride + i] of row w.RowOfTile(tile_begin) + i, for the rows of tiles [tile_begin,
// tile_end) and all tokens of x.
void Linear(const TileKernels& kernels, const PackedMatrix& w, const QuantizedRows& x,
            int64_t tile_begin, int64_t tile_end, float* y, int64_t y_stride);

// row_sums of tiles [tile_begin, tile_end) of w, which is not interleaved (w.row_sums itself is not
// read).
void RowSums(const TileKernels& kernels, const PackedMatrix& w, int64_t tile_begin,
             int64_t tile_end, int32_t* row_sums /*[padded rows]*/);

// Dot product with a binary16 row: 16 partial sums (k mod 16), each in ascending k, multiply and
// add rounded apart; then a tree that adds lanes 8, 4, 2 and 1 apart.
using DotF16 = float (*)(const uint16_t* row, const float* x, int64_t n);
float DotF16Scalar(const uint16_t* row, const float* x, int64_t n);
#if defined(ACCLLM_HAVE_X86_SIMD)
float DotF16Avx2(const uint16_t* row, const float* x, int64_t n);
float DotF16Avx512(const uint16_t* row, const float* x, int64_t n);
#elif defined(ACCLLM_HAVE_NEON)
float DotF16Neon(const uint16_t* row, const float* x, int64_t n);
#endif

}  // namespace accllm::kernels
