// The files of a checkpoint in one of the formats, behind which all formats look alike.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/model_config.h"
#include "base/result.h"
#include "checkpoint/checkpoint_tokenizer.h"

namespace accllm {

// Tensors go by their canonical names (base/tensor_names.h) and have the row order of Hugging Face.
class ModelFiles {
 public:
  virtual ~ModelFiles() = default;

  // The folder or file, for errors.
  virtual const std::string& path() const = 0;

  // What the files call the tensor, whether it is there or not.
  virtual std::string NameInFile(std::string_view name) const = 0;

  // nullptr if the tensor is not there.
  virtual const std::vector<int64_t>* ShapeOf(std::string_view name) const = 0;

  // The values of a tensor that is there, row major. Errors: kUnsupported for its type, kCorrupt if
  // one is not finite.
  virtual Result<std::vector<float>> Read(std::string_view name) const = 0;

  // Names in the files, sorted, of tensors that are neither in `known` nor of use elsewhere.
  virtual std::vector<std::string> UnknownTensors(
      const std::set<std::string, std::less<>>& known) const = 0;

  virtual int64_t weight_bytes() const = 0;  // of all tensors

  // Errors: those of reading; a checkpoint without tokenizer is none.
  virtual Result<CheckpointTokenizer> ReadTokenizer() const = 0;
};

struct OpenedModel {
  std::unique_ptr<const ModelFiles> files;
  ModelConfig config;
};

// A folder as Hugging Face has them: config.json, model.safetensors or shards with an index,
// tokenizer.model or tokenizer.json.
Result<OpenedModel> OpenModelFolder(const std::string& folder);

// One .gguf file.
Result<OpenedModel> OpenGgufModel(const std::string& path);
// The same from bytes, which must outlive the result; `path` is the file that errors name.
Result<OpenedModel> ParseGgufModel(std::span<const uint8_t> bytes, const std::string& path);

// Whether `path` is a GGUF file, by its name or its first bytes.
bool IsGgufPath(const std::string& path);

}  // namespace accllm
