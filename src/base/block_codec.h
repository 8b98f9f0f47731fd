// One packed block at a time: the 7-bit 2:4 codes and the dense nibbles, as integers.
// Layout: spec/packed.toml. Readable first; the kernels have their own faster decoders.
#pragma once

#include <array>
#include <cstdint>

#include "spec/packed_format.h"

namespace accllm {

inline constexpr int64_t kBlockBytes24 = 64;

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
    case format::TensorType::kW2S24:
      return 64;
    default:
      return 0;
  }
}

// Bytes of one row tile of one block, with its scale beat if the type has one.
constexpr int64_t TileBlockBytes(format::TensorType type) {
  const int64_t rows = BlockRowBytes(type) * format::kTileRows;
  return type == format::TensorType::kW2S24 || rows == 0 ? rows : rows + format::kAlignment;
}

// The four weights (in levels) that a 2:4 code stands for; an invalid code gives zeros.
inline std::array<int8_t, 4> DecodeCode24(uint8_t code) {
  std::array<int8_t, 4> weights = {};
  const unsigned pattern = (code >> 4) & 7U;
  if (pattern < 6) {
    weights[format::kPatterns[pattern][0]] = format::kLevels[code & 3U];
    weights[format::kPatterns[pattern][1]] = format::kLevels[(code >> 2) & 3U];
  }
  return weights;
}

// Code number `index` (0..63) of a 64-byte block.
inline uint8_t ReadCode24(const uint8_t* block, int64_t index) {
  const int64_t bit = index * format::kCodeBits;
  const unsigned low = block[bit / 8];
  const unsigned high = block[bit / 8 + 1];  // at worst byte 56: its bits are masked away
  return static_cast<uint8_t>(((low | (high << 8)) >> (bit % 8)) & 0x7FU);
}

// Sets code number `index` of a block whose code bytes were zero before.
inline void WriteCode24(uint8_t* block, int64_t index, uint8_t code) {
  const int64_t bit = index * format::kCodeBits;
  const unsigned shifted = static_cast<unsigned>(code & 0x7FU) << (bit % 8);
  block[bit / 8] |= static_cast<uint8_t>(shifted & 0xFFU);
  if (shifted > 0xFFU) block[bit / 8 + 1] |= static_cast<uint8_t>(shifted >> 8);
}

// All 256 weights of one row of one block, in levels. `row` points at the row's bytes.
inline void DecodeBlockRow(format::TensorType type, const uint8_t* row, int8_t* levels /*[256]*/) {
  for (int64_t g = 0; g < format::kCodesPerBlock; ++g) {
    int8_t* out = levels + 4 * g;
    if (type == format::TensorType::kW2S24) {
      const std::array<int8_t, 4> weights = DecodeCode24(ReadCode24(row, g));
      for (int j = 0; j < 4; ++j) out[j] = weights[static_cast<size_t>(j)];
    } else if (type == format::TensorType::kW4) {
      for (int j = 0; j < 4; ++j) {
        const unsigned nibble = (row[64 * (j / 2) + g] >> (4 * (j % 2))) & 0xFU;
        out[j] = static_cast<int8_t>(static_cast<int>(nibble ^ 8U) - 8);
      }
    } else {
      for (int j = 0; j < 4; ++j) out[j] = static_cast<int8_t>(row[64 * j + g]);
    }
  }
}

// The inverse of DecodeBlockRow for the dense types; `levels` must be in range of the type.
inline void EncodeDenseBlockRow(format::TensorType type, const int8_t* levels, uint8_t* row) {
  for (int64_t g = 0; g < format::kCodesPerBlock; ++g) {
    for (int j = 0; j < 4; ++j) {
      const auto level = static_cast<uint8_t>(levels[4 * g + j]);
      if (type == format::TensorType::kW8) {
        row[64 * j + g] = level;
      } else {
        const int shift = 4 * (j % 2);
        uint8_t& byte = row[64 * (j / 2) + g];
        byte = static_cast<uint8_t>((byte & (0xF0U >> shift)) | ((level & 0xFU) << shift));
      }
    }
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
  if (type == format::TensorType::kW2S24) {
    const int64_t at = tile_start + in_tile * kBlockBytes24;
    return {at, at + format::kCodeBytes};
  }
  return {tile_start + format::kAlignment + in_tile * BlockRowBytes(type),
          tile_start + in_tile * format::kGroupsPerBlock};
}

// The largest multiplier a tensor of this type and padded width may hold, so that no int32
// accumulator overflows even with activations offset by 128 (see spec/packed.toml). 0: too wide.
inline int64_t MaxMultiplier(format::TensorType type, int64_t cols) {
  const int64_t padded = RoundUp(cols, format::kBlockWeights);
  int64_t level_sum = padded * format::kLevelSumMax24 / 4;
  if (type == format::TensorType::kW4) level_sum = padded * format::kW4Max;
  if (type == format::TensorType::kW8) level_sum = padded * format::kW8Max;
  const int64_t limit = INT32_MAX / (255 * level_sum);
  return limit < 255 ? limit : 255;
}

}  // namespace accllm
