#include "checkpoint/config.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>

namespace accllm {
namespace {

constexpr char kPath[] = "model/config.json";

// A valid config in which `key` is replaced by `value`; an empty value removes it.
std::string ConfigWith(const std::string& key = "", const std::string& value = "") {
  const std::pair<std::string, std::string> fields[] = {
      {"architectures", "[\"LlamaForCausalLM\"]"},
      {"hidden_size", "64"},
      {"intermediate_size", "96"},
      {"num_hidden_layers", "2"},
      {"num_attention_heads", "4"},
      {"num_key_value_heads", "2"},
      {"head_dim", "16"},
      {"vocab_size", "100"},
      {"max_position_embeddings", "128"},
      {"rms_norm_eps", "1e-6"},
      {"rope_theta", "500000"},
      {"hidden_act", "\"silu\""},
      {"tie_word_embeddings", "true"},
      {"attention_bias", "false"},
      {"mlp_bias", "false"},
      {"rope_scaling", "null"},
      {"quantization_config", "null"},
      {"rope_factors", "null"},
      {"partial_rotary_factor", "null"},
      {"layer_types", "null"},
      {"sliding_window", "null"},
      {"use_sliding_window", "null"},
      {"max_window_layers", "null"},
      {"bos_token_id", "1"},
      {"eos_token_id", "[2, 3]"},
  };
  std::string json;
  for (const auto& [name, text] : fields) {
    if (name == key && value.empty()) continue;
    json += (json.empty() ? "{\"" : ",\"") + name + "\":" + (name == key ? value : text);
  }
  return json + "}";
}

TEST(Config, ReadsEveryField) {
  const auto config = ParseModelConfig(ConfigWith(), kPath);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->architecture, "LlamaForCausalLM");
  EXPECT_EQ(config->hidden_size, 64);
  EXPECT_EQ(config->intermediate_size, 96);
  EXPECT_EQ(config->n_layers, 2);
  EXPECT_EQ(config->n_heads, 4);
  EXPECT_EQ(config->n_kv_heads, 2);
  EXPECT_EQ(config->head_dim, 16);
  EXPECT_EQ(config->vocab_size, 100);
  EXPECT_EQ(config->max_position_embeddings, 128);
  EXPECT_EQ(config->rms_norm_eps, 1e-6F);
  EXPECT_EQ(config->rope_theta, 500000.0);
  EXPECT_TRUE(config->tie_word_embeddings);
  EXPECT_EQ(config->bos_token_id, 1);
  EXPECT_EQ(config->eos_token_ids, (std::vector<int64_t>{2, 3}));
}

TEST(Config, OptionalFieldsHaveDefaults) {
  EXPECT_EQ(ParseModelConfig(ConfigWith("num_key_value_heads"), kPath)->n_kv_heads, 4);
  EXPECT_EQ(ParseModelConfig(ConfigWith("head_dim"), kPath)->head_dim, 16);
  EXPECT_EQ(ParseModelConfig(ConfigWith("rope_theta"), kPath)->rope_theta, 10000.0);
  EXPECT_FALSE(ParseModelConfig(ConfigWith("tie_word_embeddings"), kPath)->tie_word_embeddings);
  EXPECT_EQ(ParseModelConfig(ConfigWith("bos_token_id", "null"), kPath)->bos_token_id, -1);
  EXPECT_TRUE(ParseModelConfig(ConfigWith("eos_token_id"), kPath)->eos_token_ids.empty());
  EXPECT_EQ(ParseModelConfig(ConfigWith("eos_token_id", "5"), kPath)->eos_token_ids,
            (std::vector<int64_t>{5}));
}

TEST(Config, EachArchitectureHasItsParts) {
  const auto llama = ParseModelConfig(ConfigWith("attention_bias", "true"), kPath);
  EXPECT_TRUE(llama->has_qkv_bias && llama->has_o_bias);
  EXPECT_FALSE(llama->has_mlp_bias || llama->has_qk_norm);
  EXPECT_TRUE(ParseModelConfig(ConfigWith("mlp_bias", "true"), kPath)->has_mlp_bias);
  const auto qwen2 = ParseModelConfig(ConfigWith("architectures", "[\"Qwen2ForCausalLM\"]"), kPath);
  EXPECT_TRUE(qwen2->has_qkv_bias);
  EXPECT_FALSE(qwen2->has_o_bias || qwen2->has_mlp_bias || qwen2->has_qk_norm);
  const auto qwen3 = ParseModelConfig(ConfigWith("architectures", "[\"Qwen3ForCausalLM\"]"), kPath);
  EXPECT_TRUE(qwen3->has_qk_norm);
  EXPECT_FALSE(qwen3->has_qkv_bias || qwen3->has_o_bias);
}

TEST(Config, SlidingWindowsCountWhereTheArchitectureSaysSo) {
  const auto with = [](const std::string& architecture, const std::string& window,
                       const std::string& use) {
    std::string json = ConfigWith("architectures", fmt::format("[\"{}\"]", architecture));
    json.replace(json.find("\"sliding_window\":null"), 21,
                 fmt::format("\"sliding_window\":{}", window));
    json.replace(json.find("\"use_sliding_window\":null"), 25,
                 fmt::format("\"use_sliding_window\":{}", use));
    return ParseModelConfig(json, kPath);
  };
  EXPECT_EQ(with("MistralForCausalLM", "40", "null")->sliding_window, 40);
  EXPECT_EQ(with("MistralForCausalLM", "null", "null")->sliding_window, 0);
  EXPECT_EQ(with("LlamaForCausalLM", "40", "null")->sliding_window, 0);
  EXPECT_EQ(with("Qwen2ForCausalLM", "40", "false")->sliding_window, 0);
  EXPECT_EQ(with("Qwen2ForCausalLM", "40", "true")->sliding_window, 40);
}

TEST(Config, LayersThatDifferAreRefused) {
  std::string json = ConfigWith("architectures", "[\"Qwen2ForCausalLM\"]");
  const auto set = [&json](const std::string& key, const std::string& value) {
    const std::string old = fmt::format("\"{}\":null", key);
    json.replace(json.find(old), old.size(), fmt::format("\"{}\":{}", key, value));
  };
  set("sliding_window", "40");
  set("use_sliding_window", "true");
  EXPECT_TRUE(ParseModelConfig(json, kPath));
  set("max_window_layers", "1");
  const auto config = ParseModelConfig(json, kPath);
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().code, ErrorCode::kUnsupported);
  EXPECT_NE(config.error().message.find("max_window_layers"), std::string::npos);
}

