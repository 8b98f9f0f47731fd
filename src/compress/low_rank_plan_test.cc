#include "compress/low_rank_plan.h"

#include <gtest/gtest.h>

namespace accllm {
namespace {

using format::TensorType;

std::vector<TensorPlan> AnyPlan() {
  return {{"embed_tokens", TensorType::kW8, 100, 32},
          {"layers.0.input_layernorm", TensorType::kF32, 1, 32},
          {"layers.0.self_attn.k_proj", TensorType::kW2S24, 16, 32},
          {"layers.0.mlp.up_proj", TensorType::kF16, 64, 32},
          {"layers.0.mlp.down_proj", TensorType::kW4, 32, 64},
          {"lm_head", TensorType::kW8, 100, 32}};
}

TEST(WithLowRank, PutsBothHalvesBehindEveryQuantisedLinearLayer) {
  const auto plan = WithLowRank(AnyPlan(), 5);
  ASSERT_TRUE(plan);
  ASSERT_EQ(plan->size(), AnyPlan().size() + 4);
  EXPECT_EQ((*plan)[2].name, "layers.0.self_attn.k_proj");
  EXPECT_EQ((*plan)[3].name, "layers.0.self_attn.k_proj.lowrank_a");
  EXPECT_EQ((*plan)[3].type, TensorType::kI8);
  EXPECT_EQ((*plan)[3].rows, 5);
  EXPECT_EQ((*plan)[3].cols, 32);
  EXPECT_EQ((*plan)[4].name, "layers.0.self_attn.k_proj.lowrank_b");
  EXPECT_EQ((*plan)[4].rows, 5);
  EXPECT_EQ((*plan)[4].cols, 16);
  EXPECT_EQ((*plan)[5].name, "layers.0.mlp.up_proj");
  EXPECT_EQ((*plan)[7].name, "layers.0.mlp.down_proj.lowrank_a");
  EXPECT_EQ((*plan)[9].name, "lm_head");
}

TEST(WithLowRank, RankZeroChangesNothing) {
  EXPECT_EQ(WithLowRank(AnyPlan(), 0)->size(), AnyPlan().size());
}

TEST(WithLowRank, ErrorsNameTheLayerAndTheLimit) {
  const auto large = WithLowRank(AnyPlan(), 17);
  ASSERT_FALSE(large);
  EXPECT_NE(large.error().message.find("k_proj is [16, 32]"), std::string::npos);
  EXPECT_NE(large.error().remedy.find("16"), std::string::npos);
  EXPECT_FALSE(WithLowRank({{"layers.0.mlp.up_proj", TensorType::kF16, 64, 32}}, 2));
}

}  // namespace
}  // namespace accllm
