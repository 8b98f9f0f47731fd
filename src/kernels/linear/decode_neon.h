// The packed blocks of linear.h on NEON: one decoder per type. Only *_neon* files may include it;
// each is compiled for a CPU of its own, so nothing here has linkage. A decoder is built once per
// call, so that its tables stay in registers. It has
//   kType        the TensorType
//   kOffset      what is added to a level, so that none is negative
//   DecodedRow Decode(tile_block, row)
#pragma once

#include <arm_neon.h>

#include <array>
#include <cstdint>
#include <iterator>

#include "base/block_codec.h"

namespace accllm::kernels::neon {
namespace {

using Table16 = std::array<uint8_t, 16>;
using Table32 = std::array<uint8_t, 32>;

inline uint8x16_t LoadTable(const Table16& table) { return vld1q_u8(table.data()); }
inline uint8x16x2_t LoadTable(const Table32& table) { return vld1q_u8_x2(table.data()); }

// One row of one block. Quarter i of a block is its weights 64 i .. 64 i + 63.
struct DecodedRow {
  uint8x16_t levels[4][4];    // byte g of [j][i] is level + kOffset of weight 4 g + j of quarter i
  uint32x4_t multipliers[2];  // lane l of [h] is the multiplier of weights 128 h + 32 l .. + 31
};

inline void SpreadMultipliers(const uint8_t* multipliers, uint32x4_t out[2]) {
  const uint16x8_t words = vmovl_u8(vld1_u8(multipliers));
  out[0] = vmovl_u16(vget_low_u16(words));
  out[1] = vmovl_high_u16(words);
}

// Byte i is f of where code i of a block begins: in which byte, at which bit.
template <class F>
constexpr Table16 ForEachCode(F f) {
  Table16 table = {};
  for (size_t i = 0; i < table.size(); ++i) {
    const size_t bit = i * format::kCodeBits;
    table[i] = static_cast<uint8_t>(f(bit / 8, bit % 8));
  }
  return table;
}

// Spreads 14 bytes to the 16 codes that they hold, a byte each; bit 7 is the next code's first. A
// code is the top of one byte, shifted down, and the bottom of the next, multiplied up. Reads 16
// bytes.
class SpreadCodes {
 public:
  uint8x16_t operator()(const uint8_t* bytes) const {
    const uint8x16_t block = vld1q_u8(bytes);
    const uint8x16_t low = vshlq_u8(vqtbl1q_u8(block, low_bytes_), shifts_);
    return vmlaq_u8(low, vqtbl1q_u8(block, high_bytes_), factors_);
  }

 private:
  static constexpr Table16 kLowBytes = ForEachCode([](size_t byte, size_t) { return byte; });
  static constexpr Table16 kHighBytes = ForEachCode([](size_t byte, size_t) { return byte + 1; });
  static constexpr Table16 kShifts = ForEachCode([](size_t, size_t bit) { return 0 - bit; });
  // A code that begins its byte lies in that alone: the factor is 2^8, which is 0 here.
  static constexpr Table16 kFactors = ForEachCode([](size_t, size_t bit) { return 256U >> bit; });

  uint8x16_t low_bytes_ = LoadTable(kLowBytes);
  uint8x16_t high_bytes_ = LoadTable(kHighBytes);
  int8x16_t shifts_ = vreinterpretq_s8_u8(LoadTable(kShifts));
  uint8x16_t factors_ = LoadTable(kFactors);
};

class Decoder24 {
 public:
  static constexpr format::TensorType kType = format::TensorType::kW2S24;
  static constexpr uint8_t kOffset = 2;

  DecodedRow Decode(const uint8_t* tile_block, int64_t row) const {
    const uint8_t* block = tile_block + kBlockBytesCoded * row;
    DecodedRow out;
    for (int i = 0; i < 4; ++i) {
      const uint8x16_t codes = spread_codes_(block + 14 * i);
      const uint8x16_t fields = vandq_u8(codes, vdupq_n_u8(0xF));
      const uint8x16_t patterns = vshrq_n_u8(codes, 4);
      for (int j = 0; j < 4; ++j) {
        out.levels[j][i] = vqtbl2q_u8(levels_, vorrq_u8(fields, vqtbl1q_u8(masks_[j], patterns)));
      }
    }
    SpreadMultipliers(block + format::kCodeBytes, out.multipliers);
    return out;
  }

