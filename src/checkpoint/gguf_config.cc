#include "checkpoint/gguf_config.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "base/architecture.h"
#include "base/model_config_json.h"
#include "base/tensor_names.h"
#include "checkpoint/gguf_names.h"
#include "checkpoint/gguf_tokenizer.h"

namespace accllm {
namespace {

// Upper bounds far above any published model; ModelConfigFromJson checks the exact ones.
constexpr IntRange kSizes = {1, int64_t{1} << 32};
constexpr char kArchitectureKey[] = "general.architecture";
constexpr char kSlidingArchitecture[] = "MistralForCausalLM";
constexpr int32_t kFileTypeF16 = 1;

std::string SupportedNames() {
  std::vector<std::string_view> names;
  std::string text;
  for (const Architecture& architecture : kArchitectures) {
    if (std::ranges::find(names, architecture.gguf_name) != names.end()) continue;
    names.push_back(architecture.gguf_name);
    text += fmt::format("{}{}", text.empty() ? "" : ", ", architecture.gguf_name);
  }
  return text;
}

// Reads the keys of one architecture: "llama.block_count" is Int("block_count").
class ConfigReader {
 public:
  ConfigReader(const GgufFile& file, const Architecture& architecture)
      : file_(file), metadata_(file.metadata()), architecture_(architecture) {}

  Result<ModelConfig> Read() {
    config_.architecture = architecture_.name;
    ACCLLM_RETURN_IF_ERROR(CheckFeatures());
    ACCLLM_RETURN_IF_ERROR(ReadSizes());
    ACCLLM_RETURN_IF_ERROR(ReadHeads());
    ACCLLM_RETURN_IF_ERROR(ReadVocabulary());
    ACCLLM_RETURN_IF_ERROR(ReadNumbers());
    ACCLLM_RETURN_IF_ERROR(ReadRopeScaling());
    ACCLLM_RETURN_IF_ERROR(ReadRopeFactors());
    config_.has_qkv_bias = HasInLayer(LinearKind::kQ, ".bias");
    config_.has_o_bias = HasInLayer(LinearKind::kO, ".bias");
    config_.has_mlp_bias = HasInLayer(LinearKind::kGate, ".bias");
    config_.has_qk_norm = architecture_.has_qk_norm;
    return CheckedConfig();
  }

 private:
  std::string Key(std::string_view name) const {
    return fmt::format("{}.{}", architecture_.gguf_name, name);
  }

  Result<int64_t> Int(std::string_view name) const { return metadata_.Int(Key(name), kSizes); }

  Result<int64_t> IntOr(std::string_view name, int64_t fallback) const {
    if (!metadata_.Has(Key(name))) return fallback;
    return Int(name);
  }

  tl::unexpected<Error> Unsupported(const std::string& key, const std::string& value,
                                    std::string remedy) const {
    return Fail(ErrorCode::kUnsupported, fmt::format("{} is {}", metadata_.Where(key), value),
                std::move(remedy));
  }

  bool HasInLayer(LinearKind kind, std::string_view suffix) const {
    const std::string name = LayerTensorName(0, LinearName(kind)) + std::string(suffix);
    return file_.Find(GgufTensorName(name)) != nullptr;
  }

  Status CheckFeatures() const {
    const std::string experts = Key("expert_count");
    if (!metadata_.Has(experts)) return {};
    ACCLLM_ASSIGN_OR_RETURN(const int64_t n, metadata_.Int(experts, {}));
    if (n > 0) return Unsupported(experts, fmt::format("{}", n), "only dense models are supported");
    return {};
  }

  Status ReadSizes() {
    ACCLLM_ASSIGN_OR_RETURN(config_.hidden_size, Int("embedding_length"));
    ACCLLM_ASSIGN_OR_RETURN(config_.n_layers, Int("block_count"));
    ACCLLM_ASSIGN_OR_RETURN(config_.intermediate_size, PerLayerInt("feed_forward_length"));
    ACCLLM_ASSIGN_OR_RETURN(config_.max_position_embeddings, Int("context_length"));
    return {};
  }

  // An integer that some files give once for every layer.
  Result<int64_t> PerLayerInt(std::string_view name) const {
    const std::string key = Key(name);
    if (!metadata_.IsArray(key)) return Int(name);
    ACCLLM_ASSIGN_OR_RETURN(const std::vector<int64_t> values, metadata_.Ints(key, kSizes));
    if (values.empty() || std::ranges::count(values, values[0]) != std::ssize(values)) {
      return Unsupported(key, "not the same everywhere",
                         "only layers of equal shape are supported");
    }
    return values[0];
  }

