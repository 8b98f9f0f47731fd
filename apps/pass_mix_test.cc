#include "pass_mix.h"

#include <gtest/gtest.h>

#include "accel/data.h"

namespace accllm::cli {
namespace {

std::string ErrorOf(const std::vector<std::string>& texts, int64_t generated) {
  const auto mix = ParsePassMix(texts, generated, 4);
  EXPECT_FALSE(mix) << texts.front();
  if (mix) return "";
  EXPECT_EQ(mix.error().code, ErrorCode::kInvalidArgument);
  EXPECT_FALSE(mix.error().remedy.empty());
  return mix.error().message;
}

TEST(PassMix, ReadsPassesTimesTokens) {
  const std::vector<std::string> texts = {"122x1", "705x2"};
  const auto mix = ParsePassMix(texts, 1500, 4);
  ASSERT_TRUE(mix) << mix.error().ToString();
  ASSERT_EQ(mix->kinds.size(), 2U);
  EXPECT_EQ(mix->kinds[1].count, 705);
  EXPECT_EQ(mix->kinds[1].n_tokens, 2);
  EXPECT_EQ(mix->generated, 1500);
  EXPECT_EQ(Describe(*mix), "122x1,705x2: 1500 tokens");
  EXPECT_EQ(ParsePassMix(texts, 0, 4)->generated, 122 + 2 * 705);
}

TEST(PassMix, NamesWhatItDoesNotUnderstand) {
  for (const std::string text :
       {"", "3", "3x", "x2", "3x5", "0x1", "-3x1", "3x0", "3 x 1", "3x1x"}) {
    EXPECT_EQ(ErrorOf({"1x1", text}, 0), fmt::format("--passes '{}' is not understood", text));
  }
  EXPECT_EQ(ErrorOf({"10x2"}, 9), "--generated 9 is impossible: 10 passes of 20 tokens together");
  EXPECT_EQ(ErrorOf({"10x2"}, 21), "--generated 21 is impossible: 10 passes of 20 tokens together");
}

TEST(PassMix, AddsTimesAndEnergies) {
  const auto coefficients =
      accel::ParseEnergyCoefficients(accel::DataText("energy.toml"), "energy.toml");
  ASSERT_TRUE(coefficients);
  std::vector<accel::PassEstimate> passes(2);
  for (size_t i = 0; i < passes.size(); ++i) {
    accel::EnergyCounts& counts = passes[i].counts;
    counts.seconds = 0.004 + 0.001 * static_cast<double>(i);
    counts.clock_mhz = 225;
    counts.used.ffs = 500'000;
    counts.hbm_read_bytes = 1e9;
  }
  const auto mix = EstimatePassMix({{{10, 1}, {30, 2}}, 60}, passes, *coefficients);
  ASSERT_TRUE(mix) << mix.error().ToString();
  EXPECT_DOUBLE_EQ(mix->tokens_per_s, 60 / (10 * 0.004 + 30 * 0.005));
  double joules = 0;
  for (size_t i = 0; i < passes.size(); ++i) {
    const auto one =
        accel::EstimateEnergy(passes[i].counts, 1, accel::EnergyScope::kCard, *coefficients);
    ASSERT_TRUE(one);
    joules += (i == 0 ? 10 : 30) * one->total_joules_per_token.nominal;
  }
  EXPECT_NEAR(mix->card.tokens_per_joule.nominal, 60 / joules, 1e-9);
  EXPECT_GT(mix->chip.tokens_per_joule.nominal, mix->card.tokens_per_joule.nominal);
}

}  // namespace
}  // namespace accllm::cli
