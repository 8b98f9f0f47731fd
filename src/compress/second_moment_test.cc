#include "compress/second_moment.h"

#include <gtest/gtest.h>

#include "compress/testing/random_problem.h"

namespace accllm {
namespace {

using testing::RandomNormal;

TEST(SecondMoment, SumsOverChunksAndIsSymmetric) {
  ThreadPool pool(2);
  const int64_t cols = 290;
  const int64_t n_tokens = 11;
  const std::vector<float> x = RandomNormal(n_tokens * cols, 1);
  SecondMoment moment(cols);
  moment.Add(std::span(x).first(static_cast<size_t>(4 * cols)), pool);
  moment.Add(std::span(x).subspan(static_cast<size_t>(4 * cols)), pool);
  EXPECT_EQ(moment.n_tokens(), n_tokens);
  const std::vector<float> h = moment.Release();
  for (int64_t i = 0; i < cols; ++i) {
    for (int64_t j = 0; j < cols; ++j) {
      double sum = 0;
      for (int64_t t = 0; t < n_tokens; ++t) {
        sum += static_cast<double>(x[static_cast<size_t>(t * cols + i)]) *
               static_cast<double>(x[static_cast<size_t>(t * cols + j)]);
      }
      ASSERT_NEAR(h[static_cast<size_t>(i * cols + j)], sum, 1e-4) << i << " " << j;
      ASSERT_EQ(h[static_cast<size_t>(i * cols + j)], h[static_cast<size_t>(j * cols + i)]);
    }
  }
}

TEST(CrossMoment, IsTheSumOfOuterProducts) {
  ThreadPool pool(3);
  const std::vector<float> a = {1, 2, /**/ 3, 4};
  const std::vector<float> b = {1, 0, -1, /**/ 2, 1, 0};
  CrossMoment moment(2, 3);
  moment.Add(a, b, pool);
  EXPECT_EQ(moment.sum(), (std::vector<float>{7, 3, -1, 10, 4, -2}));
  moment.Add(a, b, pool);
  EXPECT_EQ(moment.sum(), (std::vector<float>{14, 6, -2, 20, 8, -4}));
}

}  // namespace
}  // namespace accllm