 private:
  // kMasks[j][pattern]: the bits of a code to be covered, so that those are left that choose the
  // level of weight j; or a bit that no code has, for a zero. Bit 3 of the pattern is the next
  // code's and does not matter.
  static constexpr std::array<Table16, 4> kMasks = [] {
    std::array<Table16, 4> masks = {};
    for (Table16& mask : masks) mask.fill(0x10);
    for (size_t pattern = 0; pattern < std::size(format::kPatterns); ++pattern) {
      for (const size_t same : {pattern, pattern + 8}) {
        masks[format::kPatterns[pattern][0]][same] = 0xC;
        masks[format::kPatterns[pattern][1]][same] = 0x3;
      }
    }
    return masks;
  }();
  // The level of four bits of which two are covered, be they the upper or the lower ones; zeros
  // behind.
  static constexpr Table32 kLevelOf = [] {
    Table32 levels = {};
    levels.fill(kOffset);
    for (size_t bits = 0; bits < 4; ++bits) {
      levels[0xC | bits] = static_cast<uint8_t>(format::kLevels[bits] + kOffset);
      levels[bits << 2 | 0x3] = static_cast<uint8_t>(format::kLevels[bits] + kOffset);
    }
    return levels;
  }();

  SpreadCodes spread_codes_;
  uint8x16x2_t levels_ = LoadTable(kLevelOf);
  uint8x16_t masks_[4] = {LoadTable(kMasks[0]), LoadTable(kMasks[1]), LoadTable(kMasks[2]),
                          LoadTable(kMasks[3])};
};

// A look-up among 128 levels is two among 64, each of which leaves the other's alone.
class DecoderFree {
 public:
  static constexpr format::TensorType kType = format::TensorType::kW2Free;
  static constexpr uint8_t kOffset = 128;

  explicit DecoderFree(const Codebook& codebook) {
    for (size_t j = 0; j < 4; ++j) {
      for (size_t code = 0; code < format::kCodes; ++code) {
        tables_[j][code] = static_cast<uint8_t>(codebook.levels[j][code] + kOffset);
      }
    }
  }

  DecodedRow Decode(const uint8_t* tile_block, int64_t row) const {
    const uint8_t* block = tile_block + kBlockBytesCoded * row;
    uint8x16_t low[4];   // code, of use if below 64
    uint8x16_t high[4];  // code - 64, of use if not below 0
    for (int i = 0; i < 4; ++i) {
      low[i] = vandq_u8(spread_codes_(block + 14 * i), vdupq_n_u8(0x7F));
      high[i] = vsubq_u8(low[i], vdupq_n_u8(64));
    }
    DecodedRow out;
    for (int j = 0; j < 4; ++j) {
      const uint8x16x4_t low_table = vld1q_u8_x4(tables_[j]);
      const uint8x16x4_t high_table = vld1q_u8_x4(tables_[j] + 64);
      for (int i = 0; i < 4; ++i) {
        out.levels[j][i] = vqtbx4q_u8(vqtbl4q_u8(low_table, low[i]), high_table, high[i]);
      }
    }
    SpreadMultipliers(block + format::kCodeBytes, out.multipliers);
    return out;
  }

 private:
  SpreadCodes spread_codes_;
  alignas(64) uint8_t tables_[4][format::kCodes];
};

// 2 c for the code c in bits `shift` and `shift` + 1 of a nibble.
constexpr Table16 TwiceTheCodeAt(size_t shift) {
  Table16 table = {};
  for (size_t bits = 0; bits < table.size(); ++bits) {
    table[bits] = static_cast<uint8_t>(2 * ((bits >> shift) & 3U));
  }
  return table;
}

// Bytes of four 2-bit codes c as four vectors of 2 c.
class TwoBitCodes {
 public:
  void Decode(const uint8_t* bytes, uint8x16_t levels[4][4]) const {
    for (int i = 0; i < 4; ++i) {
      const uint8x16_t codes = vld1q_u8(bytes + 16 * i);
      const uint8x16_t low = vandq_u8(codes, vdupq_n_u8(0xF));
      const uint8x16_t high = vshrq_n_u8(codes, 4);
      levels[0][i] = vqtbl1q_u8(first_, low);
      levels[1][i] = vqtbl1q_u8(second_, low);
      levels[2][i] = vqtbl1q_u8(first_, high);
      levels[3][i] = vqtbl1q_u8(second_, high);
    }
  }

