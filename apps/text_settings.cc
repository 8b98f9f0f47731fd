#include "text_settings.h"

#include <filesystem>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/file_io.h"
#include "base/json_fields.h"

namespace accllm::cli {
namespace {

constexpr int64_t kMaxSettingsBytes = int64_t{64} << 20;
constexpr JsonLimits kSettingsLimits = {kMaxSettingsBytes, size_t{1} << 22, 32};
constexpr IntRange kTokenRange = {0, INT32_MAX};

// The object in `folder`/`name`; an empty one if there is no such file.
Result<JsonObject> ReadOptionalJson(const std::string& path) {
  auto text = ReadTextFile(path, kMaxSettingsBytes);
  if (!text && text.error().code == ErrorCode::kNotFound) return JsonObject::Parse("{}", path);
  if (!text) return tl::unexpected(text.error());
  return JsonObject::Parse(*text, path, kSettingsLimits);
}

// A text field, or "" if it is missing.
Result<std::string> OptionalString(const JsonObject& fields, std::string_view key) {
  if (!fields.Has(key)) return std::string();
  return fields.String(key);
}

// "</s>", or {"content": "</s>", ...}.
Result<std::string> TokenName(const JsonObject& fields, std::string_view key) {
  if (const auto object = fields.Object(key)) return OptionalString(*object, "content");
  return OptionalString(fields, key);
}

// One id or several.
Result<std::vector<int64_t>> TokenIds(const JsonObject& fields, std::string_view key) {
  if (!fields.Has(key)) return std::vector<int64_t>();
  if (fields.IsArray(key)) return fields.Ints(key, kTokenRange);
  ACCLLM_ASSIGN_OR_RETURN(const int64_t id, fields.Int(key, kTokenRange));
  return std::vector<int64_t>{id};
}

}  // namespace

std::string TextSettings::ToJson() const {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  if (!eos_token_ids.empty()) json["eos_token_ids"] = eos_token_ids;
  if (!chat_template.empty()) {
    json["chat_template"] = chat_template;
    json["bos_token"] = bos_token;
    json["eos_token"] = eos_token;
  }
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

Result<TextSettings> TextSettings::FromJson(std::string_view json, const std::string& path) {
  ACCLLM_ASSIGN_OR_RETURN(const JsonObject fields, JsonObject::Parse(json, path, kSettingsLimits));
  TextSettings settings;
  ACCLLM_ASSIGN_OR_RETURN(settings.chat_template, OptionalString(fields, "chat_template"));
  ACCLLM_ASSIGN_OR_RETURN(settings.bos_token, OptionalString(fields, "bos_token"));
  ACCLLM_ASSIGN_OR_RETURN(settings.eos_token, OptionalString(fields, "eos_token"));
  ACCLLM_ASSIGN_OR_RETURN(settings.eos_token_ids, TokenIds(fields, "eos_token_ids"));
  return settings;
}

Result<TextSettings> TextSettings::Of(const Checkpoint& checkpoint, std::string chat_template) {
  TextSettings settings;
  settings.chat_template = std::move(chat_template);
  std::error_code error;
  if (!std::filesystem::is_directory(checkpoint.path(), error)) return settings;
  ACCLLM_ASSIGN_OR_RETURN(const JsonObject config,
                          ReadOptionalJson(checkpoint.path() + "/tokenizer_config.json"));
  ACCLLM_ASSIGN_OR_RETURN(settings.bos_token, TokenName(config, "bos_token"));
  ACCLLM_ASSIGN_OR_RETURN(settings.eos_token, TokenName(config, "eos_token"));
  ACCLLM_ASSIGN_OR_RETURN(const JsonObject generation,
                          ReadOptionalJson(checkpoint.path() + "/generation_config.json"));
  ACCLLM_ASSIGN_OR_RETURN(settings.eos_token_ids, TokenIds(generation, "eos_token_id"));
  return settings;
}

}  // namespace accllm::cli
