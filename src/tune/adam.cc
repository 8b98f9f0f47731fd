#include "tune/adam.h"

#include <cassert>
#include <cmath>

namespace accllm::tune {
namespace {

constexpr double kMeanDecay = 0.9;
constexpr double kVarianceDecay = 0.95;  // runs are short
// Below every gradient that counts; keeps 0 / 0 from being asked.
constexpr float kEpsilon = 1e-20F;

}  // namespace

void Adam::Step(std::span<const float> gradient, float rate, int64_t step, std::span<float> values,
                ThreadPool& pool) {
  assert(gradient.size() == mean_.size() && values.size() == mean_.size());
  const auto decay_mean = static_cast<float>(kMeanDecay);
  const auto decay_variance = static_cast<float>(kVarianceDecay);
  const auto t = static_cast<double>(step);
  const auto mean_scale = static_cast<float>(1.0 / (1.0 - std::pow(kMeanDecay, t)));
  const auto variance_scale = static_cast<float>(1.0 / (1.0 - std::pow(kVarianceDecay, t)));
  pool.ParallelFor(std::ssize(mean_), [&](int64_t begin, int64_t end, int) {
    for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i) {
      const float g = gradient[i];
      mean_[i] = decay_mean * mean_[i] + (1.0F - decay_mean) * g;
      variance_[i] = decay_variance * variance_[i] + (1.0F - decay_variance) * g * g;
      values[i] -=
          rate * mean_[i] * mean_scale / (std::sqrt(variance_[i] * variance_scale) + kEpsilon);
    }
  });
}

}  // namespace accllm::tune
