#include <algorithm>
#include <fstream>
#include <utility>

#include "base/tensor_names.h"
#include "checkpoint/gguf_config.h"
#include "checkpoint/gguf_file.h"
#include "checkpoint/gguf_names.h"
#include "checkpoint/gguf_tokenizer.h"
#include "checkpoint/model_files.h"
#include "checkpoint/rope_rows.h"

namespace accllm {
namespace {

constexpr std::string_view kFileSuffix = ".gguf";

bool IsRotated(std::string_view name) {
  return name.find(LinearName(LinearKind::kQ)) != std::string_view::npos ||
         name.find(LinearName(LinearKind::kK)) != std::string_view::npos;
}

class GgufFiles final : public ModelFiles {
 public:
  GgufFiles(GgufFile file, const ModelConfig& config)
      : file_(std::move(file)),
        vocab_size_(config.vocab_size),
        head_dim_(config.head_dim),
        interleaves_(InterleavesRopeRows(config)) {}

  const std::string& path() const override { return file_.path(); }

  std::string NameInFile(std::string_view name) const override { return GgufTensorName(name); }

  const std::vector<int64_t>* ShapeOf(std::string_view name) const override {
    const GgufTensor* tensor = file_.Find(GgufTensorName(name));
    return tensor == nullptr ? nullptr : &tensor->shape;
  }

  Result<std::vector<float>> Read(std::string_view name) const override {
    const std::string name_in_file = GgufTensorName(name);
    auto values = file_.ReadFloats(name_in_file);
    if (!values || !interleaves_ || !IsRotated(name)) return values;
    const std::vector<int64_t>& shape = file_.Find(name_in_file)->shape;
    return SplitRopeRows(*values, head_dim_, shape.size() == 2 ? shape[1] : 1);
  }

  std::vector<std::string> UnknownTensors(
      const std::set<std::string, std::less<>>& known) const override {
    std::vector<std::string> names;
    for (const auto& [name, tensor] : file_.tensors()) {
      if (!known.contains(name) && name != kGgufRopeFactorsName) names.push_back(name);
    }
    return names;
  }

  int64_t weight_bytes() const override {
    int64_t total = 0;
    for (const auto& [name, tensor] : file_.tensors()) {
      total += static_cast<int64_t>(tensor.bytes.size());
    }
    return total;
  }

  Result<CheckpointTokenizer> ReadTokenizer() const override {
    return ReadGgufTokenizer(file_.metadata(), vocab_size_);
  }

 private:
  GgufFile file_;
  int64_t vocab_size_;
  int64_t head_dim_;
  bool interleaves_;  // q_proj and k_proj
};

Result<OpenedModel> Opened(GgufFile file) {
  OpenedModel model;
  ACCLLM_ASSIGN_OR_RETURN(model.config, GgufModelConfig(file));
  // Better now than after hours of reading.
  for (const auto& [name, tensor] : file.tensors()) {
    ACCLLM_RETURN_IF_ERROR(file.CheckReadable(tensor));
  }
  model.files = std::make_unique<GgufFiles>(std::move(file), model.config);
  return model;
}

}  // namespace

Result<OpenedModel> OpenGgufModel(const std::string& path) {
  ACCLLM_ASSIGN_OR_RETURN(GgufFile file, GgufFile::Open(path));
  return Opened(std::move(file));
}

Result<OpenedModel> ParseGgufModel(std::span<const uint8_t> bytes, const std::string& path) {
  ACCLLM_ASSIGN_OR_RETURN(GgufFile file, GgufFile::Parse(bytes, path));
  return Opened(std::move(file));
}

bool IsGgufPath(const std::string& path) {
  if (path.ends_with(kFileSuffix)) return true;
  uint32_t magic = 0;
  std::ifstream in(path, std::ios::binary);
  in.read(reinterpret_cast<char*>(&magic), sizeof(magic));
  return in && magic == kGgufMagic;
}

}  // namespace accllm
