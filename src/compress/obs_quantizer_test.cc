#include "compress/obs_quantizer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/block_codec.h"
#include "compress/corrected_target.h"
#include "compress/testing/random_problem.h"

namespace accllm {
namespace {

using format::TensorType;
using testing::RandomInputs;
using testing::RandomMoment;
using testing::RandomNormal;

struct Problem {
  Problem(int64_t n_rows, int64_t n_cols, uint32_t seed, ThreadPool& pool)
      : rows(n_rows),
        cols(n_cols),
        weights(RandomNormal(rows * cols, seed)),
        h(RandomMoment(cols, seed + 1, pool)),
        inverse(InverseCholeskyUpper(h, cols, 0.01, "test", pool).value()) {}

  WeightMatrix matrix() const { return {weights, rows, cols, "test"}; }
  double Error(const QuantizedMatrix& q, ThreadPool& pool) const {
    return RelativeError(matrix(), h, Dequantize(q), pool).value();
  }

  int64_t rows;
  int64_t cols;
  std::vector<float> weights;
  std::vector<float> h;
  InverseFactor inverse;
};

void ExpectSameMatrix(const QuantizedMatrix& a, const QuantizedMatrix& b) {
  EXPECT_EQ(a.levels, b.levels);
  EXPECT_EQ(a.multipliers, b.multipliers);
  EXPECT_EQ(a.row_scales, b.row_scales);
}

TEST(ObsQuantizer, EveryShapeObeysTheFormat) {
  ThreadPool pool(2);
  for (const int64_t cols : {1, 2, 3, 4, 5, 30, 32, 33, 127, 128, 131, 256, 300}) {
    for (const int64_t rows : {1, 7, 64, 65}) {
      const Problem problem(rows, cols, static_cast<uint32_t>(rows * 1000 + cols), pool);
      const auto pass = [&](const Result<QuantizedMatrix>& q) {
        ASSERT_TRUE(q) << q.error().ToString();
        const auto packed = PackMatrix(*q);
        EXPECT_TRUE(packed) << rows << "x" << cols << ": " << packed.error().ToString();
        for (const uint8_t m : q->multipliers) EXPECT_LE(m, MaxMultiplier(q->type, cols));
      };
      auto joint = QuantizeJoint24(problem.matrix(), problem.inverse, pool);
      pass(joint);
      ASSERT_TRUE(Refine(problem.matrix(), problem.h, 0.01, 1, *joint, pool));
      pass(joint);
      auto free = QuantizeJointFree(problem.matrix(), problem.h, problem.inverse, pool);
      pass(free);
      ASSERT_TRUE(Refine(problem.matrix(), problem.h, 0.01, 1, *free, pool));
      pass(free);
      pass(QuantizeNearest24(problem.matrix(), pool));
      pass(QuantizeSparseGpt24(problem.matrix(), problem.inverse, pool));
      for (const TensorType type :
           {TensorType::kW2, TensorType::kW3, TensorType::kW4, TensorType::kW8}) {
        pass(QuantizeObsDense(type, problem.matrix(), problem.inverse, pool));
      }
    }
  }
}

TEST(ObsQuantizer, JointBeatsNearestAndRefinementBeatsJoint) {
  ThreadPool pool(2);
  const Problem problem(96, 320, 1, pool);
  const auto nearest = QuantizeNearest24(problem.matrix(), pool);
  auto joint = QuantizeJoint24(problem.matrix(), problem.inverse, pool);
  const double nearest_error = problem.Error(*nearest, pool);
  double error = problem.Error(*joint, pool);
  EXPECT_GT(nearest_error, 0.15);
  EXPECT_LT(error, 0.6 * nearest_error);
  const double joint_error = error;
  for (int sweep = 0; sweep < 4; ++sweep) {
    ASSERT_TRUE(Refine(problem.matrix(), problem.h, 0.0, 1, *joint, pool));
    const double refined = problem.Error(*joint, pool);
    EXPECT_LE(refined, error * (1 + 1e-5)) << sweep;
    error = refined;
  }
  EXPECT_LT(error, 0.9 * joint_error);
}

// At the same bits 2:4 has 0.180, and dense 2 bits (2.25 with the multipliers) 0.105.
TEST(ObsQuantizer, FreeCodesOnGaussianWeightsReachTheKnownError) {
  ThreadPool pool(2);
  Problem problem(64, 1024, 3, pool);
  std::fill(problem.h.begin(), problem.h.end(), 0.0F);
  for (size_t i = 0; i < 1024; ++i) problem.h[i * 1025] = 1;
  problem.inverse = InverseCholeskyUpper(problem.h, 1024, 0.01, "test", pool).value();
  const auto q = QuantizeJointFree(problem.matrix(), problem.h, problem.inverse, pool);
  EXPECT_NEAR(problem.Error(*q, pool), 0.124, 0.004);
}

TEST(ObsQuantizer, RefinementBeatsJointWithFreeCodes) {
  ThreadPool pool(2);
  const Problem problem(96, 320, 1, pool);
  const auto joint24 = QuantizeJoint24(problem.matrix(), problem.inverse, pool);
  auto joint = QuantizeJointFree(problem.matrix(), problem.h, problem.inverse, pool);
  double error = problem.Error(*joint, pool);
  const double first = error;
  EXPECT_LT(first, 0.8 * problem.Error(*joint24, pool));
  for (int sweep = 0; sweep < 4; ++sweep) {
    ASSERT_TRUE(Refine(problem.matrix(), problem.h, 0.0, 1, *joint, pool));
    const double refined = problem.Error(*joint, pool);
    EXPECT_LE(refined, error * (1 + 1e-5)) << sweep;
    error = refined;
  }
  EXPECT_LT(error, 0.95 * first);
}

TEST(ObsQuantizer, NearestOnGaussianWeightsReachesTheKnownError) {
  ThreadPool pool(1);
  const Problem problem(64, 1024, 3, pool);
  std::vector<float> identity(static_cast<size_t>(1024 * 1024), 0.0F);
  for (size_t i = 0; i < 1024; ++i) identity[i * 1025] = 1;
  const auto q = QuantizeNearest24(problem.matrix(), pool);
  EXPECT_NEAR(RelativeError(problem.matrix(), identity, Dequantize(*q), pool).value(), 0.180,
              0.006);
}

TEST(ObsQuantizer, NearestKeepsTheTwoLargestOfEachFour) {
  ThreadPool pool(1);
  const Problem problem(64, 96, 4, pool);
  const auto q = QuantizeNearest24(problem.matrix(), pool);
  for (size_t at = 0; at < problem.weights.size(); at += 4) {
    float pruned = 0;
    float kept = std::numeric_limits<float>::max();
    for (size_t i = at; i < at + 4; ++i) {
      const float size = std::abs(problem.weights[i]);
      if (q->levels[i] == 0) pruned = std::max(pruned, size);
      if (q->levels[i] != 0) kept = std::min(kept, size);
    }
    ASSERT_LE(pruned, kept);
  }
}

TEST(ObsQuantizer, DenseErrorsShrinkWithTheBits) {
  ThreadPool pool(2);
  const Problem problem(64, 256, 5, pool);
  double coarser = 1;
  for (const auto& [type, limit] : {std::pair{TensorType::kW2, 0.06},
                                    {TensorType::kW3, 0.02},
                                    {TensorType::kW4, 0.006},
                                    {TensorType::kW8, 3e-5}}) {
    const auto obs = QuantizeObsDense(type, problem.matrix(), problem.inverse, pool);
    const auto plain = QuantizeDense(type, 64, 256, problem.weights);
    const double error = problem.Error(*obs, pool);
    EXPECT_LT(error, limit);
    EXPECT_LT(error, 0.5 * coarser);
    EXPECT_LT(error, 0.8 * problem.Error(*plain, pool));
    coarser = error;
  }
}

// SparseGPT as its paper has it, one row and one column at a time.
std::vector<double> NaiveSparseGpt(std::span<const float> row, const InverseFactor& inverse) {
  const size_t n = row.size();
  std::vector<double> w(row.begin(), row.end());
  std::vector<bool> pruned(n);
  const auto u = [&](size_t i, size_t j) { return static_cast<double>(inverse.upper[i * n + j]); };
  for (size_t k = 0; k < n; ++k) {
    if (k % 4 == 0) {
      std::vector<size_t> order;
      for (size_t i = k; i < std::min(n, k + 4); ++i) order.push_back(i);
      std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
        return std::pow(w[a] / u(a, a), 2) < std::pow(w[b] / u(b, b), 2);
      });
      for (size_t i = 0; i + 2 < order.size(); ++i) pruned[order[i]] = true;
    }
    const double kept = pruned[k] ? 0.0 : w[k];
    const double error = (w[k] - kept) / u(k, k);
    for (size_t j = k + 1; j < n; ++j) w[j] -= error * u(k, j);
    w[k] = kept;
  }
  return w;
}

