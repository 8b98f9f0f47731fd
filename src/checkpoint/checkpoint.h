// A LLaMA checkpoint: a Hugging Face folder (config.json, safetensors) or a GGUF file.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/float_layer.h"
#include "base/model_config.h"
#include "base/result.h"
#include "checkpoint/checkpoint_tokenizer.h"
#include "checkpoint/model_files.h"

namespace accllm {

class Checkpoint {
 public:
  // Whether `path` is a folder or a GGUF file, by its name or its first bytes.
  static bool IsAt(const std::string& path);

  // Opens a folder or a GGUF file and checks that every tensor of the architecture is there with
  // its shape, so that later reads fail only for values (dtype, NaN). No weight is read yet.
  // Errors: kNotFound, kIo, kCorrupt, kUnsupported; each names the file and tensor, field or key.
  static Result<Checkpoint> Open(const std::string& path);

  // The same for files that are open.
  static Result<Checkpoint> FromModel(OpenedModel model);

  const ModelConfig& config() const { return config_; }
  const std::string& path() const { return files_->path(); }  // as given to Open

  // Names below are canonical (base/tensor_names.h): "layers.0.self_attn.q_proj".
  bool Has(std::string_view name) const { return files_->ShapeOf(name) != nullptr; }

  // The tensor as float32, row major. Errors: kNotFound; kCorrupt if the shape differs from
  // `expected_shape` or a value is not finite; kUnsupported if it is of a type that cannot be read.
  Result<std::vector<float>> ReadTensor(std::string_view name,
                                        std::span<const int64_t> expected_shape) const;

  Result<FloatLayer> ReadLayer(int64_t layer) const;  // 0 <= layer < config().n_layers
  Result<std::vector<float>> ReadEmbedding() const;   // [vocab, hidden]
  Result<std::vector<float>> ReadFinalNorm() const;   // [hidden]
  Result<std::vector<float>> ReadLmHead() const;      // [vocab, hidden]; the embedding if tied

  // Names in the files, sorted, of tensors that this architecture has no use for.
  const std::vector<std::string>& unused_tensors() const { return unused_tensors_; }

  int64_t weight_bytes() const { return files_->weight_bytes(); }  // of all tensors in the files

  // The tokenizer, whatever format it lies in, as the bytes of a sentencepiece model or of a
  // tokenizer.json; no bytes if there is none. Errors: those of reading.
  Result<CheckpointTokenizer> ReadTokenizer() const { return files_->ReadTokenizer(); }

 private:
  Checkpoint() = default;
  Status CheckTensors();
  Status CheckShape(std::string_view name, std::span<const int64_t> expected_shape) const;

  ModelConfig config_;
  std::unique_ptr<const ModelFiles> files_;
  std::vector<std::string> unused_tensors_;
};

}  // namespace accllm
