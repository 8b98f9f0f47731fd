#include "base/model_config_json.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "base/architecture.h"
#include "base/rope_scaling.h"

namespace accllm {
namespace {

// Upper bounds far above any published model; products of any three stay inside int64_t.
constexpr IntRange kWidth = {1, int64_t{1} << 20};
constexpr IntRange kLayers = {1, 4096};
constexpr IntRange kHeads = {1, int64_t{1} << 14};
constexpr IntRange kHeadDim = {2, int64_t{1} << 14};
constexpr IntRange kVocab = {1, int64_t{1} << 24};
constexpr IntRange kPositions = {1, int64_t{1} << 32};
constexpr double kMaxRopeTheta = 1e15;

Result<const Architecture*> ReadArchitecture(const JsonObject& fields) {
  ACCLLM_ASSIGN_OR_RETURN(const std::vector<std::string> names, fields.Strings("architectures"));
  const Architecture* found = names.size() == 1 ? FindArchitecture(names[0]) : nullptr;
  if (found != nullptr) return found;
  return Fail(
      ErrorCode::kUnsupported,
      fmt::format("{} is {}", fields.Where("architectures"), fields.Excerpt("architectures")),
      fmt::format("supported are {}", ArchitectureNames()));
}

Result<bool> OptionalBool(const JsonObject& fields, std::string_view key) {
  return fields.Has(key) ? fields.Bool(key) : Result<bool>(false);
}

// What the table says of the architecture, with the fields that it takes into account.
Status ReadParts(const JsonObject& fields, const Architecture& architecture, ModelConfig* config) {
  config->architecture = architecture.name;
  config->has_qk_norm = architecture.has_qk_norm;
  bool has_attention_bias = false;
  if (architecture.takes_attention_bias) {
    ACCLLM_ASSIGN_OR_RETURN(has_attention_bias, OptionalBool(fields, "attention_bias"));
  }
  config->has_o_bias = has_attention_bias;
  config->has_qkv_bias = has_attention_bias || architecture.has_qkv_bias;
  if (architecture.takes_mlp_bias) {
    ACCLLM_ASSIGN_OR_RETURN(config->has_mlp_bias, OptionalBool(fields, "mlp_bias"));
  }
  bool slides = architecture.always_slides;
  if (!slides) {
    ACCLLM_ASSIGN_OR_RETURN(slides, OptionalBool(fields, "use_sliding_window"));
  }
  if (slides && fields.Has("sliding_window")) {
    ACCLLM_ASSIGN_OR_RETURN(config->sliding_window, fields.Int("sliding_window", kPositions));
  }
  return {};
}

Status ReadSizes(const JsonObject& fields, ModelConfig* config) {
  const auto read = [&fields](std::string_view key, IntRange range, int64_t* out) -> Status {
    ACCLLM_ASSIGN_OR_RETURN(*out, fields.Int(key, range));
    return {};
  };
  ACCLLM_RETURN_IF_ERROR(read("hidden_size", kWidth, &config->hidden_size));
  ACCLLM_RETURN_IF_ERROR(read("intermediate_size", kWidth, &config->intermediate_size));
  ACCLLM_RETURN_IF_ERROR(read("num_hidden_layers", kLayers, &config->n_layers));
  ACCLLM_RETURN_IF_ERROR(read("num_attention_heads", kHeads, &config->n_heads));
  ACCLLM_RETURN_IF_ERROR(read("vocab_size", kVocab, &config->vocab_size));
  ACCLLM_RETURN_IF_ERROR(
      read("max_position_embeddings", kPositions, &config->max_position_embeddings));
  config->n_kv_heads = config->n_heads;
  if (fields.Has("num_key_value_heads")) {
    ACCLLM_RETURN_IF_ERROR(read("num_key_value_heads", kHeads, &config->n_kv_heads));
  }
  if (fields.Has("head_dim")) {
    ACCLLM_RETURN_IF_ERROR(read("head_dim", kHeadDim, &config->head_dim));
  } else if (config->hidden_size % config->n_heads == 0) {
    config->head_dim = config->hidden_size / config->n_heads;
  } else {
    return Fail(ErrorCode::kCorrupt,
                fmt::format("{}: hidden_size {} is not a multiple of num_attention_heads {}",
                            fields.path(), config->hidden_size, config->n_heads),
                "add head_dim");
  }
  return {};
}

Status CheckHeads(const JsonObject& fields, const ModelConfig& config) {
  if (config.n_heads % config.n_kv_heads != 0) {
    return Fail(ErrorCode::kCorrupt, fmt::format("{}: num_attention_heads {} is not a multiple of "
                                                 "num_key_value_heads {}",
                                                 fields.path(), config.n_heads, config.n_kv_heads));
  }
  if (config.head_dim % 2 != 0) {
    return Fail(ErrorCode::kUnsupported,
                fmt::format("{}: head_dim {} is odd", fields.path(), config.head_dim),
                "rotary embeddings need an even head_dim");
  }
  if (config.q_size() > kWidth.max) {
    return Fail(ErrorCode::kCorrupt,
                fmt::format("{}: num_attention_heads {} x head_dim {} is more than {}",
                            fields.path(), config.n_heads, config.head_dim, kWidth.max));
  }
  return {};
}

Status ReadNumbers(const JsonObject& fields, ModelConfig* config) {
  ACCLLM_ASSIGN_OR_RETURN(const double eps, fields.Number("rms_norm_eps"));
  if (!(eps >= 0.0 && eps <= 1.0)) {
    return Fail(ErrorCode::kCorrupt,
                fmt::format("{} is {}, must lie in [0, 1]", fields.Where("rms_norm_eps"), eps));
  }
  config->rms_norm_eps = static_cast<float>(eps);
  if (fields.Has("tie_word_embeddings")) {
    ACCLLM_ASSIGN_OR_RETURN(config->tie_word_embeddings, fields.Bool("tie_word_embeddings"));
  }
  return {};
}

Result<double> ReadTheta(const JsonObject& fields) {
  ACCLLM_ASSIGN_OR_RETURN(const double theta, fields.Number("rope_theta"));
  if (theta >= 1.0 && theta <= kMaxRopeTheta) return theta;
  return Fail(ErrorCode::kCorrupt, fmt::format("{} is {}, must lie in [1, {}]",
                                               fields.Where("rope_theta"), theta, kMaxRopeTheta));
}

Status CheckRopeFactors(const JsonObject& fields, const ModelConfig& config) {
  const std::vector<double>& factors = config.rope_factors;
  if (std::ssize(factors) != config.head_dim / 2 ||
      !std::ranges::all_of(factors, [](double factor) { return factor > 0; })) {
    return Fail(ErrorCode::kCorrupt,
                fmt::format("{} must be {} positive numbers", fields.Where("rope_factors"),
                            config.head_dim / 2));
  }
  return {};
}

// Three spellings: "rope_theta" with "rope_scaling" beside it, "rope_parameters" with both inside,
// and the divisors themselves, as packed files hold them.
Status ReadRope(const JsonObject& fields, ModelConfig* config) {
  if (fields.Has("rope_theta")) {
    ACCLLM_ASSIGN_OR_RETURN(config->rope_theta, ReadTheta(fields));
  }
  if (fields.Has("rope_factors")) {
    ACCLLM_ASSIGN_OR_RETURN(config->rope_factors, fields.Numbers("rope_factors"));
    return CheckRopeFactors(fields, *config);
  }
  for (const char* key : {"rope_scaling", "rope_parameters"}) {
    if (!fields.Has(key)) continue;
    ACCLLM_ASSIGN_OR_RETURN(const JsonObject scaling, fields.Object(key));
    if (scaling.Has("rope_theta")) {
      ACCLLM_ASSIGN_OR_RETURN(config->rope_theta, ReadTheta(scaling));
    }
    ACCLLM_ASSIGN_OR_RETURN(config->rope_factors,
                            RopeFactorsFromFields(scaling, config->head_dim, config->rope_theta));
  }
  return {};
}

Status ReadTokenIds(const JsonObject& fields, ModelConfig* config) {
  const IntRange ids = {0, config->vocab_size - 1};
  if (fields.Has("bos_token_id")) {
    ACCLLM_ASSIGN_OR_RETURN(config->bos_token_id, fields.Int("bos_token_id", ids));
  }
  if (fields.IsArray("eos_token_id")) {
    ACCLLM_ASSIGN_OR_RETURN(config->eos_token_ids, fields.Ints("eos_token_id", ids));
  } else if (fields.Has("eos_token_id")) {
    ACCLLM_ASSIGN_OR_RETURN(const int64_t id, fields.Int("eos_token_id", ids));
    config->eos_token_ids = {id};
  }
  return {};
}

}  // namespace

std::string ModelConfigToJson(const ModelConfig& config) {
  std::string json = fmt::format("{{\"architectures\": [\"{}\"]", config.architecture);
  const auto add = [&json](std::string_view key, const auto& value) {
    json += fmt::format(", \"{}\": {}", key, value);
  };
  add("hidden_size", config.hidden_size);
  add("intermediate_size", config.intermediate_size);
  add("num_hidden_layers", config.n_layers);
  add("num_attention_heads", config.n_heads);
  add("num_key_value_heads", config.n_kv_heads);
  add("head_dim", config.head_dim);
  add("vocab_size", config.vocab_size);
  add("max_position_embeddings", config.max_position_embeddings);
  add("rms_norm_eps", config.rms_norm_eps);
  add("rope_theta", config.rope_theta);
  if (!config.rope_factors.empty()) {
    add("rope_factors", fmt::format("[{}]", fmt::join(config.rope_factors, ", ")));
  }
  if (config.sliding_window > 0) {
    add("use_sliding_window", true);
    add("sliding_window", config.sliding_window);
  }
  if (config.has_o_bias) add("attention_bias", true);
  if (config.has_mlp_bias) add("mlp_bias", true);
  add("tie_word_embeddings", config.tie_word_embeddings);
  if (config.bos_token_id >= 0) add("bos_token_id", config.bos_token_id);
  add("eos_token_id", fmt::format("[{}]", fmt::join(config.eos_token_ids, ", ")));
  return json + "}";
}

Result<ModelConfig> ModelConfigFromFields(const JsonObject& fields) {
  ModelConfig config;
  ACCLLM_ASSIGN_OR_RETURN(const Architecture* architecture, ReadArchitecture(fields));
  ACCLLM_RETURN_IF_ERROR(ReadParts(fields, *architecture, &config));
  ACCLLM_RETURN_IF_ERROR(ReadSizes(fields, &config));
  ACCLLM_RETURN_IF_ERROR(CheckHeads(fields, config));
  ACCLLM_RETURN_IF_ERROR(ReadNumbers(fields, &config));
  ACCLLM_RETURN_IF_ERROR(ReadRope(fields, &config));
  ACCLLM_RETURN_IF_ERROR(ReadTokenIds(fields, &config));
  return config;
}

Result<ModelConfig> ModelConfigFromJson(std::string_view json, const std::string& path) {
  ACCLLM_ASSIGN_OR_RETURN(const JsonObject fields, JsonObject::Parse(json, path));
  return ModelConfigFromFields(fields);
}

}  // namespace accllm