TEST(ObsQuantizer, SparseGptPruningEqualsTheNaiveOne) {
  ThreadPool pool(2);
  for (const int64_t cols : {4, 30, 33, 160, 300}) {
    const Problem problem(66, cols, static_cast<uint32_t>(cols), pool);
    const auto pruned = PruneSparseGpt24(problem.matrix(), problem.inverse, pool);
    ASSERT_TRUE(pruned);
    for (int64_t row = 0; row < 66; ++row) {
      const auto at = static_cast<size_t>(row * cols);
      const auto expected = NaiveSparseGpt(
          std::span(problem.weights).subspan(at, static_cast<size_t>(cols)), problem.inverse);
      for (size_t k = 0; k < expected.size(); ++k) {
        ASSERT_NEAR((*pruned)[at + k], expected[k], 2e-3) << cols << " " << row << " " << k;
      }
    }
  }
}

TEST(ObsQuantizer, AllowedPatternsAreKeptThroughTheRefinement) {
  ThreadPool pool(2);
  const Problem problem(66, 130, 12, pool);
  PatternSet patterns = WandaPatterns(problem.weights, 66, 130, problem.h);
  for (size_t i = 0; i < patterns.sets.size(); i += 3) patterns.sets[i] = 0x3F;
  auto q = QuantizeJoint24(problem.matrix(), problem.inverse, pool, &patterns);
  ASSERT_TRUE(q);
  const double before = problem.Error(*q, pool);
  ASSERT_TRUE(Refine(problem.matrix(), problem.h, 0.0, 2, *q, pool, &patterns));
  EXPECT_LT(problem.Error(*q, pool), before);
  for (size_t four = 0; four < patterns.sets.size(); ++four) {
    const size_t row = four / 33;
    uint8_t used = 0;
    for (size_t p = 0; p < 6; ++p) {
      const int8_t* levels = q->levels.data() + row * 132 + four % 33 * 4;
      if (levels[format::kPatterns[p][0]] != 0 && levels[format::kPatterns[p][1]] != 0) {
        used = static_cast<uint8_t>(1U << p);
      }
    }
    ASSERT_NE(used & patterns.sets[four], 0) << four;
  }
  patterns.rows = 65;
  EXPECT_EQ(QuantizeJoint24(problem.matrix(), problem.inverse, pool, &patterns).error().code,
            ErrorCode::kInvalidArgument);
}

