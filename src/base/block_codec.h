// One packed block at a time: the 7-bit 2:4 codes and the dense codes, as integers.
// Layout: spec/packed.toml. Readable first; the kernels have their own faster decoders.
#pragma once

#include <array>
#include <cstdint>

#include "spec/packed_format.h"

namespace accllm {

inline constexpr int64_t kBlockBytesCoded = 64;

inline int64_t RoundUp(int64_t value, int64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

// Bytes of one row of one block, without the scale beat; 0 for types that have no blocks.
constexpr int64_t BlockRowBytes(format::TensorType type) {
  switch (type) {
    case format::TensorType::kW8:
      return 256;
    case format::TensorType::kW4:
      return 128;
    case format::TensorType::kW3:
      return 96;
    case format::TensorType::kW2:
    case format::TensorType::kW2S24:
    case format::TensorType::kW2Free:
      return 64;
    default:
      return 0;
  }
}

// The levels of a dense type: -max .. max, or only the odd ones of them.
struct DenseLevels {
  int max;
  bool odd_only;

  constexpr bool Holds(int level) const {
    return level >= -max && level <= max && (!odd_only || level % 2 != 0);
  }
  // The level of code 0, which fills what the matrix has no weight for.
  constexpr int padding() const { return odd_only ? -max : 0; }
};

constexpr DenseLevels DenseLevelsOf(format::TensorType type) {
  switch (type) {
    case format::TensorType::kW2:
      return {format::kW2Max, true};
    case format::TensorType::kW3:
      return {format::kW3Max, true};
    case format::TensorType::kW4:
      return {format::kW4Max, false};
    default:
      return {format::kW8Max, false};
  }
}

// Types whose blocks hold codes, each an index into a codebook, and their multipliers.
constexpr bool IsCoded(format::TensorType type) {
  return type == format::TensorType::kW2S24 || type == format::TensorType::kW2Free;
}

// Bytes of one row tile of one block, with its scale beat if the type has one.
constexpr int64_t TileBlockBytes(format::TensorType type) {
  const int64_t rows = BlockRowBytes(type) * format::kTileRows;
  return IsCoded(type) || rows == 0 ? rows : rows + format::kAlignment;
}

// The four weights (in levels) that a 2:4 code stands for; an invalid code gives zeros.
constexpr std::array<int8_t, 4> DecodeCode24(uint8_t code) {
  std::array<int8_t, 4> weights = {};
  const unsigned pattern = (code >> 4) & 7U;
  if (pattern < 6) {
    weights[format::kPatterns[pattern][0]] = format::kLevels[code & 3U];
    weights[format::kPatterns[pattern][1]] = format::kLevels[(code >> 2) & 3U];
  }
  return weights;
}

// What the codes of a tensor stand for.
struct Codebook {
  std::array<std::array<int8_t, format::kCodes>, 4> levels = {};  // [weight of the four][code]

  constexpr std::array<int8_t, 4> Decode(uint8_t code) const {
    return {levels[0][code], levels[1][code], levels[2][code], levels[3][code]};
  }
  bool operator==(const Codebook&) const = default;
};
static_assert(sizeof(Codebook) == format::kCodebookBytes);

// That of all 2:4 tensors.
inline constexpr Codebook kCodebook24 = [] {
  Codebook book;
  for (uint8_t code = 0; code < format::kCodes; ++code) {
    const std::array<int8_t, 4> four = DecodeCode24(code);
    for (size_t j = 0; j < 4; ++j) book.levels[j][code] = four[j];
  }
  return book;
}();

// Code number `index` (0..63) of a 64-byte block.
inline uint8_t ReadCode(const uint8_t* block, int64_t index) {
  const int64_t bit = index * format::kCodeBits;
  const unsigned low = block[bit / 8];
  const unsigned high = block[bit / 8 + 1];  // at worst byte 56: its bits are masked away
  return static_cast<uint8_t>(((low | (high << 8)) >> (bit % 8)) & 0x7FU);
}

// Sets code number `index` of a block whose code bytes were zero before.
inline void WriteCode(uint8_t* block, int64_t index, uint8_t code) {
  const int64_t bit = index * format::kCodeBits;
  const unsigned shifted = static_cast<unsigned>(code & 0x7FU) << (bit % 8);
  block[bit / 8] |= static_cast<uint8_t>(shifted & 0xFFU);
  if (shifted > 0xFFU) block[bit / 8 + 1] |= static_cast<uint8_t>(shifted >> 8);
}

// Level of weight 4 g + j of a dense row. `row` points at the row's bytes.
inline int8_t ReadDense(format::TensorType type, const uint8_t* row, int64_t g, int64_t j) {
  switch (type) {
    case format::TensorType::kW2:
      return static_cast<int8_t>(2 * ((row[g] >> (2 * j)) & 3) - format::kW2Max);
    case format::TensorType::kW3: {
      const int high = (row[64 + 8 * j + g / 8] >> (g % 8)) & 1;
      return static_cast<int8_t>(2 * (((row[g] >> (2 * j)) & 3) + 4 * high) - format::kW3Max);
    }
    case format::TensorType::kW4: {
      const int nibble = (row[64 * (j / 2) + g] >> (4 * (j % 2))) & 0xF;
      return static_cast<int8_t>((nibble ^ 8) - 8);
    }
    default:
      return static_cast<int8_t>(row[64 * j + g]);
  }
}

// Sets `n_bits` bits of a byte, from bit `shift`.
inline void WriteBits(uint8_t& byte, int64_t shift, int n_bits, unsigned bits) {
  const unsigned mask = ((1U << n_bits) - 1U) << shift;
  byte = static_cast<uint8_t>((byte & ~mask) | ((bits << shift) & mask));
}

// The inverse of ReadDense; `level` must be one of the type's.
inline void WriteDense(format::TensorType type, uint8_t* row, int64_t g, int64_t j, int8_t level) {
  switch (type) {
    case format::TensorType::kW2:
      return WriteBits(row[g], 2 * j, 2, static_cast<unsigned>(level + format::kW2Max) / 2);
    case format::TensorType::kW3: {
      const unsigned code = static_cast<unsigned>(level + format::kW3Max) / 2;
      WriteBits(row[g], 2 * j, 2, code);
      return WriteBits(row[64 + 8 * j + g / 8], g % 8, 1, code >> 2);
    }
    case format::TensorType::kW4:
      return WriteBits(row[64 * (j / 2) + g], 4 * (j % 2), 4, static_cast<uint8_t>(level));
    default:
      row[64 * j + g] = static_cast<uint8_t>(level);
  }
}

// All 256 weights of one row of one block, in levels. `row` points at the row's bytes; the codebook
// matters to the coded types.
inline void DecodeBlockRow(format::TensorType type, const uint8_t* row, int8_t* levels /*[256]*/,
                           const Codebook& codebook = kCodebook24) {
  for (int64_t g = 0; g < format::kCodesPerBlock; ++g) {
    int8_t* out = levels + 4 * g;
    if (IsCoded(type)) {
      const std::array<int8_t, 4> weights = codebook.Decode(ReadCode(row, g));
      for (int j = 0; j < 4; ++j) out[j] = weights[static_cast<size_t>(j)];
    } else {
      for (int j = 0; j < 4; ++j) out[j] = ReadDense(type, row, g, j);
    }
  }
}

// The inverse of DecodeBlockRow for the dense types; `levels` must be the type's.
inline void EncodeDenseBlockRow(format::TensorType type, const int8_t* levels, uint8_t* row) {
  for (int64_t g = 0; g < format::kCodesPerBlock; ++g) {
    for (int j = 0; j < 4; ++j) WriteDense(type, row, g, j, levels[4 * g + j]);
  }
}

// Where one row of one block lies inside a tensor's blocks.
struct BlockPlace {
  int64_t row_offset;          // of the row's weight bytes
  int64_t multipliers_offset;  // of the row's 8 multipliers
};

inline BlockPlace PlaceOfBlock(format::TensorType type, int64_t n_blocks, int64_t row,
                               int64_t block) {
  const int64_t tile_start = (row / format::kTileRows * n_blocks + block) * TileBlockBytes(type);
  const int64_t in_tile = row % format::kTileRows;
  if (IsCoded(type)) {
    const int64_t at = tile_start + in_tile * kBlockBytesCoded;
    return {at, at + format::kCodeBytes};
  }
  return {tile_start + format::kAlignment + in_tile * BlockRowBytes(type),
          tile_start + in_tile * format::kGroupsPerBlock};
}

// The largest multiplier a tensor of this type and padded width may hold, so that no int32
// accumulator overflows even with activations offset by 128 (see spec/packed.toml). 0: too wide.
inline int64_t MaxMultiplier(format::TensorType type, int64_t cols) {
  const int64_t padded = RoundUp(cols, format::kBlockWeights);
  const int64_t level_sum = type == format::TensorType::kW2S24 ? padded * format::kLevelSumMax24 / 4
                            : type == format::TensorType::kW2Free
                                ? padded * format::kCodebookMax
                                : padded * DenseLevelsOf(type).max;
  const int64_t limit = INT32_MAX / (255 * level_sum);
  return limit < 255 ? limit : 255;
}

}  // namespace accllm
