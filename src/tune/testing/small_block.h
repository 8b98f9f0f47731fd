// A small random block, in float and quantised, for the tests of tuning.
#pragma once

#include <algorithm>
#include <array>
#include <utility>

#include "base/float_layer.h"
#include "tune/testing/gradient_check.h"
#include "tune/trainable_block.h"

namespace accllm::tune::testing {

inline ModelConfig SmallConfig() {
  ModelConfig config;
  config.hidden_size = 8;
  config.intermediate_size = 12;
  config.n_layers = 1;
  config.n_heads = 4;
  config.n_kv_heads = 2;
  config.head_dim = 4;
  return config;
}

inline FloatLayer RandomLayer(const ModelConfig& config, uint32_t seed = 10) {
  FloatLayer w;
  for (const VectorKind kind : kVectorKinds) {
    w.vector(kind) = RandomValues(SizeOfVector(config, kind), ++seed, 0.5F);
  }
  for (const LinearKind kind : kLinearKinds) {
    const LinearShape shape = ShapeOfLinear(config, kind);
    w.linear(kind) = RandomValues(shape.rows * shape.cols, ++seed, 0.4F);
  }
  return w;
}

// Every matrix rounded to the nearest 2:4 codes, with one step for all of it.
inline TrainableBlock QuantizedBlock(const ModelConfig& config, const FloatLayer& w,
                                     ThreadPool& pool, TrainableBlock::LowRanks low_ranks = {},
                                     Trained trained = Trained::kAll) {
  constexpr float kStep = 0.3F;
  TrainableBlock::Matrices matrices;
  for (const LinearKind kind : kLinearKinds) {
    const LinearShape shape = ShapeOfLinear(config, kind);
    QuantizedMatrix q = EmptyMatrix(format::TensorType::kW2S24, shape.rows, shape.cols);
    std::fill(q.multipliers.begin(), q.multipliers.end(), uint8_t{100});
    std::fill(q.row_scales.begin(), q.row_scales.end(), NearestRowScale(kStep / 100));
    for (int64_t four = 0; four < shape.rows * shape.cols; four += 4) {
      std::array<float, 4> latent = {};
      for (size_t i = 0; i < 4; ++i) {
        latent[i] = w.linear(kind)[static_cast<size_t>(four) + i] / kStep;
      }
      RoundFour(latent.data(), nullptr, &q.levels[static_cast<size_t>(four)]);
    }
    matrices[static_cast<size_t>(kind)].emplace(std::move(q), false, trained);
  }
  return {w, std::move(matrices), std::move(low_ranks), pool};
}

}  // namespace accllm::tune::testing