TEST(ObsQuantizer, SameBitsForEveryNumberOfThreads) {
  ThreadPool one(1);
  ThreadPool three(3);
  const Problem problem(200, 160, 6, one);
  auto a = QuantizeJoint24(problem.matrix(), problem.inverse, one);
  auto b = QuantizeJoint24(problem.matrix(), problem.inverse, three);
  ExpectSameMatrix(*a, *b);
  ASSERT_TRUE(Refine(problem.matrix(), problem.h, 0.01, 2, *a, one));
  ASSERT_TRUE(Refine(problem.matrix(), problem.h, 0.01, 2, *b, three));
  ExpectSameMatrix(*a, *b);
}

TEST(ObsQuantizer, ZeroGroupsGetMultiplierZero) {
  ThreadPool pool(1);
  Problem problem(3, 96, 7, pool);
  for (size_t k = 0; k < 32; ++k) problem.weights[k] = 0;    // row 0, group 0
  for (size_t k = 96; k < 192; ++k) problem.weights[k] = 0;  // row 1
  const auto q = QuantizeJoint24(problem.matrix(), problem.inverse, pool);
  ASSERT_TRUE(q);
  EXPECT_EQ(q->multipliers[0], 0);
  EXPECT_GT(q->multipliers[1], 0);
  for (size_t g = 3; g < 6; ++g) EXPECT_EQ(q->multipliers[g], 0);
  EXPECT_TRUE(PackMatrix(*q));
}

TEST(ObsQuantizer, CorrectedTargetUndoesAKnownChangeOfTheInputs) {
  ThreadPool pool(1);
  const int64_t cols = 40;
  const std::vector<float> weights = RandomNormal(2 * cols, 8);
  const std::vector<float> wanted = RandomNormal(2 * cols, 9);
  const std::vector<float> x = RandomInputs(400, cols, 10);
  SecondMoment moment(cols);
  moment.Add(x, pool);
  const std::vector<float> h = moment.Release();
  std::vector<float> difference = wanted;
  for (size_t i = 0; i < difference.size(); ++i) difference[i] -= weights[i];
  const std::vector<float> deviation = Multiply(difference, h, 2, cols, cols, pool);
  const auto inverse = InverseCholeskyUpper(h, cols, 0.0, "test", pool);
  const auto target = CorrectedTarget({weights, 2, cols, "test"}, deviation, *inverse, pool);
  ASSERT_TRUE(target);
  for (size_t i = 0; i < wanted.size(); ++i) EXPECT_NEAR((*target)[i], wanted[i], 1e-2);
}

TEST(ObsQuantizer, ErrorsNameTheTensorAndThePlace) {
  ThreadPool pool(1);
  Problem problem(2, 8, 11, pool);
  problem.weights[11] = std::numeric_limits<float>::infinity();
  const auto bad = QuantizeJoint24(problem.matrix(), problem.inverse, pool);
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().code, ErrorCode::kNumeric);
  EXPECT_EQ(bad.error().message, "test: the weight in row 1, column 3 is not finite");
  problem.weights[11] = 0;
  const WeightMatrix wrong = {problem.weights, 3, 8, "test"};
  EXPECT_EQ(QuantizeJoint24(wrong, problem.inverse, pool).error().code,
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(QuantizeJoint24(problem.matrix(), {}, pool).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(
      QuantizeObsDense(TensorType::kW2S24, problem.matrix(), problem.inverse, pool).error().code,
      ErrorCode::kInvalidArgument);
  QuantizedMatrix dense =
      *QuantizeObsDense(TensorType::kW4, problem.matrix(), problem.inverse, pool);
  EXPECT_EQ(Refine(problem.matrix(), problem.h, 0.01, 1, dense, pool).error().code,
            ErrorCode::kInvalidArgument);
  EXPECT_FALSE(CorrectedTarget(problem.matrix(), {}, problem.inverse, pool));
}

}  // namespace
}  // namespace accllm
