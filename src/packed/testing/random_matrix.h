// Random valid matrices for tests of every room.
#pragma once

#include <algorithm>
#include <random>

#include "base/block_codec.h"
#include "packed/quantized_matrix.h"

namespace accllm::testing {

// Uniform codes or levels, multipliers up to the limit, scales around 1e-4.
inline QuantizedMatrix RandomMatrix(format::TensorType type, int64_t rows, int64_t cols,
                                    std::mt19937& rng) {
  QuantizedMatrix m;
  m.type = type;
  m.rows = rows;
  m.cols = cols;
  m.levels.resize(static_cast<size_t>(rows * m.level_cols()));
  m.multipliers.resize(static_cast<size_t>(rows * m.n_groups()));
  m.row_scales.resize(static_cast<size_t>(rows));
  if (type == format::TensorType::kW2Free) {
    for (auto& levels : m.codebook.levels) {
      for (int8_t& level : levels) level = static_cast<int8_t>(static_cast<int>(rng() % 17) - 8);
    }
  }
  const DenseLevels dense = DenseLevelsOf(type);
  const int limit = dense.max;
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t k = 0; k < m.level_cols(); k += 4) {
      int8_t* out = m.levels.data() + row * m.level_cols() + k;
      if (IsCoded(type)) {
        const auto n_codes = type == format::TensorType::kW2S24 ? 96U : 128U;
        const auto levels = m.codebook.Decode(static_cast<uint8_t>(rng() % n_codes));
        std::copy(levels.begin(), levels.end(), out);
        continue;
      }
      for (int64_t j = 0; j < 4; ++j) {
        const int level = static_cast<int>(rng() % static_cast<unsigned>(2 * limit + 1)) - limit;
        out[j] = static_cast<int8_t>(k + j >= cols    ? dense.padding()
                                     : dense.odd_only ? level | 1
                                                      : level);
      }
    }
  }
  const auto max_multiplier = static_cast<unsigned>(MaxMultiplier(type, cols));
  for (uint8_t& multiplier : m.multipliers) {
    multiplier = static_cast<uint8_t>(rng() % (max_multiplier + 1));
  }
  std::uniform_real_distribution<float> scale(-2e-4F, 2e-4F);
  for (float& value : m.row_scales) value = NearestRowScale(scale(rng));
  return m;
}

}  // namespace accllm::testing
