// Adam (arXiv 1412.6980) for one array of parameters.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/thread_pool.h"

namespace accllm::tune {

class Adam {
 public:
  explicit Adam(size_t n_values) : mean_(n_values, 0.0F), variance_(n_values, 0.0F) {}

  // values -= rate * corrected mean / sqrt(corrected variance), the `step`th time, from 1.
  // A gradient that was never anything but 0 moves nothing.
  void Step(std::span<const float> gradient, float rate, int64_t step, std::span<float> values,
            ThreadPool& pool);

  // Both moments, to save and to restore.
  std::vector<float>& mean() { return mean_; }
  std::vector<float>& variance() { return variance_; }

 private:
  std::vector<float> mean_;      // [n_values] of the gradient
  std::vector<float> variance_;  // [n_values] of its square
};

}  // namespace accllm::tune
