#include "compress/plan.h"

#include "base/tensor_names.h"

namespace accllm {

using format::TensorType;

bool GlobMatches(std::string_view pattern, std::string_view text) {
  size_t p = 0;
  size_t t = 0;
  size_t star = std::string_view::npos;  // last * seen, and where its match ends for now
  size_t star_end = 0;
  while (t < text.size()) {
    if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p;
      ++t;
    } else if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_end = t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++star_end;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

Result<std::vector<TensorPlan>> PlanTensors(const ModelConfig& config, TensorType linear_type,
                                            const std::vector<KeepDense>& keep_dense) {
  const TensorType dense = TensorType::kW8;
  std::vector<TensorPlan> plan = {
      {std::string(kEmbedTokensName), dense, config.vocab_size, config.hidden_size}};
  for (int64_t layer = 0; layer < config.n_layers; ++layer) {
    for (const VectorKind kind : kVectorKinds) {
      const int64_t size = SizeOfVector(config, kind);
      if (size > 0) plan.push_back({LayerTensorName(layer, kind), TensorType::kF32, 1, size});
    }
    for (const LinearKind kind : kLinearKinds) {
      const LinearShape shape = ShapeOfLinear(config, kind);
      plan.push_back({LayerTensorName(layer, kind), linear_type, shape.rows, shape.cols});
    }
  }
  plan.push_back({std::string(kFinalNormName), TensorType::kF32, 1, config.hidden_size});
  if (!config.tie_word_embeddings) {
    plan.push_back({std::string(kLmHeadName), dense, config.vocab_size, config.hidden_size});
  }
  for (const KeepDense& keep : keep_dense) {
    bool is_used = false;
    for (TensorPlan& tensor : plan) {
      if (tensor.type == TensorType::kF32 || !GlobMatches(keep.pattern, tensor.name)) continue;
      tensor.type = keep.type;
      is_used = true;
    }
    if (!is_used) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("--keep-dense {}: no matrix of this model matches", keep.pattern),
                  "names look like layers.0.mlp.down_proj, embed_tokens, lm_head; * and ? are "
                  "wildcards");
    }
  }
  return plan;
}

}  // namespace accllm
