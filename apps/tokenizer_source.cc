#include "tokenizer_source.h"

#include <utility>

#include "base/file_io.h"
#include "base/json_fields.h"
#include "tokenizer/compact_json.h"

namespace accllm::cli {
namespace {

constexpr int64_t kMaxTokenizerBytes = int64_t{64} << 20;
constexpr int64_t kMaxTokenizerConfigBytes = int64_t{16} << 20;
constexpr JsonLimits kTokenizerConfigLimits = {kMaxTokenizerConfigBytes, size_t{1} << 20, 32};

Status Load(std::string bytes, const std::string& path, LoadedTokenizer* loaded) {
  ACCLLM_ASSIGN_OR_RETURN(Tokenizer tokenizer, LoadTokenizer(bytes, path));
  loaded->path = path;
  loaded->bytes = bytes.starts_with('{') ? CompactJson(bytes) : std::move(bytes);
  loaded->tokenizer.emplace(std::move(tokenizer));
  return {};
}

// A checkpoint often has both files. tokenizer.json comes first: it is what the model's own library
// reads by default, and only it has tokens that were added after training. The other one gives the
// same ids (tests/tokenizer compares them for Llama-2), and serves where tokenizer.json has an
// unknown step.
Status LoadEither(CheckpointTokenizer source, LoadedTokenizer* loaded) {
  loaded->path = source.name;
  if (!source.json.empty()) {
    Status json = Load(std::move(source.json), source.json_name, loaded);
    if (json || json.error().code != ErrorCode::kUnsupported) return json;
  }
  if (source.bytes.empty()) return {};
  return Load(std::move(source.bytes), source.name, loaded);
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
  ACCLLM_ASSIGN_OR_RETURN(const JsonObject fields,
                          JsonObject::Parse(json, path, kTokenizerConfigLimits));
  if (!fields.Has("add_bos_token")) return std::nullopt;
  ACCLLM_ASSIGN_OR_RETURN(const bool value, fields.Bool("add_bos_token"));
  return value;
}

Result<LoadedTokenizer> OpenTokenizer(const Checkpoint& checkpoint) {
  ACCLLM_ASSIGN_OR_RETURN(CheckpointTokenizer source, checkpoint.ReadTokenizer());
  const std::optional<bool> add_bos_token = source.add_bos_token;
  LoadedTokenizer loaded;
  loaded.chat_template = std::move(source.chat_template);
  ACCLLM_RETURN_IF_ERROR(LoadEither(std::move(source), &loaded));
  loaded.add_bos_token = add_bos_token.value_or(!loaded.tokenizer || loaded.tokenizer->adds_bos());
  return loaded;
}

}  // namespace accllm::cli
