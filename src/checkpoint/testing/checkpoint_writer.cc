#include "checkpoint/testing/checkpoint_writer.h"

#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>
#include <utility>

#include "base/fp16.h"
#include "base/model_config_json.h"
#include "base/tensor_names.h"

namespace accllm::testing {
namespace {

// Generates tensors in the order they are asked for.
class RandomModel {
 public:
  explicit RandomModel(const CheckpointOptions& options)
      : dtype_(options.dtype), engine_(options.seed) {}

  void AddNorm(std::string_view name, int64_t size) { Add(name, {size}, 1.0F, 0.1F); }

  void AddMatrix(std::string_view name, int64_t rows, int64_t cols) {
    Add(name, {rows, cols}, 0.0F, 1.0F / std::sqrt(static_cast<float>(cols)));
  }

  std::vector<NamedTensor> Take() { return std::move(tensors_); }

 private:
  void Add(std::string_view name, std::vector<int64_t> shape, float mean, float deviation) {
    int64_t n_elements = 1;
    for (const int64_t dim : shape) n_elements *= dim;
    std::normal_distribution<float> distribution(mean, deviation);
    std::vector<float> values(static_cast<size_t>(n_elements));
    for (float& value : values) value = distribution(engine_);
    tensors_.push_back({.name = FolderTensorName(name),
                        .dtype = dtype_,
                        .shape = std::move(shape),
                        .bytes = EncodeFloats(values, dtype_)});
  }

  DType dtype_;
  std::mt19937_64 engine_;
  std::vector<NamedTensor> tensors_;
};

Status WriteShards(const std::string& folder, const std::vector<NamedTensor>& tensors,
                   int n_shards) {
  std::string weight_map;
  for (int shard = 0; shard < n_shards; ++shard) {
    const std::string name = fmt::format("model-{:05}-of-{:05}.safetensors", shard + 1, n_shards);
    std::vector<NamedTensor> part;
    for (size_t i = static_cast<size_t>(shard); i < tensors.size();
         i += static_cast<size_t>(n_shards)) {
      part.push_back(tensors[i]);
      weight_map +=
          fmt::format("{}\"{}\": \"{}\"", weight_map.empty() ? "" : ", ", tensors[i].name, name);
    }
    ACCLLM_RETURN_IF_ERROR(WriteFile(folder + "/" + name, SafetensorsBytes(part)));
  }
  return WriteFile(folder + "/model.safetensors.index.json",
                   "{\"metadata\": {}, \"weight_map\": {" + weight_map + "}}");
}

}  // namespace

ModelConfig TinyConfig() {
  ModelConfig config;
  config.architecture = "LlamaForCausalLM";
  config.hidden_size = 64;
  config.intermediate_size = 96;
  config.n_layers = 2;
  config.n_heads = 4;
  config.n_kv_heads = 2;
  config.head_dim = 16;
  config.vocab_size = 100;
  config.max_position_embeddings = 128;
  config.bos_token_id = 1;
  config.eos_token_ids = {2};
  return config;
}

Status WriteFile(const std::string& path, const std::string& bytes) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  out.close();
  if (!out) return Fail(ErrorCode::kIo, fmt::format("{}: cannot write", path));
  return {};
}

std::vector<NamedTensor> RandomTensors(const ModelConfig& config,
                                       const CheckpointOptions& options) {
  RandomModel model(options);
  model.AddMatrix(kEmbedTokensName, config.vocab_size, config.hidden_size);
  for (int64_t layer = 0; layer < config.n_layers; ++layer) {
    for (const VectorKind kind : kVectorKinds) {
      const int64_t size = SizeOfVector(config, kind);
      if (size > 0) model.AddNorm(LayerTensorName(layer, kind), size);
    }
    for (const LinearKind kind : kLinearKinds) {
      const LinearShape shape = ShapeOfLinear(config, kind);
      model.AddMatrix(LayerTensorName(layer, kind), shape.rows, shape.cols);
    }
  }
  model.AddNorm(kFinalNormName, config.hidden_size);
  if (!config.tie_word_embeddings) {
    model.AddMatrix(kLmHeadName, config.vocab_size, config.hidden_size);
  }
  return model.Take();
}

Status WriteCheckpoint(const std::string& folder, const ModelConfig& config,
                       const CheckpointOptions& options) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) {
    return Fail(ErrorCode::kIo, fmt::format("{}: cannot create: {}", folder, error.message()));
  }
  ACCLLM_RETURN_IF_ERROR(WriteFile(folder + "/config.json", ModelConfigToJson(config)));
  const std::vector<NamedTensor> tensors = RandomTensors(config, options);
  if (options.n_shards > 0) return WriteShards(folder, tensors, options.n_shards);
  return WriteFile(folder + "/model.safetensors", SafetensorsBytes(tensors));
}

}  // namespace accllm::testing
