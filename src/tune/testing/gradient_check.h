// Compares a gradient with finite differences of the function itself.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "reference/float_ops.h"

namespace accllm::tune::testing {

inline std::vector<float> RandomValues(int64_t n, uint32_t seed, float size = 1.0F) {
  std::mt19937 rng(seed);
  std::normal_distribution<float> normal(0.0F, size);
  std::vector<float> values(static_cast<size_t>(n));
  for (float& value : values) value = normal(rng);
  return values;
}

inline reference::Matrix RandomMatrix(int64_t rows, int64_t cols, uint32_t seed) {
  const std::vector<float> values = RandomValues(rows * cols, seed);
  return Eigen::Map<const reference::Matrix>(values.data(), rows, cols);
}

// The sum of all elements, each with a weight of its own: a loss that reaches every output.
class WeightedSum {
 public:
  WeightedSum(int64_t rows, int64_t cols, uint32_t seed)
      : weights_(RandomMatrix(rows, cols, seed)) {}

  double operator()(const reference::Matrix& y) const {
    return y.cast<double>().cwiseProduct(weights_.cast<double>()).sum();
  }
  const reference::Matrix& gradient() const { return weights_; }

 private:
  reference::Matrix weights_;
};

// Every element of `gradient` against central differences of `loss` in that of `values`, with the
// error of third order removed (Richardson).
inline void ExpectGradient(std::span<float> values, std::span<const float> gradient,
                           const std::function<double()>& loss, const std::string& name) {
  ASSERT_EQ(values.size(), gradient.size()) << name;
  double largest = 0;
  for (const float g : gradient) largest = std::max(largest, std::abs(static_cast<double>(g)));
  ASSERT_GT(largest, 0) << name << ": the gradient is zero";
  for (size_t i = 0; i < values.size(); ++i) {
    const float value = values[i];
    const auto slope = [&](float h) {
      values[i] = value + h;
      const double above = loss();
      values[i] = value - h;
      const double below = loss();
      values[i] = value;
      return (above - below) / (2.0 * static_cast<double>(h));
    };
    const double expected = (4.0 * slope(0.03125F) - slope(0.0625F)) / 3.0;
    EXPECT_NEAR(gradient[i], expected, 2e-3 * largest) << name << " element " << i;
  }
}

inline std::span<float> ValuesOf(reference::Matrix& m) {
  return {m.data(), static_cast<size_t>(m.size())};
}

}  // namespace accllm::tune::testing
