#include "runtime/generate.h"

#include <gtest/gtest.h>

#include "runtime/testing/counting_model.h"

namespace accllm {
namespace {

bool Continue(int32_t /*token*/) { return true; }

TEST(Generate, FollowsTheModelUntilTheLimit) {
  testing::CountingModel model(100, 5.0F);
  Sampler sampler({});
  const std::vector<int32_t> prompt = {10, 11};
  const auto result = Generate(model, prompt, {4, {}}, sampler, Continue);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->tokens, (std::vector<int32_t>{12, 13, 14, 15}));
  EXPECT_EQ(model.position(), 5);  // the last token need not be run
}

TEST(Generate, StopTokensEndItAndAreNotPartOfIt) {
  testing::CountingModel model(100, 5.0F);
  Sampler sampler({});
  const std::vector<int32_t> prompt = {10};
  const auto result = Generate(model, prompt, {50, {13, 14}}, sampler, Continue);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->tokens, (std::vector<int32_t>{11, 12}));
}

TEST(Generate, TheCallbackCanStop) {
  testing::CountingModel model(100, 5.0F);
  Sampler sampler({});
  const std::vector<int32_t> prompt = {10};
  const auto result =
      Generate(model, prompt, {50, {}}, sampler, [](int32_t token) { return token < 12; });
  ASSERT_TRUE(result);
  EXPECT_EQ(result->tokens.size(), 2U);
}

TEST(Generate, ErrorsAreValues) {
  testing::CountingModel model(100, 5.0F);
  Sampler sampler({});
  EXPECT_FALSE(Generate(model, {}, {5, {}}, sampler, Continue));
  const std::vector<int32_t> bad = {100};
  EXPECT_FALSE(Generate(model, bad, {5, {}}, sampler, Continue));
}

}  // namespace
}  // namespace accllm
