#include "tune/nearest_code.h"

#include <algorithm>

namespace accllm::tune {

NearestCode::NearestCode(const Codebook& codebook) : slopes_(), squares_() {
  for (size_t j = 0; j < 4; ++j) {
    for (size_t code = 0; code < squares_.size(); ++code) {
      const auto level = static_cast<float>(codebook.levels[j][code]);
      slopes_[j][code] = -2.0F * level;
      squares_[code] += level * level;
    }
  }
}

uint8_t NearestCode::operator()(const float* four) const {
  Numbers distance;  // but for the square of `four`
  for (size_t code = 0; code < distance.size(); ++code) {
    distance[code] = squares_[code] + slopes_[0][code] * four[0] + slopes_[1][code] * four[1] +
                     slopes_[2][code] * four[2] + slopes_[3][code] * four[3];
  }
  return static_cast<uint8_t>(std::min_element(distance.begin(), distance.end()) -
                              distance.begin());
}

}  // namespace accllm::tune
