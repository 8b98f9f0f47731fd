#include "kernels/rmsnorm/rmsnorm.h"

#include <gtest/gtest.h>

#include "kernels/kernel_table.h"
#include "kernels/testing/test_data.h"

namespace accllm::kernels {
namespace {

using testing::FirstDifference;
using testing::Random;
using testing::SupportedIsas;

std::vector<float> RunNorm(RmsNorm kernel, const std::vector<float>& x,
                           const std::vector<float>& weight) {
  std::vector<float> y(x.size() + 1, 99.0F);
  kernel(x.data(), weight.data(), static_cast<int64_t>(x.size()), 1e-5F, y.data());
  EXPECT_EQ(y.back(), 99.0F);
  y.pop_back();
  return y;
}

TEST(RmsNorm, ScalarIsCloseToDoublePrecision) {
  Random random(1);
  for (const int64_t n : {1, 7, 16, 288, 4096}) {
    const std::vector<float> x = random.Floats(n, 3.0F);
    const std::vector<float> weight = random.Floats(n);
    const std::vector<float> y = RunNorm(RmsNormScalar, x, weight);
    double sum = 0.0;
    for (const float v : x) sum += static_cast<double>(v) * v;
    const double inverse = 1.0 / std::sqrt(sum / static_cast<double>(n) + 1e-5);
    for (size_t k = 0; k < x.size(); ++k) {
      const double expected = x[k] * inverse * weight[k];
      ASSERT_NEAR(y[k], expected, 1e-6 + 1e-6 * std::abs(expected)) << n << " " << k;
    }
  }
}

TEST(RmsNorm, EveryIsaEqualsScalar) {
  Random random(2);
  for (const Isa isa : SupportedIsas()) {
    for (const int64_t n : {1, 2, 15, 16, 17, 31, 288, 896, 4095, 4096}) {
      // The root hides most sums that are rounded once too little.
      for (int repeat = 0; repeat < 20; ++repeat) {
        const std::vector<float> x = random.Floats(n, 5.0F);
        const std::vector<float> weight = random.Floats(n);
        EXPECT_EQ(FirstDifference(RunNorm(KernelsFor(isa).rmsnorm, x, weight),
                                  RunNorm(RmsNormScalar, x, weight)),
                  -1)
            << IsaName(isa) << " " << n;
      }
    }
  }
}

TEST(RmsNorm, EveryIsaEqualsScalarOnSpecialValues) {
  Random random(3);
  for (const Isa isa : SupportedIsas()) {
    for (const float special : testing::SpecialFloats()) {
      const std::vector<float> x = testing::FloatsWith(random, 37, special);
      const std::vector<float> weight = testing::FloatsWith(random, 37, special);
      const std::vector<float> zeros(37, special == 0.0F ? special : 0.0F);
      const RmsNorm kernel = KernelsFor(isa).rmsnorm;
      EXPECT_EQ(FirstDifference(RunNorm(kernel, x, weight), RunNorm(RmsNormScalar, x, weight)), -1)
          << IsaName(isa) << " " << special;
      EXPECT_EQ(
          FirstDifference(RunNorm(kernel, zeros, weight), RunNorm(RmsNormScalar, zeros, weight)),
          -1)
          << IsaName(isa) << " " << special;
    }
  }
}

}  // namespace
}  // namespace accllm::kernels