TEST(Config, RopeScalingBecomesFactors) {
  const auto factors = [](const std::string& key, const std::string& value) {
    return ParseModelConfig(ConfigWith(key, value), kPath);
  };
  EXPECT_TRUE(factors("rope_scaling", "null")->rope_factors.empty());
  EXPECT_EQ(factors("rope_scaling", "{\"type\": \"linear\", \"factor\": 4}")->rope_factors,
            std::vector<double>(8, 4.0));
  EXPECT_EQ(factors("rope_factors", "[1, 1, 1, 1.5, 2, 2, 2, 2]")->rope_factors[3], 1.5);
  // The newer spelling, whose theta lies inside.
  const auto nested = factors(
      "rope_scaling", "null, \"rope_parameters\": {\"rope_type\": \"default\", \"rope_theta\": 7}");
  EXPECT_EQ(nested->rope_theta, 7.0);
  EXPECT_TRUE(nested->rope_factors.empty());
}

struct BadField {
  const char* key;
  const char* value;  // "" removes the field
  ErrorCode code;
  const char* found;  // what the message must quote besides the field
};

TEST(Config, BadFieldsAreNamed) {
  constexpr auto kCorrupt = ErrorCode::kCorrupt;
  constexpr auto kUnsupported = ErrorCode::kUnsupported;
  constexpr auto kNotFound = ErrorCode::kNotFound;
  const BadField cases[] = {
      {"architectures", "[\"GPT2LMHeadModel\"]", kUnsupported, "GPT2LMHeadModel"},
      {"architectures", "[\"LlamaForCausalLM\", \"Other\"]", kUnsupported, "Other"},
      {"architectures", "[]", kUnsupported, "[]"},
      {"architectures", "\"LlamaForCausalLM\"", kCorrupt, "a string"},
      {"architectures", "", kNotFound, "missing"},
      {"hidden_act", "\"gelu\"", kUnsupported, "gelu"},
      {"hidden_act", "3", kCorrupt, "an integer"},
      {"attention_bias", "1", kCorrupt, "an integer"},
      {"mlp_bias", "\"no\"", kCorrupt, "a string"},
      {"rope_scaling", "{\"factor\": 8.0}", kNotFound, "missing"},
      {"rope_scaling", "{\"rope_type\": \"yarn\", \"factor\": 8.0}", kUnsupported, "yarn"},
      {"rope_scaling", "\"linear\"", kCorrupt, "a string"},
      {"rope_factors", "[1, 2]", kCorrupt, "8 positive numbers"},
      {"rope_factors", "[1, 2, 3, 4, 5, 6, 7, 0]", kCorrupt, "8 positive numbers"},
      {"partial_rotary_factor", "0.5", kUnsupported, "0.5"},
      {"layer_types", "[\"full_attention\", \"sliding_attention\"]", kUnsupported, "sliding"},
      {"quantization_config", "{\"bits\": 4}", kUnsupported, "an object"},
      {"hidden_size", "", kNotFound, "missing"},
      {"hidden_size", "0", kCorrupt, "0"},
      {"hidden_size", "-64", kCorrupt, "-64"},
      {"hidden_size", "64.0", kCorrupt, "a number"},
      {"hidden_size", "4611686018427387904", kCorrupt, "4611686018427387904"},
      {"hidden_size", "18446744073709551615", kCorrupt, "18446744073709551615"},
      {"hidden_size", "1e400", kCorrupt, "JSON"},
      {"intermediate_size", "[96]", kCorrupt, "an array"},
      {"num_hidden_layers", "1000000", kCorrupt, "1000000"},
      {"num_attention_heads", "\"4\"", kCorrupt, "a string"},
      {"num_key_value_heads", "3", kCorrupt, "not a multiple"},
      {"num_key_value_heads", "0", kCorrupt, "0"},
      {"head_dim", "15", kUnsupported, "odd"},
      {"vocab_size", "99999999", kCorrupt, "99999999"},
      {"max_position_embeddings", "-1", kCorrupt, "-1"},
      {"rms_norm_eps", "-1e-6", kCorrupt, "-1e-06"},
      {"rms_norm_eps", "null", kNotFound, "missing"},
      {"rope_theta", "0", kCorrupt, "0"},
      {"tie_word_embeddings", "1", kCorrupt, "an integer"},
      {"bos_token_id", "100", kCorrupt, "100"},
      {"eos_token_id", "[2, 100]", kCorrupt, "100"},
      {"eos_token_id", "[2, \"3\"]", kCorrupt, "a string"},
  };
  for (const BadField& c : cases) {
    const auto config = ParseModelConfig(ConfigWith(c.key, c.value), kPath);
    ASSERT_FALSE(config) << c.key << " " << c.value;
    const Error& error = config.error();
    EXPECT_EQ(error.code, c.code) << error.message;
    EXPECT_NE(error.message.find(kPath), std::string::npos) << error.message;
    EXPECT_NE(error.message.find(c.found), std::string::npos) << error.message;
    if (std::string(c.found) == "JSON") continue;
    EXPECT_NE(error.message.find(c.key), std::string::npos) << error.message;
  }
}

