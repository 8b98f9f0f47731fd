#include "kernels/silu/silu.h"

#include <gtest/gtest.h>

#include "kernels/kernel_table.h"
#include "kernels/testing/test_data.h"

namespace accllm::kernels {
namespace {

using testing::FirstDifference;
using testing::Random;
using testing::SupportedIsas;

std::vector<float> RunSilu(SiluMul kernel, const std::vector<float>& gate,
                           const std::vector<float>& up) {
  std::vector<float> out(gate.size() + 1, 99.0F);
  kernel(gate.data(), up.data(), static_cast<int64_t>(gate.size()), out.data());
  EXPECT_EQ(out.back(), 99.0F);
  out.pop_back();
  return out;
}

TEST(SiluMul, ScalarIsCloseToTheRealFunction) {
  for (float gate = -30.0F; gate < 30.0F; gate += 0.037F) {
    const double expected = gate / (1.0 + std::exp(-static_cast<double>(gate))) * 3.0;
    EXPECT_NEAR(RunSilu(SiluMulScalar, {gate}, {3.0F})[0], expected,
                3e-4 + 1e-4 * std::abs(expected))
        << gate;
  }
}

TEST(SiluMul, ScalarEndsInTheIdentityAndInZero) {
  EXPECT_EQ(RunSilu(SiluMulScalar, {1000.0F}, {2.0F})[0], 2000.0F);
  EXPECT_EQ(RunSilu(SiluMulScalar, {-1000.0F}, {2.0F})[0], 0.0F);
  EXPECT_EQ(RunSilu(SiluMulScalar, {0.0F}, {2.0F})[0], 0.0F);
  EXPECT_TRUE(std::isnan(RunSilu(SiluMulScalar, {std::nanf("")}, {2.0F})[0]));
}

TEST(SiluMul, EveryIsaEqualsScalar) {
  Random random(1);
  for (const Isa isa : SupportedIsas()) {
    for (const int64_t n : {1, 15, 16, 17, 100, 5632}) {
      for (const float sigma : {0.1F, 3.0F, 30.0F}) {
        const std::vector<float> gate = random.Floats(n, sigma);
        const std::vector<float> up = random.Floats(n);
        EXPECT_EQ(FirstDifference(RunSilu(KernelsFor(isa).silu_mul, gate, up),
                                  RunSilu(SiluMulScalar, gate, up)),
                  -1)
            << IsaName(isa) << " " << n;
      }
    }
  }
}

TEST(SiluMul, EveryIsaEqualsScalarOnSpecialValues) {
  std::vector<float> gate;
  std::vector<float> up;
  for (const float a : testing::SpecialFloats()) {
    for (const float b : testing::SpecialFloats()) {
      gate.push_back(a);
      up.push_back(b);
    }
  }
  for (const Isa isa : SupportedIsas()) {
    EXPECT_EQ(FirstDifference(RunSilu(KernelsFor(isa).silu_mul, gate, up),
                              RunSilu(SiluMulScalar, gate, up)),
              -1)
        << IsaName(isa);
  }
}

TEST(SiluMul, TheOutputMayBeAnInput) {
  Random random(2);
  const std::vector<float> gate = random.Floats(100);
  const std::vector<float> up = random.Floats(100);
  for (const Isa isa : SupportedIsas()) {
    const SiluMul kernel = KernelsFor(isa).silu_mul;
    const std::vector<float> expected = RunSilu(kernel, gate, up);
    std::vector<float> in_gate = gate;
    kernel(in_gate.data(), up.data(), 100, in_gate.data());
    EXPECT_EQ(in_gate, expected);
    std::vector<float> in_up = up;
    kernel(gate.data(), in_up.data(), 100, in_up.data());
    EXPECT_EQ(in_up, expected);
  }
}

}  // namespace
}  // namespace accllm::kernels
