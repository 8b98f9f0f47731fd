#include "tune/trainable_matrix.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "base/block_codec.h"
#include "tune/testing/gradient_check.h"

namespace accllm::tune {
namespace {

using testing::RandomValues;

Codebook AnyCodebook() {
  const std::vector<float> values = RandomValues(4 * format::kCodes, 8, 3.0F);
  Codebook codebook;
  for (size_t code = 0; code < format::kCodes; ++code) {
    for (size_t j = 0; j < 4; ++j) {
      codebook.levels[j][code] =
          static_cast<int8_t>(std::clamp(std::nearbyint(values[4 * code + j]), -8.0F, 8.0F));
    }
  }
  return codebook;
}

// A valid matrix of a coded type whose code depends on row and column.
QuantizedMatrix AnyMatrix(int64_t rows, int64_t cols,
                          format::TensorType type = format::TensorType::kW2S24) {
  QuantizedMatrix q = EmptyMatrix(type, rows, cols);
  if (type == format::TensorType::kW2Free) q.codebook = AnyCodebook();
  const NearestCode nearest(q.codebook);
  const std::vector<float> values = RandomValues(rows * q.level_cols(), 7, 1.5F);
  for (size_t four = 0; four < q.levels.size(); four += 4) {
    if (type == format::TensorType::kW2Free) {
      const std::array<int8_t, 4> levels = q.codebook.Decode(nearest(&values[four]));
      std::copy(levels.begin(), levels.end(), &q.levels[four]);
    } else {
      RoundFour(&values[four], nullptr, &q.levels[four]);
    }
  }
  for (size_t i = 0; i < q.multipliers.size(); ++i) {
    q.multipliers[i] = static_cast<uint8_t>(40 + i % 100);
  }
  for (size_t r = 0; r < q.row_scales.size(); ++r)
    q.row_scales[r] = NearestRowScale(0.01F + 0.001F * r);
  return q;
}

// `round` gives the nearest of the first `n_codes` codes.
template <typename Round>
void ExpectNearest(const Codebook& codebook, uint8_t n_codes, const Round& round) {
  const std::vector<float> values = RandomValues(4 * 2000, 1, 1.5F);
  for (size_t at = 0; at < values.size(); at += 4) {
    const auto distance = [&](const std::array<int8_t, 4>& levels) {
      double sum = 0;
      for (size_t i = 0; i < 4; ++i) {
        sum += std::pow(static_cast<double>(values[at + i]) - static_cast<double>(levels[i]), 2);
      }
      return sum;
    };
    double best = std::numeric_limits<double>::infinity();
    for (uint8_t code = 0; code < n_codes; ++code) {
      best = std::min(best, distance(codebook.Decode(code)));
    }
    std::array<int8_t, 4> levels = {};
    round(&values[at], levels.data());
    EXPECT_NEAR(distance(levels), best, 1e-5);
  }
}

TEST(RoundFour, IsTheNearestOfAllCodes) {
  ExpectNearest(kCodebook24, 96,
                [](const float* values, int8_t* levels) { RoundFour(values, nullptr, levels); });
}

TEST(NearestCode, IsTheNearestOfAllCodes) {
  const Codebook codebook = AnyCodebook();
  const NearestCode nearest(codebook);
  ExpectNearest(codebook, 128, [&](const float* values, int8_t* levels) {
    const std::array<int8_t, 4> four = codebook.Decode(nearest(values));
    std::copy(four.begin(), four.end(), levels);
  });
}

TEST(RoundFour, KeepsAMask) {
  const std::array<float, 4> values = {5.0F, 0.1F, -4.0F, 0.2F};
  const std::array<int8_t, 4> mask = {0, 1, 0, -2};
  std::array<int8_t, 4> levels = {};
  RoundFour(values.data(), mask.data(), levels.data());
  EXPECT_EQ(levels, (std::array<int8_t, 4>{0, 1, 0, 1}));
}

TEST(TrainableMatrix, StartsWhereItWasGiven) {
  ThreadPool pool(2);
  for (const auto type : {format::TensorType::kW2S24, format::TensorType::kW2Free}) {
    const QuantizedMatrix start = AnyMatrix(5, 70, type);  // the last group is short
    TrainableMatrix matrix(start, false);
    matrix.Round(pool);
    EXPECT_EQ(matrix.quantized().levels, start.levels);
    EXPECT_EQ(matrix.quantized().multipliers, start.multipliers);
    EXPECT_EQ(matrix.quantized().row_scales, start.row_scales);
    EXPECT_EQ(Dequantize(matrix.quantized()), Dequantize(start));
  }
}

TEST(TrainableMatrix, LevelsThatStayAreTheSameAfterItWasClosed) {
  ThreadPool pool(2);
  for (const auto type : {format::TensorType::kW2S24, format::TensorType::kW2Free}) {
    const QuantizedMatrix start = AnyMatrix(5, 70, type);
    TrainableMatrix matrix(start, false, Trained::kScales);
    const std::vector<float> dw = RandomValues(5 * 70, 3);
    matrix.Step(dw, {.levels = 0.5F, .tables = 0.5F, .scales = 0.1F}, 1, pool);
    const QuantizedMatrix moved = matrix.quantized();
    EXPECT_EQ(moved.levels, start.levels);
    EXPECT_EQ(moved.codebook, start.codebook);
    EXPECT_NE(moved.multipliers, start.multipliers);
    EXPECT_NE(moved.row_scales, start.row_scales);
    for (int i = 0; i < 2; ++i) {
      matrix.Close();
      EXPECT_TRUE(matrix.quantized().levels.empty());
      matrix.Open(pool);
      EXPECT_EQ(*PackMatrix(matrix.quantized()), *PackMatrix(moved));
    }
  }
}

constexpr LearningRates kRates = {.levels = 0.03F, .tables = 0.01F, .scales = 0.01F, .norms = 0};

// Squared distance from a target, by gradient descent on the whole matrix.
double DistanceAfter(int64_t n_steps, TrainableMatrix& matrix, const std::vector<float>& target,
                     ThreadPool& pool, const LearningRates& rates = kRates) {
  for (int64_t step = 1;; ++step) {
    std::vector<float> w = Dequantize(matrix.quantized());
    double sum = 0;
    for (size_t i = 0; i < w.size(); ++i) {
      w[i] -= target[i];
      sum += static_cast<double>(w[i] * w[i]);
    }
    if (step > n_steps) return sum;
    matrix.Step(w, rates, step, pool);
  }
}

TEST(TrainableMatrix, DescendsToTheTargetsOwnCodes) {
  ThreadPool pool(2);
  for (const auto type : {format::TensorType::kW2S24, format::TensorType::kW2Free}) {
    const QuantizedMatrix goal = AnyMatrix(6, 64, type);
    const std::vector<float> target = Dequantize(goal);
    QuantizedMatrix start = goal;
    const uint8_t first_code = type == format::TensorType::kW2S24 ? 10 : 0;  // 1, 1, 0, 0
    const std::array<int8_t, 4> first = goal.codebook.Decode(first_code);
    for (size_t i = 0; i < start.levels.size(); ++i) start.levels[i] = first[i % 4];
    for (uint8_t& multiplier : start.multipliers) multiplier = 90;
    TrainableMatrix matrix(start, false);
    const double before = DistanceAfter(0, matrix, target, pool);
    const double after = DistanceAfter(400, matrix, target, pool);
    EXPECT_LT(after, 0.03 * before);
    EXPECT_TRUE(PackMatrix(matrix.quantized()));
  }
}

TEST(TrainableMatrix, LearnsTheCodebook) {
  ThreadPool pool(2);
  const std::vector<float> target = RandomValues(48 * 64, 5, 0.8F);
  const auto train = [&](float rate) {
    TrainableMatrix matrix(AnyMatrix(48, 64, format::TensorType::kW2Free), false);
    LearningRates rates = kRates;
    rates.tables = rate;
    const double distance = DistanceAfter(300, matrix, target, pool, rates);
    EXPECT_EQ(matrix.quantized().codebook == AnyCodebook(), rate == 0);
    EXPECT_TRUE(PackMatrix(matrix.quantized()));
    return distance;
  };
  EXPECT_LT(train(0.01F), 0.9 * train(0));
}

TEST(TrainableMatrix, KeptMasksDoNotMove) {
  ThreadPool pool(2);
  const QuantizedMatrix start = AnyMatrix(6, 64);
  TrainableMatrix matrix(start, true);
  DistanceAfter(100, matrix, RandomValues(6 * 64, 5), pool);
  bool has_moved = false;
  for (size_t i = 0; i < start.levels.size(); ++i) {
    EXPECT_EQ(matrix.quantized().levels[i] == 0, start.levels[i] == 0);
    has_moved = has_moved || matrix.quantized().levels[i] != start.levels[i];
  }
  EXPECT_TRUE(has_moved);
}

TEST(TrainableMatrix, DenseTypesStayInRange) {
  ThreadPool pool(2);
  const auto types = {format::TensorType::kW2, format::TensorType::kW3, format::TensorType::kW4};
  const std::vector<float> target = RandomValues(4 * 40, 5);
  for (const format::TensorType type : types) {
    const auto start = QuantizeDense(type, 4, 40, target);
    ASSERT_TRUE(start);
    TrainableMatrix matrix(*start, false);
    const std::vector<float> far = RandomValues(4 * 40, 6, 10.0F);
    DistanceAfter(200, matrix, far, pool);
    EXPECT_TRUE(PackMatrix(matrix.quantized()));
    EXPECT_NE(matrix.quantized().levels, start->levels);
  }
}

TEST(TrainableMatrix, ZerosStayZero) {
  ThreadPool pool(1);
  QuantizedMatrix start = AnyMatrix(2, 64);
  start.multipliers[1] = 0;
  start.row_scales[1] = 0;
  TrainableMatrix matrix(start, false);
  DistanceAfter(20, matrix, RandomValues(2 * 64, 5), pool);
  EXPECT_EQ(matrix.quantized().multipliers[1], 0);
  EXPECT_EQ(matrix.quantized().row_scales[1], 0);
  EXPECT_TRUE(PackMatrix(matrix.quantized()));
}

TEST(TrainableMatrix, RestoredStateGoesOnBitForBit) {
  ThreadPool pool(2);
  for (const auto type : {format::TensorType::kW2S24, format::TensorType::kW2Free}) {
    const QuantizedMatrix start = AnyMatrix(6, 64, type);
    const std::vector<float> target = RandomValues(6 * 64, 5);
    TrainableMatrix a(start, false);
    DistanceAfter(30, a, target, pool);
    TrainableMatrix b(start, false);
    const auto from = a.State();
    const auto to = b.State();
    ASSERT_EQ(from.size(), to.size());
    for (size_t i = 0; i < from.size(); ++i) *to[i] = *from[i];
    b.Round(pool);
    DistanceAfter(30, a, target, pool);
    DistanceAfter(30, b, target, pool);
    EXPECT_EQ(a.quantized().levels, b.quantized().levels);
    EXPECT_EQ(a.quantized().multipliers, b.quantized().multipliers);
    EXPECT_EQ(a.quantized().row_scales, b.quantized().row_scales);
    EXPECT_EQ(a.quantized().codebook, b.quantized().codebook);
  }
}

}  // namespace
}  // namespace accllm::tune