TEST(Config, HeadDimNeedsADivisor) {
  std::string json = ConfigWith("head_dim");
  json.replace(json.find("\"hidden_size\":64"), 16, "\"hidden_size\":66");
  const auto config = ParseModelConfig(json, kPath);
  ASSERT_FALSE(config);
  EXPECT_NE(config.error().ToString().find("add head_dim"), std::string::npos);
}

TEST(Config, LimitsSizeAndDepth) {
  std::string huge = ConfigWith();
  huge.insert(1, std::string(size_t{1} << 20, ' '));
  EXPECT_EQ(ParseModelConfig(huge, kPath).error().code, ErrorCode::kCorrupt);
  const std::string deep = std::string(500000, '[') + std::string(500000, ']');
  EXPECT_EQ(ParseModelConfig(ConfigWith("hidden_size", deep), kPath).error().code,
            ErrorCode::kCorrupt);
}

TEST(Config, EveryTruncationIsAnError) {
  const std::string json = ConfigWith();
  for (size_t n = 0; n < json.size(); ++n) {
    EXPECT_FALSE(ParseModelConfig(json.substr(0, n), kPath)) << n;
  }
}

RC_GTEST_PROP(Config, FlippedBitsNeverCrash, ()) {
  std::string json = ConfigWith();
  const auto flips =
      *rc::gen::container<std::vector<size_t>>(rc::gen::inRange<size_t>(0, json.size() * 8));
  for (const size_t bit : flips) json[bit / 8] = static_cast<char>(json[bit / 8] ^ (1 << bit % 8));
  const auto config = ParseModelConfig(json, kPath);
  if (!config) RC_ASSERT(config.error().message.find(kPath) != std::string::npos);
}

}  // namespace
}  // namespace accllm