 private:
  static constexpr Table16 kFirst = TwiceTheCodeAt(0);
  static constexpr Table16 kSecond = TwiceTheCodeAt(2);

  uint8x16_t first_ = LoadTable(kFirst);
  uint8x16_t second_ = LoadTable(kSecond);
};

class Decoder2 {
 public:
  static constexpr format::TensorType kType = format::TensorType::kW2;
  static constexpr uint8_t kOffset = format::kW2Max;

  DecodedRow Decode(const uint8_t* tile_block, int64_t row) const {
    DecodedRow out;
    codes_.Decode(tile_block + format::kAlignment + 64 * row, out.levels);
    SpreadMultipliers(tile_block + format::kGroupsPerBlock * row, out.multipliers);
    return out;
  }

 private:
  TwoBitCodes codes_;
};

class Decoder3 {
 public:
  static constexpr format::TensorType kType = format::TensorType::kW3;
  static constexpr uint8_t kOffset = format::kW3Max;

  Decoder3() {
    for (size_t i = 0; i < 4; ++i) byte_of_[i] = LoadTable(kByteOf[i]);
  }

  DecodedRow Decode(const uint8_t* tile_block, int64_t row) const {
    const uint8_t* bytes = tile_block + format::kAlignment + 96 * row;
    DecodedRow out;
    codes_.Decode(bytes, out.levels);
    for (int j = 0; j < 4; ++j) {
      const uint8x8_t eight = vld1_u8(bytes + 64 + 8 * j);
      const uint8x16_t high = vcombine_u8(eight, eight);
      for (int i = 0; i < 4; ++i) {
        // A set high bit makes the level 8 more; the test gives -1 for it.
        const uint8x16_t is_set = vtstq_u8(vqtbl1q_u8(high, byte_of_[i]), bit_of_);
        out.levels[j][i] = vmlsq_u8(out.levels[j][i], is_set, vdupq_n_u8(8));
      }
    }
    SpreadMultipliers(tile_block + format::kGroupsPerBlock * row, out.multipliers);
    return out;
  }

 private:
  // kByteOf[i][g]: which of 64 bits' 8 bytes holds bit 16 i + g.
  static constexpr std::array<Table16, 4> kByteOf = [] {
    std::array<Table16, 4> tables = {};
    for (size_t k = 0; k < 64; ++k) tables[k / 16][k % 16] = static_cast<uint8_t>(k / 8);
    return tables;
  }();
  static constexpr Table16 kBitOf = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};

  TwoBitCodes codes_;
  uint8x16_t byte_of_[4];
  uint8x16_t bit_of_ = LoadTable(kBitOf);
};

class Decoder4 {
 public:
  static constexpr format::TensorType kType = format::TensorType::kW4;
  static constexpr uint8_t kOffset = 8;

  DecodedRow Decode(const uint8_t* tile_block, int64_t row) const {
    const uint8_t* bytes = tile_block + format::kAlignment + 128 * row;
    DecodedRow out;
    for (int j = 0; j < 4; j += 2) {
      for (int i = 0; i < 4; ++i) {
        // Adding 8 to a two's complement nibble turns its sign bit around.
        const uint8x16_t pair = veorq_u8(vld1q_u8(bytes + 32 * j + 16 * i), vdupq_n_u8(0x88));
        out.levels[j][i] = vandq_u8(pair, vdupq_n_u8(0xF));
        out.levels[j + 1][i] = vshrq_n_u8(pair, 4);
      }
    }
    SpreadMultipliers(tile_block + format::kGroupsPerBlock * row, out.multipliers);
    return out;
  }
};

class Decoder8 {
 public:
  static constexpr format::TensorType kType = format::TensorType::kW8;
  static constexpr uint8_t kOffset = 128;

  DecodedRow Decode(const uint8_t* tile_block, int64_t row) const {
    const uint8_t* bytes = tile_block + format::kAlignment + 256 * row;
    DecodedRow out;
    for (int j = 0; j < 4; ++j) {
      for (int i = 0; i < 4; ++i) {
        out.levels[j][i] = veorq_u8(vld1q_u8(bytes + 64 * j + 16 * i), vdupq_n_u8(kOffset));
      }
    }
    SpreadMultipliers(tile_block + format::kGroupsPerBlock * row, out.multipliers);
    return out;
  }
};

}  // namespace
}  // namespace accllm::kernels::neon
