#include "base/model_config_json.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>

#include "base/tensor_names.h"

namespace accllm {
namespace {

ModelConfig SmallConfig() {
  ModelConfig config;
  config.architecture = "LlamaForCausalLM";
  config.hidden_size = 48;
  config.intermediate_size = 80;
  config.n_layers = 2;
  config.n_heads = 4;
  config.n_kv_heads = 2;
  config.head_dim = 16;
  config.vocab_size = 99;
  config.max_position_embeddings = 128;
  return config;
}

void ExpectSame(const ModelConfig& a, const ModelConfig& b) {
  EXPECT_EQ(a.architecture, b.architecture);
  EXPECT_EQ(a.hidden_size, b.hidden_size);
  EXPECT_EQ(a.intermediate_size, b.intermediate_size);
  EXPECT_EQ(a.n_layers, b.n_layers);
  EXPECT_EQ(a.n_heads, b.n_heads);
  EXPECT_EQ(a.n_kv_heads, b.n_kv_heads);
  EXPECT_EQ(a.head_dim, b.head_dim);
  EXPECT_EQ(a.vocab_size, b.vocab_size);
  EXPECT_EQ(a.max_position_embeddings, b.max_position_embeddings);
  EXPECT_EQ(a.rms_norm_eps, b.rms_norm_eps);
  EXPECT_EQ(a.rope_theta, b.rope_theta);
  EXPECT_EQ(a.tie_word_embeddings, b.tie_word_embeddings);
  EXPECT_EQ(a.bos_token_id, b.bos_token_id);
  EXPECT_EQ(a.eos_token_ids, b.eos_token_ids);
}

TEST(ModelConfigJson, RoundTrips) {
  ModelConfig config = SmallConfig();
  config.tie_word_embeddings = true;
  config.bos_token_id = 1;
  config.eos_token_ids = {2, 98};
  config.rope_theta = 500000.0;
  const auto back = ModelConfigFromJson(ModelConfigToJson(config), "x");
  ASSERT_TRUE(back) << back.error().message;
  ExpectSame(*back, config);
}

TEST(ModelConfigJson, TextIsCanonical) {
  const std::string json = ModelConfigToJson(SmallConfig());
  EXPECT_EQ(json,
            "{\"architectures\": [\"LlamaForCausalLM\"], \"hidden_size\": 48, "
            "\"intermediate_size\": 80, \"num_hidden_layers\": 2, \"num_attention_heads\": 4, "
            "\"num_key_value_heads\": 2, \"head_dim\": 16, \"vocab_size\": 99, "
            "\"max_position_embeddings\": 128, \"rms_norm_eps\": 1e-05, \"rope_theta\": 10000, "
            "\"tie_word_embeddings\": false, \"eos_token_id\": []}");
}

RC_GTEST_PROP(ModelConfigJson, NumbersKeepTheirBits, ()) {
  ModelConfig config = SmallConfig();
  config.rms_norm_eps = static_cast<float>(*rc::gen::inRange(0, 1 << 30)) * 0x1p-31F;
  config.rope_theta = 1.0 + *rc::gen::inRange(0, 1 << 30) / 3.0;
  const auto back = ModelConfigFromJson(ModelConfigToJson(config), "x");
  RC_ASSERT(back.has_value());
  RC_ASSERT(back->rms_norm_eps == config.rms_norm_eps);
  RC_ASSERT(back->rope_theta == config.rope_theta);
}

TEST(TensorNames, ShapesFollowTheConfig) {
  const ModelConfig config = SmallConfig();
  EXPECT_EQ(LayerTensorName(1, LinearKind::kDown), "layers.1.mlp.down_proj");
  EXPECT_EQ(LayerTensorName(0, VectorKind::kInputLayernorm), "layers.0.input_layernorm");
  EXPECT_EQ(ShapeOfLinear(config, LinearKind::kQ), (LinearShape{64, 48}));
  EXPECT_EQ(ShapeOfLinear(config, LinearKind::kV), (LinearShape{32, 48}));
  EXPECT_EQ(ShapeOfLinear(config, LinearKind::kO), (LinearShape{48, 64}));
  EXPECT_EQ(ShapeOfLinear(config, LinearKind::kUp), (LinearShape{80, 48}));
  EXPECT_EQ(ShapeOfLinear(config, LinearKind::kDown), (LinearShape{48, 80}));
}

}  // namespace
}  // namespace accllm
