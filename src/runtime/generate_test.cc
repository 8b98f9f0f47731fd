#include "runtime/generate.h"

#include <gtest/gtest.h>

#include "runtime/testing/counting_model.h"

namespace accllm {
namespace {

TEST(Generate, FollowsTheModelUntilTheLimit) {
  testing::CountingModel model(100, 5.0F);
  Sampler sampler({});
  const std::vector<int32_t> prompt = {10, 11};
  const auto result = Generate(model, prompt, {4, {}}, sampler, nullptr, testing::kContinue);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->tokens, (std::vector<int32_t>{12, 13, 14, 15}));
  EXPECT_EQ(model.position(), 5);  // the last token need not be run
}

TEST(Generate, StopTokensEndItAndAreNotPartOfIt) {
  testing::CountingModel model(100, 5.0F);
  Sampler sampler({});
  const std::vector<int32_t> prompt = {10};
  const auto result = Generate(model, prompt, {50, {13, 14}}, sampler, nullptr, testing::kContinue);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->tokens, (std::vector<int32_t>{11, 12}));
}

TEST(Generate, TheCallbackCanStop) {
  testing::CountingModel model(100, 5.0F);
  Sampler sampler({});
  const std::vector<int32_t> prompt = {10};
  const auto result =
      Generate(model, prompt, {50, {}}, sampler, nullptr, [](int32_t token) { return token < 12; });
  ASSERT_TRUE(result);
  EXPECT_EQ(result->tokens.size(), 2U);
}

TEST(Generate, NothingIsGeneratedWhereNothingIsWanted) {
  testing::CountingModel model(100, 5.0F);
  Sampler sampler({});
  const std::vector<int32_t> prompt = {10, 11};
  const auto result = Generate(model, prompt, {0, {}}, sampler, nullptr, testing::kContinue);
  ASSERT_TRUE(result);
  EXPECT_TRUE(result->tokens.empty());
  EXPECT_EQ(model.position(), 2);
}

// What plain decoding and decoding with drafts give; the prompt has gone round once.
struct Both {
  explicit Both(const GenerateOptions& options, const SamplerOptions& sampling = {},
                const std::function<bool(int32_t)>& on_token = testing::kContinue) {
    std::vector<int32_t> prompt;
    for (int32_t i = 0; i < 30; ++i) prompt.push_back(i % 20);
    for (Speculation* how : {static_cast<Speculation*>(nullptr), &speculation}) {
      testing::CountingModel model(20, 3.0F);
      Sampler sampler(sampling);
      const auto result = Generate(model, prompt, options, sampler, how, on_token);
      (how == nullptr ? plain : drafted) = result->tokens;
      (how == nullptr ? plain_position : drafted_position) = model.position();
    }
  }

  Speculation speculation{7};
  std::vector<int32_t> plain;
  std::vector<int32_t> drafted;
  int64_t plain_position = 0;
  int64_t drafted_position = 0;
};

TEST(Generate, DraftsChangeNoToken) {
  SamplerOptions varied;
  varied.temperature = 1.0F;
  varied.frequency_penalty = 0.01F;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    varied.seed = seed;
    const Both both({200, {}}, varied);
    EXPECT_EQ(both.drafted, both.plain) << seed;
    EXPECT_EQ(both.drafted_position, both.plain_position) << seed;
  }
}

TEST(Generate, DraftsStopWherePlainDecodingStops) {
  const Both limited({37, {}});
  EXPECT_EQ(limited.drafted, limited.plain);
  EXPECT_EQ(limited.drafted_position, limited.plain_position);
  const Both stopped({200, {8}});
  EXPECT_EQ(stopped.plain.size(), 18U);
  EXPECT_EQ(stopped.drafted, stopped.plain);
  EXPECT_EQ(stopped.drafted_position, stopped.plain_position);
  const Both interrupted({200, {}}, {}, [](int32_t token) { return token != 5; });
  EXPECT_EQ(interrupted.plain.size(), 16U);
  EXPECT_EQ(interrupted.drafted, interrupted.plain);
  EXPECT_EQ(interrupted.drafted_position, interrupted.plain_position);
}

// What passes cost is what the clock of the speculation says.
TEST(Generate, DraftsPayWherePassesCostTheSame) {
  std::vector<int32_t> prompt(40);
  for (size_t i = 0; i < prompt.size(); ++i) prompt[i] = static_cast<int32_t>(i % 20);
  const auto accepted = [&](bool each_token_costs) {
    testing::CountingModel model(20, 5.0F);
    Sampler sampler({});
    int64_t n_calls = 0;
    Speculation speculation(
        7, [&] { return static_cast<double>(each_token_costs ? model.position() : ++n_calls); });
    EXPECT_TRUE(Generate(model, prompt, {200, {}}, sampler, &speculation, testing::kContinue));
    return speculation.n_accepted();
  };
  EXPECT_GT(accepted(false), 150);
  EXPECT_LT(accepted(true), 20);
}

TEST(Generate, ErrorsAreValues) {
  testing::CountingModel model(100, 5.0F);
  Sampler sampler({});
  EXPECT_FALSE(Generate(model, {}, {5, {}}, sampler, nullptr, testing::kContinue));
  const std::vector<int32_t> bad = {100};
  EXPECT_FALSE(Generate(model, bad, {5, {}}, sampler, nullptr, testing::kContinue));
}

}  // namespace
}  // namespace accllm
