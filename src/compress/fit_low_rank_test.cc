#include "compress/fit_low_rank.h"

#include <gtest/gtest.h>

#include <Eigen/Cholesky>
#include <Eigen/SVD>
#include <cmath>

#include "compress/testing/random_problem.h"
#include "reference/float_ops.h"

namespace accllm {
namespace {

using reference::Matrix;
using testing::RandomMoment;
using testing::RandomNormal;

class FitLowRankTest : public ::testing::Test {
 protected:
  static constexpr double kDamping = 0.01;

  // What is left of tr(E H E^T) after the part is taken off, as a share of it; H damped.
  double Remaining(const std::vector<float>& error, int64_t rows, int64_t cols,
                   const LowRank& low_rank) const {
    std::vector<float> product(error.size());
    Dequantize(low_rank).AddTo(0, rows, product);
    const Eigen::MatrixXd e = Eigen::Map<const Matrix>(error.data(), rows, cols).cast<double>();
    const Eigen::MatrixXd left =
        e - Eigen::Map<const Matrix>(product.data(), rows, cols).cast<double>();
    const Eigen::MatrixXd h = Damped(cols);
    return (left * h * left.transpose()).trace() / (e * h * e.transpose()).trace();
  }

  // The least that any product of this rank leaves: the singular values behind the first ones.
  double LeastRemaining(const std::vector<float>& error, int64_t rows, int64_t cols,
                        int64_t rank) const {
    const Eigen::MatrixXd l = Damped(cols).llt().matrixL();
    const Eigen::MatrixXd e = Eigen::Map<const Matrix>(error.data(), rows, cols).cast<double>();
    const Eigen::VectorXd s = Eigen::JacobiSVD<Eigen::MatrixXd>(e * l).singularValues();
    return s.tail(s.size() - rank).squaredNorm() / s.squaredNorm();
  }

  Eigen::MatrixXd Damped(int64_t cols) const {
    Eigen::MatrixXd h = Eigen::Map<const Matrix>(h_.data(), cols, cols).cast<double>();
    h.diagonal().array() += kDamping * h.diagonal().mean();
    return h;
  }

  ThreadPool pool_{2};
  std::vector<float> h_;
};

TEST_F(FitLowRankTest, LeavesHardlyMoreThanTheBestOfItsRank) {
  for (const auto& [rows, cols] : {std::pair<int64_t, int64_t>{40, 64}, {64, 40}, {9, 30}}) {
    h_ = RandomMoment(cols, 3, pool_);
    const std::vector<float> error = RandomNormal(rows * cols, 4);
    for (const int64_t rank : {1, 4, 9}) {
      const auto low_rank = FitLowRank({error, rows, cols, "test"}, h_, kDamping, rank, pool_);
      ASSERT_TRUE(low_rank) << low_rank.error().ToString();
      EXPECT_EQ(low_rank->rank(), rank);
      const double best = LeastRemaining(error, rows, cols, rank);
      const double remaining = Remaining(error, rows, cols, *low_rank);
      EXPECT_LT(remaining, best + 0.01) << rows << "x" << cols << ", rank " << rank;
      EXPECT_GT(remaining, best - 1e-4);
    }
  }
}

TEST_F(FitLowRankTest, AnErrorOfItsRankIsTakenWhole) {
  h_ = RandomMoment(48, 5, pool_);
  const LowRankValues product = {3, 32, 48, RandomNormal(3 * 48, 6), RandomNormal(3 * 32, 7)};
  std::vector<float> error(32 * 48);
  product.AddTo(0, 32, error);
  const auto low_rank = FitLowRank({error, 32, 48, "test"}, h_, kDamping, 3, pool_);
  ASSERT_TRUE(low_rank);
  EXPECT_LT(Remaining(error, 32, 48, *low_rank), 1e-3);  // the rounding to 8 bits
}

TEST_F(FitLowRankTest, ThreadsDoNotChangeIt) {
  h_ = RandomMoment(300, 8, pool_);
  const std::vector<float> error = RandomNormal(int64_t{520} * 300, 9);
  ThreadPool one(1);
  const auto a = FitLowRank({error, 520, 300, "test"}, h_, kDamping, 6, pool_);
  const auto b = FitLowRank({error, 520, 300, "test"}, h_, kDamping, 6, one);
  ASSERT_TRUE(a && b);
  EXPECT_EQ(a->a.levels, b->a.levels);
  EXPECT_EQ(a->a.row_scales, b->a.row_scales);
  EXPECT_EQ(a->b.levels, b->b.levels);
}

TEST_F(FitLowRankTest, NoErrorGivesZerosAndBadOnesAreRefused) {
  h_ = RandomMoment(32, 10, pool_);
  std::vector<float> error(16 * 32, 0.0F);
  const auto zero = FitLowRank({error, 16, 32, "test"}, h_, kDamping, 2, pool_);
  ASSERT_TRUE(zero);
  EXPECT_EQ(Dequantize(zero->a), std::vector<float>(2 * 32, 0.0F));
  error[5] = std::nanf("");
  EXPECT_EQ(FitLowRank({error, 16, 32, "test"}, h_, kDamping, 2, pool_).error().code,
            ErrorCode::kNumeric);
  EXPECT_EQ(FitLowRank({error, 16, 32, "test"}, h_, kDamping, 17, pool_).error().code,
            ErrorCode::kInvalidArgument);
}

TEST_F(FitLowRankTest, CodesWithALowRankPartAreCloserThanCodesAlone) {
  h_ = RandomMoment(128, 11, pool_);
  const std::vector<float> weights = RandomNormal(int64_t{64} * 128, 12);
  const WeightMatrix matrix = {weights, 64, 128, "test"};
  const InputStatistics inputs = {h_, *InverseCholeskyUpper(h_, 128, 0.05, "test", pool_)};
  const auto error = [&](std::string_view recipe, int64_t rank) {
    const Recipe& r = **RecipeByName(recipe);
    const auto chosen = ChooseCodesAndLowRank(r, r.type, matrix, nullptr, &inputs, rank, pool_);
    EXPECT_TRUE(chosen);
    EXPECT_EQ(chosen->low_rank.has_value(), rank > 0);
    return *RelativeError(matrix, h_, chosen->Values(), pool_);
  };
  for (const std::string_view recipe : {"joint", "joint-free", "joint-w2", "sparsegpt-gptq"}) {
    const double without = error(recipe, 0);
    EXPECT_LT(error(recipe, 4), without) << recipe;
    EXPECT_LT(error(recipe, 16), 0.8 * without) << recipe;
  }
}

}  // namespace
}  // namespace accllm
