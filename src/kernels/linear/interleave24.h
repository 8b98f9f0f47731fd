// The order of 2:4 codes in memory that suits 16-entry look-ups: the codes of 32 rows side by side.
//
// With that, two fours of activations serve a whole vector of codes: a look-up by pattern picks the
// two activations that a code's weights meet, so that zeros are never multiplied, and the products
// of two fours of a row lie side by side, where one instruction adds them. A file keeps
// tiles of 8 rows (packed-format.md); an engine whose ISA has TileKernels::w2s24_interleaved turns
// them when it loads a model. Nothing grows but the number of rows, to a multiple of 32.
//
// An interleaved tile has kInterleavedGroupBytes for each group of 32 columns, eight fours. Four
// f = 2 p + e is one of pair p. Row r = 16 h + w has bytes 128 h + 32 k + 2 w + e, k < 4, there:
//   k = 0, 1: levels (code bits 0-3) of pair 2 k in the low nibble, of pair 2 k + 1 in the high one
//   k = 2, 3: q = k - 2; in bits 0-2 the pattern (code bits 4-6) of pair 2 q, in bits 4-6 that of
//             pair 2 q + 1, in bits 3 and 7 bits 2 q + e and 2 q + e + 4 of the multiplier
#pragma once

#include <cstdint>

#include "base/block_codec.h"

namespace accllm::kernels {

inline constexpr int64_t kInterleavedRows = 32;
inline constexpr int64_t kInterleavedGroupBytes = 256;
// Half of the rows lie side by side, two bytes each in a vector.
inline constexpr int64_t kInterleavedHalfRows = kInterleavedRows / 2;
inline constexpr int64_t kInterleavedHalfBytes = kInterleavedGroupBytes / 2;
inline constexpr int64_t kInterleavedVector = 2 * kInterleavedHalfRows;

constexpr int64_t InterleavedTileBytes(int64_t n_blocks) {
  return n_blocks * format::kGroupsPerBlock * kInterleavedGroupBytes;
}

// One interleaved tile from `n_tiles` (1 to 4) tiles of 8 rows, [n_tiles, n_blocks] tile blocks;
// the rows that these lack are zero. out: InterleavedTileBytes(n_blocks).
void Interleave24(const uint8_t* tiles, int64_t n_tiles, int64_t n_blocks, uint8_t* out);

}  // namespace accllm::kernels
