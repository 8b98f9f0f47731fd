#include "compress/plan.h"

#include <gtest/gtest.h>

namespace accllm {
namespace {

ModelConfig SmallConfig() {
  ModelConfig c;
  c.hidden_size = 8;
  c.intermediate_size = 12;
  c.n_layers = 2;
  c.n_heads = 2;
  c.n_kv_heads = 1;
  c.head_dim = 4;
  c.vocab_size = 16;
  return c;
}

format::TensorType TypeOf(const std::vector<TensorPlan>& plan, std::string_view name) {
  for (const TensorPlan& tensor : plan) {
    if (tensor.name == name) return tensor.type;
  }
  ADD_FAILURE() << name;
  return format::TensorType::kF32;
}

TEST(Glob, StarsAndQuestionMarks) {
  EXPECT_TRUE(GlobMatches("*", ""));
  EXPECT_TRUE(GlobMatches("layers.*.down_proj", "layers.3.mlp.down_proj"));
  EXPECT_TRUE(GlobMatches("layers.?.mlp*", "layers.3.mlp.down_proj"));
  EXPECT_TRUE(GlobMatches("*a*b*c", "xaaybbzc"));
  EXPECT_FALSE(GlobMatches("layers.?.mlp", "layers.13.mlp"));
  EXPECT_FALSE(GlobMatches("", "a"));
  EXPECT_FALSE(GlobMatches("*a*b", "ba"));
}

TEST(Plan, DefaultsAndOverrides) {
  const auto plan = PlanTensors(
      SmallConfig(), format::TensorType::kW2S24,
      {{"*.down_proj", format::TensorType::kW4}, {"layers.1.*", format::TensorType::kF16}});
  ASSERT_TRUE(plan);
  EXPECT_EQ(TypeOf(*plan, "embed_tokens"), format::TensorType::kW8);
  EXPECT_EQ(TypeOf(*plan, "lm_head"), format::TensorType::kW8);
  EXPECT_EQ(TypeOf(*plan, "layers.0.self_attn.q_proj"), format::TensorType::kW2S24);
  EXPECT_EQ(TypeOf(*plan, "layers.0.mlp.down_proj"), format::TensorType::kW4);
  EXPECT_EQ(TypeOf(*plan, "layers.1.mlp.down_proj"), format::TensorType::kF16);
  EXPECT_EQ(TypeOf(*plan, "layers.1.input_layernorm"), format::TensorType::kF32);
  EXPECT_EQ(plan->size(), 2U * 9 + 3);
}

TEST(Plan, APatternWithoutAMatchIsAnError) {
  const auto plan = PlanTensors(SmallConfig(), format::TensorType::kW2,
                                {{"*.dwn_proj", format::TensorType::kW4}});
  ASSERT_FALSE(plan);
  EXPECT_NE(plan.error().message.find("dwn_proj"), std::string::npos);
}

}  // namespace
}  // namespace accllm
