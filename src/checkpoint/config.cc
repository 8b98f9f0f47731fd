#include "checkpoint/config.h"

#include "base/json_fields.h"
#include "base/model_config_json.h"

namespace accllm {
namespace {

tl::unexpected<Error> Unsupported(const JsonObject& fields, std::string_view key,
                                  std::string_view supported) {
  return Fail(ErrorCode::kUnsupported,
              fmt::format("{} is {}", fields.Where(key), fields.Excerpt(key)),
              fmt::format("only {} is supported", supported));
}

Status CheckFeatures(const JsonObject& fields) {
  if (fields.Has("hidden_act")) {
    ACCLLM_ASSIGN_OR_RETURN(const std::string activation, fields.String("hidden_act"));
    if (activation != "silu") return Unsupported(fields, "hidden_act", "\"silu\"");
  }
  for (const char* key : {"attention_bias", "mlp_bias"}) {
    if (!fields.Has(key)) continue;
    ACCLLM_ASSIGN_OR_RETURN(const bool has_bias, fields.Bool(key));
    if (has_bias) return Unsupported(fields, key, "false");
  }
  for (const char* key : {"rope_scaling", "rope_parameters", "quantization_config"}) {
    if (fields.Has(key)) return Unsupported(fields, key, "null");
  }
  return {};
}

}  // namespace

Result<ModelConfig> ParseModelConfig(std::string_view json, const std::string& path) {
  ACCLLM_ASSIGN_OR_RETURN(const JsonObject fields, JsonObject::Parse(json, path));
  ACCLLM_ASSIGN_OR_RETURN(ModelConfig config, ModelConfigFromFields(fields));
  ACCLLM_RETURN_IF_ERROR(CheckFeatures(fields));
  return config;
}

}  // namespace accllm
