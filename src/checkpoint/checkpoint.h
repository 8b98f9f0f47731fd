// A Hugging Face LLaMA checkpoint folder: config.json, safetensors (one file or shards), tokenizer.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/float_layer.h"
#include "base/model_config.h"
#include "base/result.h"
#include "checkpoint/safetensors.h"

namespace accllm {

class Checkpoint {
 public:
  // Opens a folder and checks that every tensor of the architecture is there with its shape, so
  // that later reads fail only for values (dtype, NaN). No weight is read yet.
  // Errors: kNotFound, kIo, kCorrupt, kUnsupported; each names the file and tensor or field.
  static Result<Checkpoint> Open(const std::string& folder);

  const ModelConfig& config() const { return config_; }

  // Names below are canonical (base/tensor_names.h): "layers.0.self_attn.q_proj".
  bool Has(std::string_view name) const;

  // The tensor as float32, row major. Errors: kNotFound; kCorrupt if the shape differs from
  // `expected_shape` or a value is not finite; kUnsupported if it is not F32, F16 or BF16.
  Result<std::vector<float>> ReadTensor(std::string_view name,
                                        std::span<const int64_t> expected_shape) const;

  Result<FloatLayer> ReadLayer(int64_t layer) const;  // 0 <= layer < config().n_layers
  Result<std::vector<float>> ReadEmbedding() const;   // [vocab, hidden]
  Result<std::vector<float>> ReadFinalNorm() const;   // [hidden]
  Result<std::vector<float>> ReadLmHead() const;      // [vocab, hidden]; the embedding if tied

  // Names in the files, sorted, of tensors that this architecture has no use for.
  const std::vector<std::string>& unused_tensors() const { return unused_tensors_; }

  // Bytes of all tensors in the files.
  int64_t weight_bytes() const;

  // Where a sentencepiece model would be; the file need not exist.
  std::string tokenizer_path() const { return folder_ + "/tokenizer.model"; }

 private:
  Checkpoint() = default;
  Status OpenSingleFile();
  Status OpenShards(const std::string& index_path);
  Status CheckTensors();
  const TensorInfo* Find(std::string_view name) const;
  Status CheckShape(std::string_view name, std::span<const int64_t> expected_shape) const;

  std::string folder_;
  ModelConfig config_;
  std::vector<SafetensorsFile> files_;
  std::map<std::string, size_t, std::less<>> file_of_;  // name in the files -> index in files_
  std::vector<std::string> unused_tensors_;
};

}  // namespace accllm
