#include "kernels/rope/rope.h"

#include <cmath>

namespace accllm::kernels {

RopeFrequencies::RopeFrequencies(int64_t head_dim, double theta, std::span<const double> factors) {
  for (int64_t i = 0; i < head_dim / 2; ++i) {
    const double frequency =
        std::pow(theta, -2.0 * static_cast<double>(i) / static_cast<double>(head_dim));
    frequencies_.push_back(factors.empty() ? frequency
                                           : frequency / factors[static_cast<size_t>(i)]);
  }
}

void RopeFrequencies::AnglesAt(int64_t position, float* cosines, float* sines) const {
  for (size_t i = 0; i < frequencies_.size(); ++i) {
    const double angle = static_cast<double>(position) * frequencies_[i];
    cosines[i] = static_cast<float>(std::cos(angle));
    sines[i] = static_cast<float>(std::sin(angle));
  }
}

void Rope(const float* x, const float* cosines, const float* sines, int64_t head_dim, float* out) {
  const int64_t half = head_dim / 2;
  for (int64_t i = 0; i < half; ++i) {
    const float a = x[i];
    const float b = x[i + half];
    out[i] = a * cosines[i] - b * sines[i];
    out[i + half] = b * cosines[i] + a * sines[i];
  }
}

}  // namespace accllm::kernels
