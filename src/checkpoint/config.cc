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
  if (fields.Has("quantization_config")) return Unsupported(fields, "quantization_config", "null");
  if (fields.Has("partial_rotary_factor")) {
    ACCLLM_ASSIGN_OR_RETURN(const double share, fields.Number("partial_rotary_factor"));
    if (share != 1.0) return Unsupported(fields, "partial_rotary_factor", "1");
  }
  return {};
}

// Every layer must attend in the same way.
Status CheckLayersAlike(const JsonObject& fields, const ModelConfig& config) {
  const bool slides = config.sliding_window > 0;
  if (fields.Has("layer_types")) {
    ACCLLM_ASSIGN_OR_RETURN(const std::vector<std::string> types, fields.Strings("layer_types"));
    const std::string_view expected = slides ? "sliding_attention" : "full_attention";
    for (const std::string& type : types) {
      if (type != expected) {
        return Unsupported(fields, "layer_types", fmt::format("\"{}\" everywhere", expected));
      }
    }
  } else if (slides && fields.Has("max_window_layers")) {
    // The first layers see everything, those from this one on the window.
    ACCLLM_ASSIGN_OR_RETURN(const int64_t first, fields.Int("max_window_layers", {}));
    if (first > 0) return Unsupported(fields, "max_window_layers", "0");
  }
  return {};
}

}  // namespace

Result<ModelConfig> ParseModelConfig(std::string_view json, const std::string& path) {
  ACCLLM_ASSIGN_OR_RETURN(const JsonObject fields, JsonObject::Parse(json, path));
  ACCLLM_ASSIGN_OR_RETURN(ModelConfig config, ModelConfigFromFields(fields));
  ACCLLM_RETURN_IF_ERROR(CheckFeatures(fields));
  ACCLLM_RETURN_IF_ERROR(CheckLayersAlike(fields, config));
  return config;
}

}  // namespace accllm