  Status ReadHeads() {
    ACCLLM_ASSIGN_OR_RETURN(config_.n_heads, PerLayerInt("attention.head_count"));
    config_.n_kv_heads = config_.n_heads;
    if (metadata_.Has(Key("attention.head_count_kv"))) {
      ACCLLM_ASSIGN_OR_RETURN(config_.n_kv_heads, PerLayerInt("attention.head_count_kv"));
    }
    ACCLLM_ASSIGN_OR_RETURN(config_.head_dim,
                            IntOr("attention.key_length", config_.hidden_size / config_.n_heads));
    for (const char* name : {"attention.value_length", "rope.dimension_count"}) {
      ACCLLM_ASSIGN_OR_RETURN(const int64_t size, IntOr(name, config_.head_dim));
      if (size == config_.head_dim) continue;
      return Unsupported(Key(name), fmt::format("{}", size),
                         fmt::format("only the head size, {}, is supported", config_.head_dim));
    }
    return {};
  }

  Status ReadVocabulary() {
    const std::string name = GgufTensorName(kEmbedTokensName);
    const GgufTensor* embedding = file_.Find(name);
    if (embedding == nullptr || embedding->shape.size() != 2) {
      return Fail(ErrorCode::kNotFound, fmt::format("{}: no matrix {}", file_.path(), name),
                  "convert the checkpoint again");
    }
    config_.vocab_size = embedding->shape[0];
    config_.tie_word_embeddings = file_.Find(GgufTensorName(kLmHeadName)) == nullptr;
    ACCLLM_ASSIGN_OR_RETURN(GgufSpecialTokens special,
                            ReadGgufSpecialTokens(metadata_, config_.vocab_size));
    config_.bos_token_id = special.bos_id;
    config_.eos_token_ids = std::move(special.eos_ids);
    return {};
  }

  Status ReadNumbers() {
    ACCLLM_ASSIGN_OR_RETURN(const double eps,
                            metadata_.Number(Key("attention.layer_norm_rms_epsilon")));
    config_.rms_norm_eps = static_cast<float>(eps);
    if (metadata_.Has(Key("rope.freq_base"))) {
      ACCLLM_ASSIGN_OR_RETURN(config_.rope_theta, metadata_.Number(Key("rope.freq_base")));
    }
    ACCLLM_ASSIGN_OR_RETURN(config_.sliding_window, IntOr("attention.sliding_window", 0));
    if (config_.sliding_window > 0 && architecture_.gguf_interleaves_rope) {
      config_.architecture = kSlidingArchitecture;  // LLaMAs do not slide
    }
    return {};
  }

  // Divides all frequencies by the same factor.
  Status ReadRopeScaling() {
    const std::string key = Key("rope.scaling.type");
    std::string type = metadata_.Has(Key("rope.scale_linear")) ? "linear" : "none";
    if (metadata_.Has(key)) {
      ACCLLM_ASSIGN_OR_RETURN(type, metadata_.String(key));
    }
    if (type == "none") return {};
    if (type != "linear") {
      return Unsupported(key, fmt::format("'{}'", type), "only none and linear are supported");
    }
    const char* name =
        metadata_.Has(Key("rope.scaling.factor")) ? "rope.scaling.factor" : "rope.scale_linear";
    ACCLLM_ASSIGN_OR_RETURN(const double factor, metadata_.Number(Key(name)));
    if (factor != 1.0 && config_.head_dim <= kMaxHeadDim) {
      config_.rope_factors.assign(static_cast<size_t>(config_.head_dim / 2), factor);
    }
    return {};
  }

  // Divides each frequency by a factor of its own.
  Status ReadRopeFactors() {
    const GgufTensor* tensor = file_.Find(kGgufRopeFactorsName);
    if (tensor == nullptr) return {};
    if (tensor->shape != std::vector<int64_t>{config_.head_dim / 2}) {
      return Fail(ErrorCode::kCorrupt,
                  fmt::format("{}: tensor {} does not have {} values", file_.path(),
                              kGgufRopeFactorsName, config_.head_dim / 2),
                  "convert the checkpoint again");
    }
    ACCLLM_ASSIGN_OR_RETURN(const std::vector<float> factors,
                            file_.ReadFloats(kGgufRopeFactorsName));
    config_.rope_factors.resize(factors.size(), 1.0);
    for (size_t i = 0; i < factors.size(); ++i) config_.rope_factors[i] *= factors[i];
    return {};
  }

