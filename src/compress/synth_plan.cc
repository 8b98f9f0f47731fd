#include "compress/synth_plan.h"

#include <cmath>

#include "base/tensor_names.h"

namespace accllm {

using format::TensorType;

std::vector<TensorPlan> SynthPlan(const ModelConfig& c) {
  std::vector<TensorPlan> plan;
  plan.push_back({std::string(kEmbedTokensName), TensorType::kW4, c.vocab_size, c.hidden_size});
  for (int64_t layer = 0; layer < c.n_layers; ++layer) {
    for (const VectorKind kind : kVectorKinds) {
      const int64_t size = SizeOfVector(c, kind);
      if (size > 0) plan.push_back({LayerTensorName(layer, kind), TensorType::kF32, 1, size});
    }
    for (const LinearKind kind : kLinearKinds) {
      const LinearShape shape = ShapeOfLinear(c, kind);
      plan.push_back({LayerTensorName(layer, kind), TensorType::kW2S24, shape.rows, shape.cols});
    }
  }
  plan.push_back({std::string(kFinalNormName), TensorType::kF32, 1, c.hidden_size});
  if (!c.tie_word_embeddings) {
    plan.push_back({std::string(kLmHeadName), TensorType::kW4, c.vocab_size, c.hidden_size});
  }
  return plan;
}

std::vector<float> SynthVector(const TensorPlan& plan) {
  const float value = plan.name.ends_with(".bias") ? 0.0F : 1.0F;
  return std::vector<float>(static_cast<size_t>(plan.cols), value);
}

double SynthDeviation(const TensorPlan& plan, const ModelConfig& config) {
  const double deviation = 1.0 / std::sqrt(static_cast<double>(plan.cols));
  const bool is_residual = plan.name.ends_with("o_proj") || plan.name.ends_with("down_proj");
  return is_residual ? deviation / std::sqrt(2.0 * static_cast<double>(config.n_layers))
                     : deviation;
}

}  // namespace accllm
