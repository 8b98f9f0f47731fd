#include "checkpoint/checkpoint.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <utility>

#include "base/tensor_names.h"
#include "checkpoint/safetensors.h"

namespace accllm {
namespace {

constexpr char kConfigRemedy[] = "check that the config belongs to these weights";

struct ExpectedTensor {
  std::string name;  // canonical
  std::vector<int64_t> shape;
};

std::vector<ExpectedTensor> ExpectedTensors(const ModelConfig& config) {
  std::vector<ExpectedTensor> expected = {
      {std::string(kEmbedTokensName), {config.vocab_size, config.hidden_size}},
      {std::string(kFinalNormName), {config.hidden_size}}};
  if (!config.tie_word_embeddings) {
    expected.push_back({std::string(kLmHeadName), {config.vocab_size, config.hidden_size}});
  }
  for (int64_t layer = 0; layer < config.n_layers; ++layer) {
    for (const VectorKind kind : kVectorKinds) {
      const int64_t size = SizeOfVector(config, kind);
      if (size > 0) expected.push_back({LayerTensorName(layer, kind), {size}});
    }
    for (const LinearKind kind : kLinearKinds) {
      const LinearShape shape = ShapeOfLinear(config, kind);
      expected.push_back({LayerTensorName(layer, kind), {shape.rows, shape.cols}});
    }
  }
  return expected;
}

}  // namespace

bool Checkpoint::IsAt(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::is_directory(path, ignored) || IsGgufPath(path);
}

Result<Checkpoint> Checkpoint::Open(const std::string& path) {
  std::error_code ignored;
  if (std::filesystem::is_regular_file(path, ignored) && !IsGgufPath(path)) {
    return Fail(ErrorCode::kUnsupported, fmt::format("{}: is no GGUF file", path),
                "give a checkpoint folder or a GGUF file");
  }
  const bool is_folder = std::filesystem::is_directory(path, ignored);
  auto model = !is_folder && IsGgufPath(path) ? OpenGgufModel(path) : OpenModelFolder(path);
  if (!model) return tl::unexpected(std::move(model).error());
  return FromModel(std::move(*model));
}

Result<Checkpoint> Checkpoint::FromModel(OpenedModel model) {
  Checkpoint checkpoint;
  checkpoint.config_ = std::move(model.config);
  checkpoint.files_ = std::move(model.files);
  ACCLLM_RETURN_IF_ERROR(checkpoint.CheckTensors());
  return checkpoint;
}

Status Checkpoint::CheckTensors() {
  std::set<std::string, std::less<>> known;
  for (const auto& [name, shape] : ExpectedTensors(config_)) {
    ACCLLM_RETURN_IF_ERROR(CheckShape(name, shape));
    known.insert(files_->NameInFile(name));
  }
  if (config_.tie_word_embeddings) known.insert(files_->NameInFile(kLmHeadName));
  unused_tensors_ = files_->UnknownTensors(known);
  return {};
}

Status Checkpoint::CheckShape(std::string_view name,
                              std::span<const int64_t> expected_shape) const {
  const std::vector<int64_t>* shape = files_->ShapeOf(name);
  if (shape == nullptr) {
    return Fail(ErrorCode::kNotFound,
                fmt::format("{}: no tensor {}", path(), files_->NameInFile(name)), kConfigRemedy);
  }
  if (!std::ranges::equal(*shape, expected_shape)) {
    return Fail(
        ErrorCode::kCorrupt,
        fmt::format("{}: tensor {} has shape {}, expected {}", path(), files_->NameInFile(name),
                    ShapeToString(*shape), ShapeToString(expected_shape)),
        kConfigRemedy);
  }
  return {};
}

Result<std::vector<float>> Checkpoint::ReadTensor(std::string_view name,
                                                  std::span<const int64_t> expected_shape) const {
  ACCLLM_RETURN_IF_ERROR(CheckShape(name, expected_shape));
  return files_->Read(name);
}

Result<FloatLayer> Checkpoint::ReadLayer(int64_t layer) const {
  if (layer < 0 || layer >= config_.n_layers) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: no layer {}, there are {}", path(), layer, config_.n_layers));
  }
  FloatLayer weights;
  for (const VectorKind kind : kVectorKinds) {
    const int64_t shape[] = {SizeOfVector(config_, kind)};
    if (shape[0] == 0) continue;
    ACCLLM_ASSIGN_OR_RETURN(weights.vector(kind), ReadTensor(LayerTensorName(layer, kind), shape));
  }
  for (const LinearKind kind : kLinearKinds) {
    const LinearShape shape = ShapeOfLinear(config_, kind);
    const int64_t dims[] = {shape.rows, shape.cols};
    ACCLLM_ASSIGN_OR_RETURN(weights.linear(kind), ReadTensor(LayerTensorName(layer, kind), dims));
  }
  return weights;
}

Result<std::vector<float>> Checkpoint::ReadEmbedding() const {
  const int64_t shape[] = {config_.vocab_size, config_.hidden_size};
  return ReadTensor(kEmbedTokensName, shape);
}

Result<std::vector<float>> Checkpoint::ReadFinalNorm() const {
  const int64_t shape[] = {config_.hidden_size};
  return ReadTensor(kFinalNormName, shape);
}

Result<std::vector<float>> Checkpoint::ReadLmHead() const {
  if (config_.tie_word_embeddings) return ReadEmbedding();
  const int64_t shape[] = {config_.vocab_size, config_.hidden_size};
  return ReadTensor(kLmHeadName, shape);
}

}  // namespace accllm
