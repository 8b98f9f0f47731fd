// The code of a free codebook that is nearest to four numbers.
#pragma once

#include <array>
#include <cstdint>

#include "base/block_codec.h"

namespace accllm::tune {

class NearestCode {
 public:
  explicit NearestCode(const Codebook& codebook);

  // The levels of least squared distance to `four`; of the first such code on a tie.
  void Round(const float* four, int8_t* levels /*[4]*/) const;

 private:
  using Numbers = std::array<float, format::kCodes>;

  Codebook codebook_;
  std::array<Numbers, 4> slopes_;  // -2 level
  Numbers squares_;                // sum of level^2
};

}  // namespace accllm::tune
