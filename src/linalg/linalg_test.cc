#include "linalg/linalg.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "compress/testing/random_problem.h"

namespace accllm {
namespace {

using testing::RandomMoment;
using testing::RandomNormal;

// Largest entry of (U^T U) (H + d I) - I.
double InverseError(const InverseFactor& factor, const std::vector<float>& h, int64_t n) {
  double trace = 0;
  for (int64_t i = 0; i < n; ++i) trace += h[static_cast<size_t>(i * (n + 1))];
  const double added = factor.damping * trace / static_cast<double>(n);
  std::vector<double> uh(static_cast<size_t>(n * n), 0.0);
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t k = i; k < n; ++k) {
      const double u = factor.upper[static_cast<size_t>(i * n + k)];
      for (int64_t j = 0; j < n; ++j) {
        uh[static_cast<size_t>(i * n + j)] +=
            u * (static_cast<double>(h[static_cast<size_t>(k * n + j)]) + (k == j ? added : 0.0));
      }
    }
  }
  std::vector<double> product(static_cast<size_t>(n * n), 0.0);
  for (int64_t k = 0; k < n; ++k) {
    for (int64_t i = k; i < n; ++i) {
      const double u = factor.upper[static_cast<size_t>(k * n + i)];
      for (int64_t j = 0; j < n; ++j) {
        product[static_cast<size_t>(i * n + j)] += u * uh[static_cast<size_t>(k * n + j)];
      }
    }
  }
  double largest = 0;
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      const double expected = i == j ? 1.0 : 0.0;
      largest = std::max(largest, std::abs(product[static_cast<size_t>(i * n + j)] - expected));
    }
  }
  return largest;
}

TEST(InverseCholesky, InvertsAcrossTileBoundaries) {
  ThreadPool pool(2);
  for (const int64_t n : {1, 3, 32, 255, 256, 300, 513}) {
    const std::vector<float> h = RandomMoment(n, static_cast<uint32_t>(n), pool);
    const auto factor = InverseCholeskyUpper(h, n, 0.01, "h", pool);
    ASSERT_TRUE(factor) << factor.error().ToString();
    EXPECT_EQ(factor->damping, 0.01);
    EXPECT_LT(InverseError(*factor, h, n), 1e-3) << n;
    for (int64_t i = 1; i < n; ++i) ASSERT_EQ(factor->upper[static_cast<size_t>(i * n)], 0.0F);
  }
}

TEST(InverseCholesky, SameBitsForEveryNumberOfThreads) {
  ThreadPool one(1);
  ThreadPool three(3);
  const std::vector<float> h = RandomMoment(700, 1, one);
  EXPECT_EQ(h, RandomMoment(700, 1, three));
  EXPECT_EQ(InverseCholeskyUpper(h, 700, 0.01, "h", one)->upper,
            InverseCholeskyUpper(h, 700, 0.01, "h", three)->upper);
}

TEST(InverseCholesky, DeadColumnsAreHarmless) {
  ThreadPool pool(1);
  std::vector<float> h(16, 0.0F);
  h[0] = 4;
  h[5] = 2;
  const auto factor = InverseCholeskyUpper(h, 4, 0.5, "h", pool);
  ASSERT_TRUE(factor);
  EXPECT_NEAR(factor->upper[15], 1 / std::sqrt(0.5 * 1.5), 1e-6);
  EXPECT_TRUE(InverseCholeskyUpper(std::vector<float>(16, 0.0F), 4, 0.01, "h", pool));
}

TEST(InverseCholesky, RaisesTheDampingUntilDefinite) {
  ThreadPool pool(1);
  const std::vector<float> h = {1, 1.05F, 1.05F, 1};  // smallest eigenvalue -0.05
  const auto factor = InverseCholeskyUpper(h, 2, 0.01, "h", pool);
  ASSERT_TRUE(factor);
  EXPECT_DOUBLE_EQ(factor->damping, 0.1);
  EXPECT_LT(InverseError(*factor, h, 2), 1e-4);
}

TEST(InverseCholesky, ErrorsNameTheTensor) {
  ThreadPool pool(1);
  const std::vector<float> indefinite = {1, 9, 9, 1};
  const auto failed = InverseCholeskyUpper(indefinite, 2, 0.01, "layers.3.mlp.up_proj", pool);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, ErrorCode::kNumeric);
  EXPECT_NE(failed.error().message.find("layers.3.mlp.up_proj"), std::string::npos);
  const std::vector<float> nan = {1, std::numeric_limits<float>::quiet_NaN(), 0, 1};
  EXPECT_EQ(InverseCholeskyUpper(nan, 2, 0.01, "h", pool).error().code, ErrorCode::kNumeric);
  EXPECT_EQ(InverseCholeskyUpper(indefinite, 3, 0.01, "h", pool).error().code,
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(InverseCholeskyUpper(indefinite, 2, -1, "h", pool).error().code,
            ErrorCode::kInvalidArgument);
}

TEST(Linalg, MultiplyByInverseSolves) {
  ThreadPool pool(2);
  const int64_t n = 300;
  const std::vector<float> h = RandomMoment(n, 5, pool);
  const auto factor = InverseCholeskyUpper(h, n, 0.0, "h", pool);
  ASSERT_TRUE(factor);
  const std::vector<float> x = RandomNormal(7 * n, 6);
  std::vector<float> rows = Multiply(x, h, 7, n, n, pool);
  MultiplyByInverse(*factor, n, rows, pool);
  for (size_t i = 0; i < x.size(); ++i) ASSERT_NEAR(rows[i], x[i], 2e-2);
}

}  // namespace
}  // namespace accllm
