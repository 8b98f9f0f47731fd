// What no device runs is found before anything is compiled or computed.
#include "base/tensor_names.h"
#include "compiler/compile.h"

namespace accllm::compiler {
namespace {

constexpr bool HasLanes(format::TensorType type) {
  return type == format::TensorType::kW2S24 || type == format::TensorType::kW2 ||
         type == format::TensorType::kW4 || type == format::TensorType::kW8;
}

Status CheckMatrix(const ModelTensors& model, const std::string& name) {
  const ModelTensor* tensor = model.Find(name);
  if (tensor == nullptr) {
    return Fail(ErrorCode::kNotFound, fmt::format("{}: there is no tensor {}", model.path, name));
  }
  if (!HasLanes(tensor->type)) {
    return Fail(
        ErrorCode::kUnsupported,
        fmt::format("{}: {} is of type {}, which the accelerator does not run", model.path, name,
                    TensorTypeLabel(tensor->type)),
        "compress with --codebook 2:4 and dense types w2, w4 or w8 (--bits-types w2,w4,w8)");
  }
  if (model.Find(LowRankNameA(name)) != nullptr) {
    return Fail(ErrorCode::kUnsupported,
                fmt::format("{}: {} has a low-rank part, which the accelerator does not run",
                            model.path, name),
                "compress without --lowrank");
  }
  return {};
}

}  // namespace

Status CheckRunnable(const ModelTensors& model) {
  const ModelConfig& config = model.config;
  ACCLLM_RETURN_IF_ERROR(CheckMatrix(model, std::string(kEmbedTokensName)));
  for (int64_t layer = 0; layer < config.n_layers; ++layer) {
    for (const LinearKind kind : kLinearKinds) {
      ACCLLM_RETURN_IF_ERROR(CheckMatrix(model, LayerTensorName(layer, kind)));
    }
  }
  if (!config.tie_word_embeddings) {
    ACCLLM_RETURN_IF_ERROR(CheckMatrix(model, std::string(kLmHeadName)));
  }
  const int64_t padded_dim = RoundUp(config.head_dim, 64);
  if (padded_dim == 64 || padded_dim % 128 == 0) return {};
  return Fail(
      ErrorCode::kUnsupported,
      fmt::format("{}: head_dim {} does not fit beats of 128 values", model.path, config.head_dim),
      "the accelerator runs heads of up to 64, 65 to 128, 193 to 256 ... dimensions");
}

}  // namespace accllm::compiler
