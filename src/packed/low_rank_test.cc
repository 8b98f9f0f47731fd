#include "packed/low_rank.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "packed/quantized_matrix.h"
#include "packed/tensor_layout.h"

namespace accllm {
namespace {

std::vector<float> RandomValues(int64_t n, uint32_t seed) {
  std::mt19937 rng(seed);
  std::normal_distribution<float> normal(0.0F, 0.3F);
  std::vector<float> values(static_cast<size_t>(n));
  for (float& value : values) value = normal(rng);
  return values;
}

TEST(LowRank, RoundingIsNearestAndCovers) {
  std::vector<float> values = RandomValues(int64_t{4} * 100, 1);
  std::fill(values.begin() + 200, values.begin() + 300, 0.0F);
  const Int8Matrix m = *RoundToInt8(4, 100, values);
  const std::vector<float> rounded = Dequantize(m);
  for (size_t i = 0; i < values.size(); ++i) {
    EXPECT_LE(std::abs(values[i] - rounded[i]), 0.5F * m.row_scales[i / 100] * 1.0001F);
  }
  EXPECT_EQ(m.row_scales[2], 0.0F);
  // Nearly all of the levels are used.
  EXPECT_GE(std::abs(int{*std::max_element(m.levels.begin(), m.levels.end())}), 120);
}

TEST(LowRank, PackAndUnpackAreInverse) {
  for (const int64_t rows : {1, 3, 8, 17}) {
    for (const int64_t cols : {1, 63, 64, 65, 300}) {
      const Int8Matrix m = *RoundToInt8(rows, cols, RandomValues(rows * cols, 2));
      const auto bytes = PackInt8(m);
      ASSERT_TRUE(bytes) << bytes.error().ToString();
      const auto layout = *LayOutTensor(format::TensorType::kI8, rows, cols);
      EXPECT_EQ(std::ssize(*bytes), layout.data_bytes);
      EXPECT_LT(layout.data_bytes, rows * cols + 64 + 2 * rows);  // no padding but the gap
      const auto unpacked = UnpackInt8(rows, cols, *bytes);
      ASSERT_TRUE(unpacked) << unpacked.error().ToString();
      EXPECT_EQ(unpacked->levels, m.levels);
      EXPECT_EQ(unpacked->row_scales, m.row_scales);
    }
  }
}

TEST(LowRank, PackRefusesWhatTheFormatCannotHold) {
  const Int8Matrix good = *RoundToInt8(2, 10, RandomValues(20, 3));
  Int8Matrix bad = good;
  bad.levels[7] = -128;
  EXPECT_FALSE(PackInt8(bad));
  bad = good;
  bad.row_scales[1] = 0.1F;  // no bfloat16
  EXPECT_FALSE(PackInt8(bad));
  bad = good;
  bad.levels.pop_back();
  EXPECT_FALSE(PackInt8(bad));
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(RoundToInt8(1, 2, std::vector<float>{1, infinity}).error().code, ErrorCode::kNumeric);
  EXPECT_EQ(RoundToInt8(1, 2, std::vector<float>{1, std::nanf("")}).error().code,
            ErrorCode::kNumeric);
}

TEST(LowRank, UnpackRefusesInvalidBytes) {
  const std::vector<uint8_t> good = *PackInt8(*RoundToInt8(3, 30, RandomValues(90, 4)));
  const auto refuses = [&](size_t at, uint8_t value) {
    std::vector<uint8_t> bad = good;
    bad[at] = value;
    return !UnpackInt8(3, 30, bad);
  };
  EXPECT_FALSE(refuses(5, 100));
  EXPECT_TRUE(refuses(5, 0x80));  // -128
  EXPECT_TRUE(refuses(100, 1));   // the gap before the row scales
  EXPECT_FALSE(UnpackInt8(3, 50, good));
  std::vector<uint8_t> infinite = good;
  infinite[128] = 0x80;
  infinite[129] = 0x7F;
  EXPECT_FALSE(UnpackInt8(3, 30, infinite));
}

TEST(LowRank, AddsTheProductRowByRow) {
  LowRankValues low_rank = {2, 3, 4, RandomValues(8, 5), RandomValues(6, 6)};
  std::vector<float> whole(12, 1.0F);
  low_rank.AddTo(0, 3, whole);
  for (size_t r = 0; r < 3; ++r) {
    for (size_t k = 0; k < 4; ++k) {
      const float expected =
          1.0F + low_rank.b[r] * low_rank.a[k] + low_rank.b[3 + r] * low_rank.a[4 + k];
      EXPECT_NEAR(whole[4 * r + k], expected, 1e-6);
    }
  }
  std::vector<float> parts(12, 1.0F);
  low_rank.AddTo(1, 3, parts);
  EXPECT_EQ(parts[0], 1.0F);
  low_rank.AddTo(0, 1, parts);
  EXPECT_EQ(parts, whole);
}

}  // namespace
}  // namespace accllm
