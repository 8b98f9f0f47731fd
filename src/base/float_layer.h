// The float weights of one transformer block.
#pragma once

#include <array>
#include <vector>

#include "base/tensor_names.h"

namespace accllm {

// The vectors of a block; those that its architecture does not have are empty.
struct LayerVectors {
  std::array<std::vector<float>, kVectorKinds.size()> values;

  std::vector<float>& at(VectorKind kind) { return values[static_cast<size_t>(kind)]; }
  const std::vector<float>& at(VectorKind kind) const { return values[static_cast<size_t>(kind)]; }
};

struct FloatLayer {
  LayerVectors vectors;
  // Row major, in the order of kLinearKinds, each of ShapeOfLinear(config, kind).
  std::array<std::vector<float>, kLinearKinds.size()> weights;

  std::vector<float>& linear(LinearKind kind) { return weights[static_cast<size_t>(kind)]; }
  const std::vector<float>& linear(LinearKind kind) const {
    return weights[static_cast<size_t>(kind)];
  }
  std::vector<float>& vector(VectorKind kind) { return vectors.at(kind); }
  const std::vector<float>& vector(VectorKind kind) const { return vectors.at(kind); }

  // Of a linear layer; empty if it has none.
  std::vector<float>& bias(LinearKind kind) { return vectors.at(BiasOf(kind)); }
  const std::vector<float>& bias(LinearKind kind) const { return vectors.at(BiasOf(kind)); }
};

}  // namespace accllm
