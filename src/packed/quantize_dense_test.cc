#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>

#include "base/block_codec.h"
#include "packed/quantized_matrix.h"

namespace accllm {
namespace {

using format::TensorType;

std::vector<float> RandomWeights(int64_t n, uint32_t seed) {
  std::mt19937 rng(seed);
  std::normal_distribution<float> normal(0.0F, 0.02F);
  std::vector<float> w(static_cast<size_t>(n));
  for (float& value : w) value = normal(rng);
  return w;
}

double RelativeError(const QuantizedMatrix& m, const std::vector<float>& w) {
  const std::vector<float> back = Dequantize(m);
  double error = 0;
  double norm = 0;
  for (size_t i = 0; i < w.size(); ++i) {
    const auto difference = static_cast<double>(back[i] - w[i]);
    error += difference * difference;
    norm += static_cast<double>(w[i]) * static_cast<double>(w[i]);
  }
  return error / norm;
}

TEST(QuantizeDense, ManyLevelsStayWithinHalfAStep) {
  rc::check([](uint32_t seed) {
    const int64_t rows = 5;
    const int64_t cols = 257;
    const std::vector<float> w = RandomWeights(rows * cols, seed);
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

TEST(QuantizeDense, ZerosAndNonFinite) {
  std::vector<float> w(64, 0.0F);
  for (const TensorType type :
       {TensorType::kW2, TensorType::kW3, TensorType::kW4, TensorType::kW8}) {
    const auto zeros = QuantizeDense(type, 2, 32, w);
    ASSERT_TRUE(zeros);
    EXPECT_EQ(Dequantize(*zeros), w);
    EXPECT_TRUE(PackMatrix(*zeros));
  }
  w[40] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(QuantizeDense(TensorType::kW8, 2, 32, w).error().code, ErrorCode::kNumeric);
}

// The least squared error of a group over a fine grid of steps, by trying every level.
double LeastError(const DenseLevels& levels, std::span<const float> w) {
  double least = 1e300;
  for (double step = 1e-4; step < 0.06; step *= 1.005) {
    double sum = 0;
    for (const float value : w) {
      double best = 1e300;
      for (int level = -levels.max; level <= levels.max; level += 2) {
        best = std::min(best, std::abs(static_cast<double>(value) - step * level));
      }
      sum += best * best;
    }
    least = std::min(least, sum);
  }
  return least;
}

TEST(QuantizeDense, FewLevelsComeCloseToTheBestStep) {
  const int64_t cols = 32;
  for (const TensorType type : {TensorType::kW2, TensorType::kW3}) {
    double error = 0;
    double least = 0;
    for (uint32_t seed = 0; seed < 40; ++seed) {
      const std::vector<float> w = RandomWeights(cols, seed);
      const auto m = QuantizeDense(type, 1, cols, w);
      ASSERT_TRUE(m);
      const double norm = std::inner_product(w.begin(), w.end(), w.begin(), 0.0);
      error += RelativeError(*m, w) * norm;
      least += LeastError(DenseLevelsOf(type), w);
    }
    EXPECT_LT(error, 1.01 * least);
  }
}

// Groups of 32 Gaussian weights: 0.105 is known for four levels.
TEST(QuantizeDense, KnownErrorsOnGaussianWeights) {
  const std::vector<float> w = RandomWeights(64 * 1024, 7);
  EXPECT_NEAR(RelativeError(*QuantizeDense(TensorType::kW2, 64, 1024, w), w), 0.105, 0.005);
  EXPECT_NEAR(RelativeError(*QuantizeDense(TensorType::kW3, 64, 1024, w), w), 0.031, 0.003);
}

TEST(QuantizeDense, FewLevelsThatFitAreFoundAgain) {
  std::vector<float> w(160);
  for (size_t i = 0; i < w.size(); ++i) w[i] = 0.02F * static_cast<float>(i * 7 % 4) - 0.03F;
  EXPECT_LT(RelativeError(*QuantizeDense(TensorType::kW2, 5, 32, w), w), 1e-6);
}

TEST(QuantizeDense, AGroupFarSmallerThanTheRowsScaleBecomesZero) {
  std::vector<float> w(64, 1.0F);
  std::fill(w.begin() + 32, w.end(), 1e-5F);
  const auto m = QuantizeDense(TensorType::kW2, 1, 64, w);
  ASSERT_TRUE(m);
  EXPECT_EQ(m->multipliers[1], 0);
  EXPECT_LT(RelativeError(*m, w), 1e-6);
}

}  // namespace
}  // namespace accllm
