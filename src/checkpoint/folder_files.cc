#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "base/file_io.h"
#include "base/json_fields.h"
#include "base/mapped_file.h"
#include "base/tensor_names.h"
#include "checkpoint/config.h"
#include "checkpoint/model_files.h"
#include "checkpoint/safetensors.h"

namespace accllm {
namespace {

constexpr std::string_view kConfigName = "config.json";
constexpr std::string_view kSingleName = "model.safetensors";
constexpr std::string_view kIndexName = "model.safetensors.index.json";
constexpr std::string_view kRotaryBuffer = ".rotary_emb.inv_freq";  // recomputed, never a weight
constexpr JsonLimits kIndexLimits = {
    .max_bytes = size_t{1} << 26, .max_values = size_t{1} << 20, .max_depth = 8};

constexpr std::string_view kSentencePieceName = "tokenizer.model";
constexpr std::string_view kTokenizerJsonName = "tokenizer.json";
constexpr std::string_view kTokenizerConfigName = "tokenizer_config.json";
constexpr std::string_view kChatTemplateName = "chat_template.jinja";
constexpr int64_t kMaxTokenizerBytes = int64_t{64} << 20;
constexpr int64_t kMaxJsonBytes = int64_t{16} << 20;
constexpr JsonLimits kTokenizerConfigLimits = {kMaxJsonBytes, size_t{1} << 20, 32};

std::string_view AsText(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

// A shard must lie in the folder itself: its name is foreign text and must not lead elsewhere.
bool IsPlainFileName(std::string_view name) {
  return !name.empty() && name != "." && name != ".." &&
         name.find_first_of(std::string_view("/\\\0", 3)) == std::string_view::npos;
}

// The whole file, or nothing if there is none.
Result<std::string> ReadOptionalFile(const std::string& path, int64_t max_bytes) {
  auto text = ReadTextFile(path, max_bytes);
  if (!text && text.error().code == ErrorCode::kNotFound) return std::string();
  return text;
}

// One template, or a list of named ones of which "default" counts.
Result<std::string> ChatTemplateOf(const JsonObject& fields) {
  constexpr char kKey[] = "chat_template";
  if (!fields.Has(kKey)) return std::string();
  if (!fields.IsArray(kKey)) return fields.String(kKey);
  ACCLLM_ASSIGN_OR_RETURN(const std::vector<JsonObject> templates, fields.Objects(kKey));
  for (const JsonObject& entry : templates) {
    ACCLLM_ASSIGN_OR_RETURN(const std::string name, entry.String("name"));
    if (name == "default") return entry.String("template");
  }
  return std::string();
}

class FolderFiles final : public ModelFiles {
 public:
  explicit FolderFiles(std::string folder) : folder_(std::move(folder)) {}

  Status OpenTensors() {
    std::error_code ignored;
    const std::string index_path = InFolder(kIndexName);
    const bool has_single = std::filesystem::exists(InFolder(kSingleName), ignored);
    if (has_single || !std::filesystem::exists(index_path, ignored)) return OpenSingleFile();
    return OpenShards(index_path);
  }

  const std::string& path() const override { return folder_; }

  std::string NameInFile(std::string_view name) const override { return FolderTensorName(name); }

  const std::vector<int64_t>* ShapeOf(std::string_view name) const override {
    const auto it = file_of_.find(NameInFile(name));
    return it == file_of_.end() ? nullptr : &files_[it->second].Find(it->first)->shape;
  }

  Result<std::vector<float>> Read(std::string_view name) const override {
    const auto it = file_of_.find(NameInFile(name));
    return files_[it->second].ReadFloats(it->first);
  }

  std::vector<std::string> UnknownTensors(
      const std::set<std::string, std::less<>>& known) const override {
    std::set<std::string> unknown;
    for (const SafetensorsFile& file : files_) {
      for (const auto& [name, tensor] : file.tensors()) {
        if (!known.contains(name) && !name.ends_with(kRotaryBuffer)) unknown.insert(name);
      }
    }
    return {unknown.begin(), unknown.end()};
  }

  int64_t weight_bytes() const override {
    int64_t total = 0;
    for (const SafetensorsFile& file : files_) {
      for (const auto& [name, tensor] : file.tensors()) {
        total += static_cast<int64_t>(tensor.bytes.size());
      }
    }
    return total;
  }

  Result<CheckpointTokenizer> ReadTokenizer() const override {
    CheckpointTokenizer tokenizer;
    tokenizer.name = InFolder(kSentencePieceName);
    tokenizer.json_name = InFolder(kTokenizerJsonName);
    ACCLLM_ASSIGN_OR_RETURN(tokenizer.bytes, ReadOptionalFile(tokenizer.name, kMaxTokenizerBytes));
    ACCLLM_ASSIGN_OR_RETURN(tokenizer.json,
                            ReadOptionalFile(tokenizer.json_name, kMaxTokenizerBytes));
    if (tokenizer.bytes.empty()) {
      tokenizer.bytes = std::exchange(tokenizer.json, {});
      tokenizer.name = tokenizer.json_name;
    }
    ACCLLM_ASSIGN_OR_RETURN(tokenizer.chat_template,
                            ReadOptionalFile(InFolder(kChatTemplateName), kMaxJsonBytes));
    const std::string config_path = InFolder(kTokenizerConfigName);
    ACCLLM_ASSIGN_OR_RETURN(const std::string json, ReadOptionalFile(config_path, kMaxJsonBytes));
    if (json.empty()) return tokenizer;
    ACCLLM_ASSIGN_OR_RETURN(const JsonObject fields,
                            JsonObject::Parse(json, config_path, kTokenizerConfigLimits));
    if (fields.Has("add_bos_token")) {
      ACCLLM_ASSIGN_OR_RETURN(tokenizer.add_bos_token, fields.Bool("add_bos_token"));
    }
    if (tokenizer.chat_template.empty()) {
      ACCLLM_ASSIGN_OR_RETURN(tokenizer.chat_template, ChatTemplateOf(fields));
    }
    return tokenizer;
  }

 private:
  std::string InFolder(std::string_view name) const { return fmt::format("{}/{}", folder_, name); }

  Status OpenSingleFile() {
    ACCLLM_ASSIGN_OR_RETURN(SafetensorsFile file, SafetensorsFile::Open(InFolder(kSingleName)));
    for (const auto& [name, tensor] : file.tensors()) file_of_.emplace(name, 0);
    files_.push_back(std::move(file));
    return {};
  }

  Status OpenShards(const std::string& index_path) {
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
        ACCLLM_ASSIGN_OR_RETURN(SafetensorsFile file, SafetensorsFile::Open(InFolder(shard)));
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

  std::string folder_;
  std::vector<SafetensorsFile> files_;
  std::map<std::string, size_t, std::less<>> file_of_;  // name in the files -> index in files_
};

}  // namespace

Result<OpenedModel> OpenModelFolder(const std::string& folder) {
  OpenedModel model;
  const std::string config_path = fmt::format("{}/{}", folder, kConfigName);
  ACCLLM_ASSIGN_OR_RETURN(const MappedFile config, MappedFile::Open(config_path));
  ACCLLM_ASSIGN_OR_RETURN(model.config, ParseModelConfig(AsText(config), config_path));
  auto files = std::make_unique<FolderFiles>(folder);
  ACCLLM_RETURN_IF_ERROR(files->OpenTensors());
  model.files = std::move(files);
  return model;
}

}  // namespace accllm
