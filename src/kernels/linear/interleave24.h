// The order of 2:4 codes in memory that suits 16-entry look-ups: the codes of 32 rows side by side.
//
// With that, two fours of activations serve a whole vector of codes: a look-up by pattern picks the
// two activations that a code's weights meet, so that zeros are never multiplied, and the products
// of two fours of a row lie side by side, where one instruction adds them. A file keeps
// tiles of 8 rows (packed-format.md); an engine whose ISA has TileKernels::w2s24_interleaved turns
// them when it loads a model. Nothing grows but the number of rows, to a multiple of 32.
//
// An interleaved tile has kInterleavedGroupBytes for each group of 32 columns, eight fours:
//   bits 0-6 of byte 64 (v / 2) + PlaceOfRow(r) + v % 2, v < 6: the code of four v of row r
//   bits 0-6 of byte 192 + r: the code of four 6 of row r
//   bit 7 of byte 32 v + r, v < 7: bit v of the code of four 7 of row r
//   byte 224 + r: the multiplier of row r
#pragma once

#include <cstdint>

#include "base/block_codec.h"

namespace accllm::kernels {

inline constexpr int64_t kInterleavedRows = 32;
inline constexpr int64_t kInterleavedGroupBytes = 256;

// Where the pair of a row's codes lies among those of all rows: as unpacking two vectors of bytes,
// a row each, by halves of 16 would put it.
constexpr int64_t PlaceOfRow(int64_t row) {
  return 32 * (row / 8 % 2) + 16 * (row / 16) + 2 * (row % 8);
}

constexpr int64_t InterleavedTileBytes(int64_t n_blocks) {
  return n_blocks * format::kGroupsPerBlock * kInterleavedGroupBytes;
}

// One interleaved tile from `n_tiles` (1 to 4) tiles of 8 rows, [n_tiles, n_blocks] tile blocks;
// the rows that these lack are zero. out: InterleavedTileBytes(n_blocks).
void Interleave24(const uint8_t* tiles, int64_t n_tiles, int64_t n_blocks, uint8_t* out);

}  // namespace accllm::kernels
