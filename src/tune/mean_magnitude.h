// The unit that learning rates are relative to.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <vector>

namespace accllm::tune {

// Of at least one level.
inline float MeanMagnitude(const std::vector<int8_t>& levels) {
  int64_t sum = 0;
  for (const int8_t level : levels) sum += std::abs(int64_t{level});
  return static_cast<float>(sum) / static_cast<float>(levels.size());
}

}  // namespace accllm::tune
