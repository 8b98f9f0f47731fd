#include "kernels/rope/rope.h"

#include <gtest/gtest.h>

#include <cmath>

#include "kernels/testing/test_data.h"

namespace accllm::kernels {
namespace {

using testing::Random;

std::vector<float> Rotated(const std::vector<float>& x, int64_t position, double theta) {
  const auto head_dim = static_cast<int64_t>(x.size());
  const RopeFrequencies frequencies(head_dim, theta);
  std::vector<float> cosines(x.size() / 2);
  std::vector<float> sines(x.size() / 2);
  frequencies.AnglesAt(position, cosines.data(), sines.data());
  std::vector<float> out(x.size());
  Rope(x.data(), cosines.data(), sines.data(), head_dim, out.data());
  return out;
}

double Dot(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0.0;
  for (size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * b[i];
  return sum;
}

TEST(Rope, EqualsTheDefinition) {
  Random random(1);
  for (const int64_t head_dim : {2, 6, 64, 128}) {
    const std::vector<float> x = random.Floats(head_dim);
    const std::vector<float> out = Rotated(x, 12345, 10000.0);
    const auto half = static_cast<size_t>(head_dim / 2);
    for (size_t i = 0; i < half; ++i) {
      const double exponent = -2.0 * static_cast<double>(i) / static_cast<double>(head_dim);
      const double angle = 12345.0 * std::pow(10000.0, exponent);
      EXPECT_NEAR(out[i], x[i] * std::cos(angle) - x[i + half] * std::sin(angle), 1e-6);
      EXPECT_NEAR(out[i + half], x[i + half] * std::cos(angle) + x[i] * std::sin(angle), 1e-6);
    }
  }
}

TEST(Rope, PositionZeroChangesNothing) {
  const std::vector<float> x = {1.0F, -2.0F, 3.0F, 0.5F};
  EXPECT_EQ(Rotated(x, 0, 500000.0), x);
}

TEST(Rope, ProductsDependOnTheDistanceAloneEvenFarOut) {
  Random random(2);
  const std::vector<float> q = random.Floats(128);
  const std::vector<float> k = random.Floats(128);
  const double near = Dot(Rotated(q, 100, 10000.0), Rotated(k, 93, 10000.0));
  for (const int64_t offset : {int64_t{5000}, int64_t{1'000'000}, int64_t{100'000'000}}) {
    const double far = Dot(Rotated(q, 100 + offset, 10000.0), Rotated(k, 93 + offset, 10000.0));
    EXPECT_NEAR(far, near, 2e-5) << offset;
  }
}

TEST(Rope, WorksInPlace) {
  Random random(3);
  std::vector<float> x = random.Floats(64);
  const std::vector<float> expected = Rotated(x, 77, 10000.0);
  std::vector<float> cosines(32);
  std::vector<float> sines(32);
  RopeFrequencies(64, 10000.0).AnglesAt(77, cosines.data(), sines.data());
  Rope(x.data(), cosines.data(), sines.data(), 64, x.data());
  EXPECT_EQ(x, expected);
}

}  // namespace
}  // namespace accllm::kernels
