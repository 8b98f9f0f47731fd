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
      {"architectures", "[\"MistralForCausalLM\"]", kUnsupported, "MistralForCausalLM"},
      {"architectures", "[]", kUnsupported, "[]"},
      {"architectures", "\"LlamaForCausalLM\"", kCorrupt, "a string"},
      {"architectures", "", kNotFound, "missing"},
      {"hidden_act", "\"gelu\"", kUnsupported, "gelu"},
      {"hidden_act", "3", kCorrupt, "an integer"},
      {"attention_bias", "true", kUnsupported, "true"},
      {"mlp_bias", "true", kUnsupported, "true"},
      {"mlp_bias", "\"no\"", kCorrupt, "a string"},
      {"rope_scaling", "{\"factor\": 8.0}", kUnsupported, "an object"},
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
