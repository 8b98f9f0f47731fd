#include "packed/quantized_matrix.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cmath>
#include <limits>
#include <random>

#include "base/block_codec.h"
#include "packed/tensor_layout.h"
#include "packed/testing/random_matrix.h"

namespace accllm {
namespace {

using format::TensorType;

constexpr TensorType kBlockTypes[] = {TensorType::kW2S24, TensorType::kW4, TensorType::kW8};
constexpr int64_t kWidths[] = {1, 3, 4, 255, 256, 257, 700};
constexpr int64_t kHeights[] = {1, 7, 8, 9};

bool Equal(const QuantizedMatrix& a, const QuantizedMatrix& b) {
  return a.type == b.type && a.rows == b.rows && a.cols == b.cols && a.levels == b.levels &&
         a.multipliers == b.multipliers && a.row_scales == b.row_scales;
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
  EXPECT_EQ(layout->data_bytes - layout->weight_bytes, 4096 * 4);
}

TEST(QuantizedMatrix, PackRefusesWhatTheFormatCannotHold) {
  std::mt19937 rng(2);
  QuantizedMatrix matrix = testing::RandomMatrix(TensorType::kW2S24, 8, 256, rng);
  matrix.levels[4] = matrix.levels[5] = matrix.levels[6] = matrix.levels[7] = 1;
  EXPECT_FALSE(PackMatrix(matrix));
  matrix = testing::RandomMatrix(TensorType::kW4, 8, 256, rng);
  matrix.levels[10] = -8;
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

TEST(QuantizedMatrix, DenseRoundingStaysWithinHalfAStep) {
  rc::check([](uint32_t seed) {
    std::mt19937 rng(seed);
    std::normal_distribution<float> normal(0.0F, 0.02F);
    const int64_t rows = 5;
    const int64_t cols = 257;
    std::vector<float> w(static_cast<size_t>(rows * cols));
    for (float& value : w) value = normal(rng);
    for (const TensorType type : {TensorType::kW4, TensorType::kW8}) {
      const auto m = QuantizeDense(type, rows, cols, w);
      RC_ASSERT(m.has_value());
      RC_ASSERT(PackMatrix(*m).has_value());
      const std::vector<float> back = Dequantize(*m);
      for (int64_t i = 0; i < rows * cols; ++i) {
        const int64_t group = i % cols / 32;
        const float step = m->row_scales[static_cast<size_t>(i / cols)] *
                           m->multipliers[static_cast<size_t>(i / cols * m->n_groups() + group)];
        RC_ASSERT(std::abs(back[static_cast<size_t>(i)] - w[static_cast<size_t>(i)]) <=
                  0.5001F * step);
      }
    }
  });
}

TEST(QuantizedMatrix, DenseRoundingOfZerosAndNonFinite) {
  std::vector<float> w(64, 0.0F);
  const auto zeros = QuantizeDense(TensorType::kW8, 2, 32, w);
  ASSERT_TRUE(zeros);
  EXPECT_EQ(Dequantize(*zeros), w);
  w[40] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(QuantizeDense(TensorType::kW8, 2, 32, w).error().code, ErrorCode::kNumeric);
}

}  // namespace
}  // namespace accllm
