// The code of a free codebook that is nearest to four numbers.
#pragma once

#include <array>
#include <cstdint>

#include "base/block_codec.h"

namespace accllm::tune {

class NearestCode {
 public:
  explicit NearestCode(const Codebook& codebook);

  // The code of least squared distance to `four`; the first such code on a tie.
  uint8_t operator()(const float* four) const;

 private:
  using Numbers = std::array<float, format::kCodes>;

  std::array<Numbers, 4> slopes_;  // -2 level
  Numbers squares_;                // sum of level^2
};

}  // namespace accllm::tune
