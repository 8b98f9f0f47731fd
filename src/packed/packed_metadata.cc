#include "packed/packed_metadata.h"

#include <nlohmann/json.hpp>

#include "base/json_fields.h"
#include "base/model_config_json.h"
#include "packed/packed_file.h"

namespace accllm {
namespace {

using Json = nlohmann::ordered_json;

constexpr JsonLimits kMetadataLimits = {size_t{1} << 24, size_t{1} << 20, 32};
constexpr IntRange kTokenRange = {0, int64_t{1} << 40};

}  // namespace

std::string PackedMetadataToJson(const PackedMetadata& metadata) {
  Json json;
  json["config"] = Json::parse(ModelConfigToJson(metadata.config), nullptr, false);
  json["attention"] = {{"sinks", metadata.attention.n_sinks},
                       {"window", metadata.attention.window}};
  json["recipe"] = Json::parse(metadata.recipe_json, nullptr, false);
  json["provenance"] = Json::parse(metadata.provenance_json, nullptr, false);
  if (metadata.text_json != "{}") json["text"] = Json::parse(metadata.text_json, nullptr, false);
  return json.dump(1, ' ', false, Json::error_handler_t::replace);
}

Result<PackedMetadata> ParsePackedMetadata(std::string_view text, const std::string& path) {
  ACCLLM_ASSIGN_OR_RETURN(const JsonObject fields, JsonObject::Parse(text, path, kMetadataLimits));
  PackedMetadata metadata;
  ACCLLM_ASSIGN_OR_RETURN(const JsonObject config, fields.Object("config"));
  ACCLLM_ASSIGN_OR_RETURN(metadata.config, ModelConfigFromFields(config));
  ACCLLM_ASSIGN_OR_RETURN(const JsonObject attention, fields.Object("attention"));
  ACCLLM_ASSIGN_OR_RETURN(metadata.attention.n_sinks, attention.Int("sinks", kTokenRange));
  ACCLLM_ASSIGN_OR_RETURN(metadata.attention.window, attention.Int("window", kTokenRange));
  // Already checked to be JSON within limits; these are kept as they are.
  const Json json = Json::parse(text, nullptr, false);
  for (auto [key, out] : {std::pair{"recipe", &metadata.recipe_json},
                          {"provenance", &metadata.provenance_json},
                          {"text", &metadata.text_json}}) {
    const auto found = json.find(key);
    *out = found == json.end() ? "{}" : found->dump(-1, ' ', false, Json::error_handler_t::replace);
  }
  return metadata;
}

}  // namespace accllm
