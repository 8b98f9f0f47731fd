#include "checkpoint/checkpoint.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <utility>

#include "base/json_fields.h"
#include "base/mapped_file.h"
#include "base/tensor_names.h"
#include "checkpoint/config.h"

namespace accllm {
namespace {

constexpr std::string_view kConfigName = "config.json";
constexpr std::string_view kSingleName = "model.safetensors";
constexpr std::string_view kIndexName = "model.safetensors.index.json";
constexpr std::string_view kRotaryBuffer = ".rotary_emb.inv_freq";  // recomputed, never a weight
constexpr JsonLimits kIndexLimits = {
    .max_bytes = size_t{1} << 26, .max_values = size_t{1} << 20, .max_depth = 8};

// "layers.0.mlp.up_proj" -> "model.layers.0.mlp.up_proj.weight"
std::string NameInFile(std::string_view canonical) {
  return fmt::format("{}{}{}", canonical == kLmHeadName ? "" : "model.", canonical,
                     canonical.ends_with(".bias") ? "" : ".weight");
}

std::string_view AsText(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

// A shard must lie in the folder itself: its name is foreign text and must not lead elsewhere.
bool IsPlainFileName(std::string_view name) {
  return !name.empty() && name != "." && name != ".." &&
         name.find_first_of(std::string_view("/\\\0", 3)) == std::string_view::npos;
}

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

Result<Checkpoint> Checkpoint::Open(const std::string& folder) {
  Checkpoint checkpoint;
  checkpoint.folder_ = folder;
  const std::string config_path = fmt::format("{}/{}", folder, kConfigName);
  ACCLLM_ASSIGN_OR_RETURN(const MappedFile config, MappedFile::Open(config_path));
  ACCLLM_ASSIGN_OR_RETURN(checkpoint.config_, ParseModelConfig(AsText(config), config_path));

  std::error_code ignored;
  const std::string index_path = fmt::format("{}/{}", folder, kIndexName);
  const bool has_single =
      std::filesystem::exists(fmt::format("{}/{}", folder, kSingleName), ignored);
  if (has_single || !std::filesystem::exists(index_path, ignored)) {
    ACCLLM_RETURN_IF_ERROR(checkpoint.OpenSingleFile());
  } else {
    ACCLLM_RETURN_IF_ERROR(checkpoint.OpenShards(index_path));
  }
  ACCLLM_RETURN_IF_ERROR(checkpoint.CheckTensors());
  return checkpoint;
}

Status Checkpoint::OpenSingleFile() {
  ACCLLM_ASSIGN_OR_RETURN(SafetensorsFile file,
                          SafetensorsFile::Open(fmt::format("{}/{}", folder_, kSingleName)));
  for (const auto& [name, tensor] : file.tensors()) file_of_.emplace(name, 0);
  files_.push_back(std::move(file));
  return {};
}

Status Checkpoint::OpenShards(const std::string& index_path) {
  ACCLLM_ASSIGN_OR_RETURN(const MappedFile index, MappedFile::Open(index_path));
  ACCLLM_ASSIGN_OR_RETURN(const JsonObject root,
                          JsonObject::Parse(AsText(index), index_path, kIndexLimits));
  ACCLLM_ASSIGN_OR_RETURN(const JsonObject weight_map, root.Object("weight_map"));
  std::map<std::string, size_t, std::less<>> shard_index;
  for (const std::string& name : weight_map.Keys()) {
    ACCLLM_ASSIGN_OR_RETURN(const std::string shard, weight_map.String(name));
    if (!IsPlainFileName(shard)) {
      return Fail(ErrorCode::kCorrupt,
                  fmt::format("{}: shard '{}' of tensor {} is not a plain file name", index_path,
                              shard, name));
    }
    const auto [it, is_new] = shard_index.emplace(shard, files_.size());
    if (is_new) {
      ACCLLM_ASSIGN_OR_RETURN(SafetensorsFile file,
                              SafetensorsFile::Open(fmt::format("{}/{}", folder_, shard)));
      files_.push_back(std::move(file));
    }
    if (files_[it->second].Find(name) == nullptr) {
      return Fail(ErrorCode::kNotFound, fmt::format("{}: no tensor {}, which {} places there",
                                                    files_[it->second].path(), name, index_path));
    }
    file_of_.emplace(name, it->second);
  }
  return {};
}

Status Checkpoint::CheckTensors() {
  std::set<std::string, std::less<>> known;
  for (const auto& [name, shape] : ExpectedTensors(config_)) {
    ACCLLM_RETURN_IF_ERROR(CheckShape(name, shape));
    known.insert(NameInFile(name));
  }
  if (config_.tie_word_embeddings) known.insert(NameInFile(kLmHeadName));
  std::set<std::string> unused;
  for (const SafetensorsFile& file : files_) {
    for (const auto& [name, tensor] : file.tensors()) {
      if (!known.contains(name) && !name.ends_with(kRotaryBuffer)) unused.insert(name);
    }
  }
  unused_tensors_.assign(unused.begin(), unused.end());
  return {};
}

const TensorInfo* Checkpoint::Find(std::string_view name) const {
  const std::string name_in_file = NameInFile(name);
  const auto it = file_of_.find(name_in_file);
  return it == file_of_.end() ? nullptr : files_[it->second].Find(name_in_file);
}

bool Checkpoint::Has(std::string_view name) const { return Find(name) != nullptr; }

Status Checkpoint::CheckShape(std::string_view name,
                              std::span<const int64_t> expected_shape) const {
  const TensorInfo* tensor = Find(name);
  if (tensor == nullptr) {
    return Fail(ErrorCode::kNotFound, fmt::format("{}: no tensor {}", folder_, NameInFile(name)),
                "check that config.json belongs to these weights");
  }
  if (!std::ranges::equal(tensor->shape, expected_shape)) {
    return Fail(ErrorCode::kCorrupt,
                fmt::format("{}: tensor {} has shape {}, expected {}", folder_, tensor->name,
                            ShapeToString(tensor->shape), ShapeToString(expected_shape)),
                "check that config.json belongs to these weights");
  }
  return {};
}

Result<std::vector<float>> Checkpoint::ReadTensor(std::string_view name,
                                                  std::span<const int64_t> expected_shape) const {
  ACCLLM_RETURN_IF_ERROR(CheckShape(name, expected_shape));
  const std::string name_in_file = NameInFile(name);
  return files_[file_of_.find(name_in_file)->second].ReadFloats(name_in_file);
}

Result<FloatLayer> Checkpoint::ReadLayer(int64_t layer) const {
  if (layer < 0 || layer >= config_.n_layers) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: no layer {}, there are {}", folder_, layer, config_.n_layers));
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

int64_t Checkpoint::weight_bytes() const {
  int64_t total = 0;
  for (const SafetensorsFile& file : files_) {
    for (const auto& [name, tensor] : file.tensors()) {
      total += static_cast<int64_t>(tensor.bytes.size());
    }
  }
  return total;
}

}  // namespace accllm
