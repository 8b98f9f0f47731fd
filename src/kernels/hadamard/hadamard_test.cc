#include "kernels/hadamard/hadamard.h"

#include <gtest/gtest.h>

#include <bit>

#include "kernels/testing/test_data.h"

namespace accllm::kernels {
namespace {

using testing::Random;

TEST(Hadamard, SizeIsTheLargestPowerOfTwoThatDivides) {
  EXPECT_EQ(HadamardSize(2), 2);
  EXPECT_EQ(HadamardSize(64), 64);
  EXPECT_EQ(HadamardSize(80), 16);
  EXPECT_EQ(HadamardSize(96), 32);
  EXPECT_EQ(HadamardSize(128), 128);
}

// Entry (i, j) of H is 1 if i & j has an even number of ones, else -1, within each part.
TEST(Hadamard, EqualsTheDefinition) {
  Random random(1);
  for (const int64_t head_dim : {2, 6, 64, 80, 128}) {
    const int64_t size = HadamardSize(head_dim);
    std::vector<float> x;
    for (int64_t i = 0; i < head_dim; ++i) {
      x.push_back(static_cast<float>(random.Integer(-1000, 1000)));  // sums are exact
    }
    std::vector<float> y = x;
    Hadamard(y.data(), head_dim);
    for (int64_t i = 0; i < head_dim; ++i) {
      float sum = 0.0F;
      for (int64_t j = 0; j < size; ++j) {
        const bool even = std::popcount(static_cast<uint64_t>(i % size & j)) % 2 == 0;
        const float value = x[static_cast<size_t>(i / size * size + j)];
        sum += even ? value : -value;
      }
      EXPECT_EQ(y[static_cast<size_t>(i)], sum) << head_dim << " " << i;
    }
  }
}

TEST(Hadamard, ProductsOfTransformedVectorsAreSizeTimesAsLarge) {
  Random random(2);
  for (const int64_t head_dim : {2, 48, 64, 128}) {
    std::vector<float> a = random.Floats(head_dim);
    std::vector<float> b = random.Floats(head_dim);
    const auto dot = [&] {
      double sum = 0.0;
      for (size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * b[i];
      return sum;
    };
    const double before = dot();
    Hadamard(a.data(), head_dim);
    Hadamard(b.data(), head_dim);
    EXPECT_NEAR(dot() / static_cast<double>(HadamardSize(head_dim)), before, 1e-5) << head_dim;
  }
}

}  // namespace
}  // namespace accllm::kernels
