#include "base/block_codec.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <array>
#include <numeric>
#include <set>
#include <vector>

namespace accllm {
namespace {

using format::TensorType;

TEST(BlockCodec, CodesAreExactlyThe96SparsePatterns) {
  std::set<std::array<int8_t, 4>> seen;
  for (int code = 0; code < 96; ++code) {
    const auto weights = DecodeCode24(static_cast<uint8_t>(code));
    EXPECT_EQ(std::count(weights.begin(), weights.end(), 0), 2) << code;
    for (const int8_t w : weights) EXPECT_LE(std::abs(w), 2);
    EXPECT_TRUE(seen.insert(weights).second) << code;
  }
  for (int code = 96; code < 128; ++code) {
    EXPECT_EQ(DecodeCode24(static_cast<uint8_t>(code)), (std::array<int8_t, 4>{}));
  }
}

TEST(BlockCodec, CodesRoundTripAndLeaveTheMultipliersAlone) {
  rc::check([](const std::array<uint8_t, 64>& raw) {
    std::array<uint8_t, 64> block = {};
    for (int q = 0; q < 8; ++q) block[static_cast<size_t>(56 + q)] = static_cast<uint8_t>(q + 100);
    for (int64_t i = 0; i < 64; ++i) {
      WriteCode(block.data(), i, static_cast<uint8_t>(raw[static_cast<size_t>(i)] & 0x7F));
    }
    for (int64_t i = 0; i < 64; ++i) {
      RC_ASSERT(ReadCode(block.data(), i) == (raw[static_cast<size_t>(i)] & 0x7F));
    }
    for (int q = 0; q < 8; ++q) RC_ASSERT(block[static_cast<size_t>(56 + q)] == q + 100);
  });
}

TEST(BlockCodec, DenseRowsRoundTrip) {
  for (const TensorType type :
       {TensorType::kW2, TensorType::kW3, TensorType::kW4, TensorType::kW8}) {
    const DenseLevels dense = DenseLevelsOf(type);
    std::vector<int8_t> levels(256);
    for (int i = 0; i < 256; ++i) {
      const int level = (i * 37) % (2 * dense.max + 1) - dense.max;
      levels[static_cast<size_t>(i)] = static_cast<int8_t>(dense.odd_only ? level | 1 : level);
      ASSERT_TRUE(dense.Holds(levels[static_cast<size_t>(i)]));
    }
    std::vector<uint8_t> row(static_cast<size_t>(BlockRowBytes(type)), 0xAA);
    EncodeDenseBlockRow(type, levels.data(), row.data());
    std::vector<int8_t> decoded(256);
    DecodeBlockRow(type, row.data(), decoded.data());
    EXPECT_EQ(decoded, levels);
  }
}

// Every byte decodes to levels of the type, and code 0 is the padding level.
TEST(BlockCodec, EveryByteOfTheOddTypesIsValid) {
  for (const TensorType type : {TensorType::kW2, TensorType::kW3}) {
    const DenseLevels dense = DenseLevelsOf(type);
    std::set<int8_t> seen;
    for (int byte = 0; byte < 256; ++byte) {
      const std::vector<uint8_t> row(static_cast<size_t>(BlockRowBytes(type)),
                                     static_cast<uint8_t>(byte));
      std::vector<int8_t> levels(256);
      DecodeBlockRow(type, row.data(), levels.data());
      for (const int8_t level : levels) ASSERT_TRUE(dense.Holds(level)) << byte;
      seen.insert(levels.begin(), levels.end());
      const auto n_lowest = std::count(levels.begin(), levels.end(), dense.padding());
      EXPECT_EQ(n_lowest == 256, byte == 0);
    }
    EXPECT_EQ(static_cast<int>(seen.size()), dense.max + 1);
  }
}

TEST(BlockCodec, RowsOfATensorDoNotOverlap) {
  for (const TensorType type : {TensorType::kW2S24, TensorType::kW2Free, TensorType::kW2,
                                TensorType::kW3, TensorType::kW4, TensorType::kW8}) {
    const int64_t n_blocks = 3;
    const int64_t rows = 16;
    std::vector<int> used(static_cast<size_t>(rows / 8 * n_blocks * TileBlockBytes(type)));
    for (int64_t row = 0; row < rows; ++row) {
      for (int64_t block = 0; block < n_blocks; ++block) {
        const BlockPlace place = PlaceOfBlock(type, n_blocks, row, block);
        const int64_t weight_bytes = IsCoded(type) ? 56 : BlockRowBytes(type);
        for (int64_t i = 0; i < weight_bytes; ++i)
          ++used[static_cast<size_t>(place.row_offset + i)];
        for (int64_t i = 0; i < 8; ++i) ++used[static_cast<size_t>(place.multipliers_offset + i)];
      }
    }
    EXPECT_EQ(used, std::vector<int>(used.size(), 1));
  }
}

TEST(BlockCodec, MultiplierLimitKeepsAccumulatorsInRange) {
  EXPECT_EQ(MaxMultiplier(TensorType::kW2S24, 16384), 255);
  EXPECT_EQ(MaxMultiplier(TensorType::kW8, 4096), 16);
  for (const int64_t cols : {1, 255, 256, 257, 4096, 11008, 16384, 28672}) {
    const int64_t padded = RoundUp(cols, 256);
    EXPECT_LE(MaxMultiplier(TensorType::kW8, cols) * 127 * 255 * padded, INT32_MAX);
    EXPECT_LE(MaxMultiplier(TensorType::kW4, cols) * 7 * 255 * padded, INT32_MAX);
    EXPECT_LE(MaxMultiplier(TensorType::kW3, cols) * 7 * 255 * padded, INT32_MAX);
    EXPECT_LE(MaxMultiplier(TensorType::kW2, cols) * 3 * 255 * padded, INT32_MAX);
    EXPECT_LE(MaxMultiplier(TensorType::kW2S24, cols) * 255 * padded, INT32_MAX);
    EXPECT_LE(MaxMultiplier(TensorType::kW2Free, cols) * 8 * 255 * padded, INT32_MAX);
    EXPECT_GE(MaxMultiplier(TensorType::kW8, cols), 1);
  }
}

}  // namespace
}  // namespace accllm
