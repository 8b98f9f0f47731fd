#include "packed/quantized_matrix.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>

#include "base/block_codec.h"
#include "packed/tensor_layout.h"
#include "packed/testing/random_matrix.h"

namespace accllm {
namespace {

using format::TensorType;

constexpr TensorType kBlockTypes[] = {TensorType::kW2S24, TensorType::kW2Free, TensorType::kW2,
                                      TensorType::kW3,    TensorType::kW4,     TensorType::kW8};
constexpr int64_t kWidths[] = {1, 3, 4, 255, 256, 257, 700};
constexpr int64_t kHeights[] = {1, 7, 8, 9};

bool Equal(const QuantizedMatrix& a, const QuantizedMatrix& b) {
  return a.type == b.type && a.rows == b.rows && a.cols == b.cols && a.levels == b.levels &&
         a.multipliers == b.multipliers && a.row_scales == b.row_scales && a.codebook == b.codebook;
}

TEST(QuantizedMatrix, PackAndUnpackAreInverse) {
  std::mt19937 rng(1);
  for (const TensorType type : kBlockTypes) {
    for (const int64_t rows : kHeights) {
      for (const int64_t cols : kWidths) {
        const QuantizedMatrix matrix = testing::RandomMatrix(type, rows, cols, rng);
        const auto bytes = PackMatrix(matrix);
        ASSERT_TRUE(bytes) << bytes.error().ToString();
        EXPECT_EQ(static_cast<int64_t>(bytes->size()), LayOutTensor(type, rows, cols)->data_bytes);
        const auto unpacked = UnpackMatrix(type, rows, cols, *bytes);
        ASSERT_TRUE(unpacked) << unpacked.error().ToString();
        EXPECT_TRUE(Equal(matrix, *unpacked)) << TensorTypeLabel(type) << rows << "x" << cols;
      }
    }
  }
}

TEST(QuantizedMatrix, TwoBitsAWeightWithEverythingInside) {
  const auto layout = LayOutTensor(TensorType::kW2S24, 4096, 4096);
  EXPECT_EQ(layout->weight_bytes * 8, int64_t{2} * 4096 * 4096);
  EXPECT_EQ(layout->data_bytes - layout->weight_bytes, 4096 * 2);
}

TEST(QuantizedMatrix, RowScalesAreBfloat16) {
  EXPECT_EQ(NearestRowScale(1.0F + 0x1p-9F), 1.0F);  // a tie, to even
  EXPECT_EQ(NearestRowScale(1.0F + 0x1.8p-8F), 1.0F + 0x1p-7F);
  EXPECT_EQ(CoveringRowScale(1.0F), 1.0F);
  EXPECT_EQ(CoveringRowScale(1.0F + 0x1p-23F), 1.0F + 0x1p-7F);
  EXPECT_EQ(CoveringRowScale(-1.0F - 0x1p-23F), -1.0F - 0x1p-7F);
  std::mt19937 rng(4);
  QuantizedMatrix matrix = testing::RandomMatrix(TensorType::kW4, 8, 256, rng);
  ASSERT_TRUE(PackMatrix(matrix));
  matrix.row_scales[3] = 0.1F;
  const auto packed = PackMatrix(matrix);
  ASSERT_FALSE(packed);
  EXPECT_NE(packed.error().message.find("row 3"), std::string::npos);
}

TEST(QuantizedMatrix, PackRefusesWhatTheFormatCannotHold) {
  std::mt19937 rng(2);
  QuantizedMatrix matrix = testing::RandomMatrix(TensorType::kW2S24, 8, 256, rng);
  matrix.levels[4] = matrix.levels[5] = matrix.levels[6] = matrix.levels[7] = 1;
  EXPECT_FALSE(PackMatrix(matrix));
  matrix = testing::RandomMatrix(TensorType::kW2Free, 8, 256, rng);
  matrix.codebook = {};  // all codes stand for zeros
  EXPECT_FALSE(PackMatrix(matrix));
  matrix = testing::RandomMatrix(TensorType::kW2Free, 8, 256, rng);
  matrix.codebook.levels[2][100] = -9;
  EXPECT_FALSE(PackMatrix(matrix));
  matrix = testing::RandomMatrix(TensorType::kW4, 8, 256, rng);
  matrix.levels[10] = -8;
  EXPECT_FALSE(PackMatrix(matrix));
  for (const int8_t level : {0, -5, 5}) {  // even, too small, too large
    matrix = testing::RandomMatrix(TensorType::kW2, 8, 256, rng);
    matrix.levels[10] = level;
    EXPECT_FALSE(PackMatrix(matrix)) << int{level};
  }
  matrix = testing::RandomMatrix(TensorType::kW3, 8, 256, rng);
  matrix.levels[10] = 4;
  EXPECT_FALSE(PackMatrix(matrix));
  matrix = testing::RandomMatrix(TensorType::kW8, 8, 4096, rng);
  matrix.multipliers[3] = 17;  // the limit at this width is 16
  EXPECT_FALSE(PackMatrix(matrix));
  matrix.multipliers[3] = 16;
  EXPECT_TRUE(PackMatrix(matrix));
  matrix.row_scales[1] = std::numeric_limits<float>::infinity();
  EXPECT_FALSE(PackMatrix(matrix));
}

TEST(QuantizedMatrix, UnpackRefusesInvalidBytes) {
  std::mt19937 rng(3);
  const QuantizedMatrix matrix = testing::RandomMatrix(TensorType::kW2S24, 3, 300, rng);
  const std::vector<uint8_t> good = *PackMatrix(matrix);
  const auto refuses = [&](size_t at, uint8_t value) {
    std::vector<uint8_t> bad = good;
    bad[at] = value;
    return !UnpackMatrix(TensorType::kW2S24, 3, 300, bad);
  };
  EXPECT_TRUE(refuses(0, 0x7F));         // reserved code
  EXPECT_TRUE(refuses(3 * 64 + 56, 1));  // multiplier of a padding row
  const BlockPlace last = PlaceOfBlock(TensorType::kW2S24, 2, 0, 1);
  EXPECT_TRUE(refuses(static_cast<size_t>(last.multipliers_offset + 2), 1));  // of padding columns
  EXPECT_TRUE(refuses(good.size() - 1, 1));                                   // scale of padding
}

TEST(QuantizedMatrix, UnpackRefusesALargeLevelOfACodebook) {
  std::mt19937 rng(5);
  std::vector<uint8_t> bytes = *PackMatrix(testing::RandomMatrix(TensorType::kW2Free, 3, 300, rng));
  ASSERT_TRUE(UnpackMatrix(TensorType::kW2Free, 3, 300, bytes));
  const auto offset =
      static_cast<size_t>(LayOutTensor(TensorType::kW2Free, 3, 300)->codebook_offset);
  bytes[offset - 1] = 1;  // between the row scales and the codebook
  EXPECT_FALSE(UnpackMatrix(TensorType::kW2Free, 3, 300, bytes));
  bytes[offset - 1] = 0;
  bytes[offset + 511] = 9;
  EXPECT_FALSE(UnpackMatrix(TensorType::kW2Free, 3, 300, bytes));
}

}  // namespace
}  // namespace accllm