  // The config after the checks that those of all formats go through.
  Result<ModelConfig> CheckedConfig() const {
    const std::string json = ModelConfigToJson(config_);
    ACCLLM_ASSIGN_OR_RETURN(ModelConfig checked, ModelConfigFromJson(json, file_.path()));
    if (ModelConfigToJson(checked) == json && checked.has_qkv_bias == config_.has_qkv_bias &&
        checked.has_qk_norm == config_.has_qk_norm) {
      return checked;
    }
    return Fail(ErrorCode::kUnsupported,
                fmt::format("{}: biases or norms that {} does not have", file_.path(),
                            config_.architecture),
                "use the original checkpoint");
  }

  static constexpr int64_t kMaxHeadDim = 1 << 20;  // what may be allocated before it is checked

  const GgufFile& file_;
  const GgufMetadata& metadata_;
  const Architecture& architecture_;
  ModelConfig config_;
};

const Architecture& ArchitectureOf(const ModelConfig& config) {
  return *FindArchitecture(config.architecture);
}

}  // namespace

Result<ModelConfig> GgufModelConfig(const GgufFile& file) {
  const GgufMetadata& metadata = file.metadata();
  ACCLLM_ASSIGN_OR_RETURN(const std::string name, metadata.String(kArchitectureKey));
  const auto* architecture =
      std::ranges::find(kArchitectures, std::string_view(name), &Architecture::gguf_name);
  if (architecture == kArchitectures.end()) {
    return Fail(ErrorCode::kUnsupported,
                fmt::format("{} is '{}'", metadata.Where(kArchitectureKey), name),
                fmt::format("supported are {}", SupportedNames()));
  }
  return ConfigReader(file, *architecture).Read();
}

Status AddGgufConfig(const ModelConfig& config, const std::string& name,
                     GgufMetadataWriter* metadata) {
  if (std::max(config.max_position_embeddings, config.sliding_window) > int64_t{UINT32_MAX}) {
    return Fail(ErrorCode::kUnsupported,
                fmt::format("{}: a context of {} tokens", name, config.max_position_embeddings),
                "GGUF counts tokens in 32 bits");
  }
  const std::string architecture(ArchitectureOf(config).gguf_name);
  const auto key = [&architecture](std::string_view part) {
    return fmt::format("{}.{}", architecture, part);
  };
  metadata->AddString(kArchitectureKey, architecture);
  metadata->AddString("general.name", name);
  metadata->AddUint32("general.file_type", kFileTypeF16);
  metadata->AddUint32(key("vocab_size"), config.vocab_size);
  metadata->AddUint32(key("context_length"), config.max_position_embeddings);
  metadata->AddUint32(key("embedding_length"), config.hidden_size);
  metadata->AddUint32(key("block_count"), config.n_layers);
  metadata->AddUint32(key("feed_forward_length"), config.intermediate_size);
  metadata->AddUint32(key("attention.head_count"), config.n_heads);
  metadata->AddUint32(key("attention.head_count_kv"), config.n_kv_heads);
  metadata->AddUint32(key("attention.key_length"), config.head_dim);
  metadata->AddUint32(key("attention.value_length"), config.head_dim);
  metadata->AddFloat(key("attention.layer_norm_rms_epsilon"), config.rms_norm_eps);
  metadata->AddUint32(key("rope.dimension_count"), config.head_dim);
  metadata->AddFloat(key("rope.freq_base"), static_cast<float>(config.rope_theta));
  if (config.sliding_window > 0) {
    metadata->AddUint32(key("attention.sliding_window"), config.sliding_window);
  }
  if (config.rope_factors.empty()) return {};
  if (!NeedsRopeFactorsTensor(config)) {
    metadata->AddString(key("rope.scaling.type"), "linear");
    metadata->AddFloat(key("rope.scaling.factor"), static_cast<float>(config.rope_factors[0]));
    return {};
  }
  if (InterleavesRopeRows(config)) return {};
  return Fail(ErrorCode::kUnsupported,
              fmt::format("{}: {} with its own factor for each rotary frequency", name,
                          config.architecture),
              "in GGUF only llama can have them");
}

bool NeedsRopeFactorsTensor(const ModelConfig& config) {
  const std::vector<double>& factors = config.rope_factors;
  return !factors.empty() && std::ranges::count(factors, factors[0]) != std::ssize(factors);
}

bool InterleavesRopeRows(const ModelConfig& config) {
  return ArchitectureOf(config).gguf_interleaves_rope;
}

}  // namespace accllm
