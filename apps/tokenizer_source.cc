#include "tokenizer_source.h"

#include <utility>

#include "base/file_io.h"
#include "base/json_fields.h"
#include "tokenizer/compact_json.h"

namespace accllm::cli {
namespace {

constexpr int64_t kMaxTokenizerBytes = int64_t{64} << 20;
constexpr int64_t kMaxJsonBytes = int64_t{16} << 20;
constexpr JsonLimits kJsonLimits = {kMaxJsonBytes, size_t{1} << 20, 32};

// The whole file, or nothing if there is none.
Result<std::string> ReadOptionalFile(const std::string& path, int64_t max_bytes) {
  auto text = ReadTextFile(path, max_bytes);
  if (!text && text.error().code == ErrorCode::kNotFound) return std::string();
  return text;
}

// A checkpoint often has both files. tokenizer.json comes first: it is what the model's own library
// reads by default, and only it has tokens that were added after training. The other one gives the
// same ids (tests/tokenizer compares them for Llama-2), and serves where tokenizer.json has an
// unknown step.
Status ReadTokenizer(const std::string& folder, FolderTokenizer* source) {
  const std::string json_path = folder + "/tokenizer.json";
  const std::string model_path = folder + "/tokenizer.model";
  ACCLLM_ASSIGN_OR_RETURN(const std::string json, ReadOptionalFile(json_path, kMaxTokenizerBytes));
  ACCLLM_ASSIGN_OR_RETURN(std::string model, ReadOptionalFile(model_path, kMaxTokenizerBytes));
  source->path = model_path;
  if (!json.empty()) {
    auto tokenizer = LoadTokenizer(json, json_path);
    const bool can_fall_back =
        !tokenizer && !model.empty() && tokenizer.error().code == ErrorCode::kUnsupported;
    if (!can_fall_back) {
      if (!tokenizer) return tl::unexpected(std::move(tokenizer).error());
      source->path = json_path;
      source->bytes = CompactJson(json);
      source->tokenizer.emplace(std::move(*tokenizer));
      return {};
    }
  }
  if (model.empty()) return {};
  ACCLLM_ASSIGN_OR_RETURN(Tokenizer tokenizer, LoadTokenizer(model, model_path));
  source->tokenizer.emplace(std::move(tokenizer));
  source->bytes = std::move(model);
  return {};
}

}  // namespace

Result<Tokenizer> LoadTokenizer(std::string_view bytes, const std::string& path) {
  return Tokenizer::Load({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}, path);
}

Result<std::string> ReadTokenizerFile(const std::string& path) {
  return ReadTextFile(path, kMaxTokenizerBytes);
}

Result<std::optional<bool>> ReadAddBosToken(std::string_view json, const std::string& path) {
  if (json.empty()) return std::nullopt;
  ACCLLM_ASSIGN_OR_RETURN(const JsonObject fields, JsonObject::Parse(json, path, kJsonLimits));
  if (!fields.Has("add_bos_token")) return std::nullopt;
  ACCLLM_ASSIGN_OR_RETURN(const bool value, fields.Bool("add_bos_token"));
  return value;
}

Result<FolderTokenizer> OpenFolderTokenizer(const std::string& folder) {
  FolderTokenizer source;
  ACCLLM_RETURN_IF_ERROR(ReadTokenizer(folder, &source));
  const std::string config_path = folder + "/tokenizer_config.json";
  ACCLLM_ASSIGN_OR_RETURN(const std::string config, ReadOptionalFile(config_path, kMaxJsonBytes));
  ACCLLM_ASSIGN_OR_RETURN(const std::optional<bool> add_bos_token,
                          ReadAddBosToken(config, config_path));
  source.add_bos_token = add_bos_token.value_or(!source.tokenizer || source.tokenizer->adds_bos());
  return source;
}

}  // namespace accllm::cli
