#include "runtime/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <numeric>

#include "base/split_mix64.h"

namespace accllm {
namespace {

std::map<int32_t, int> Histogram(const SamplerOptions& options, std::span<const float> logits,
                                 int n) {
  Sampler sampler(options);
  std::map<int32_t, int> counts;
  for (int i = 0; i < n; ++i) ++counts[sampler.Sample(logits)];
  return counts;
}

constexpr std::array<float, 5> kLogits = {0.0F, 2.0F, 1.0F, 2.0F, -1.0F};

TEST(Sampler, GreedyTakesTheFirstMaximum) { EXPECT_EQ(Sampler({}).Sample(kLogits), 1); }

TEST(Sampler, FrequenciesFollowTheSoftmax) {
  SamplerOptions options;
  options.temperature = 0.7F;
  options.seed = 5;
  const int n = 40000;
  const auto counts = Histogram(options, kLogits, n);
  double total = 0;
  for (const float logit : kLogits) total += std::exp(logit / 0.7);
  for (int32_t token = 0; token < 5; ++token) {
    const double p = std::exp(kLogits[static_cast<size_t>(token)] / 0.7) / total;
    EXPECT_NEAR(counts.contains(token) ? counts.at(token) : 0, p * n,
                5 * std::sqrt(p * (1 - p) * n) + 1);
  }
}

// Penalties that overflow push tokens to the ends of their order.
TEST(Sampler, ExtremePenaltiesStillGiveTokens) {
  for (const float temperature : {0.0F, 1e-38F, 1.0F, 1e38F}) {
    for (const float repetition : {1e-45F, 1.0F, 3e38F}) {
      for (const float frequency : {-3e38F, 0.0F, 3e38F}) {
        SamplerOptions options;
        options.temperature = temperature;
        options.repetition_penalty = repetition;
        options.presence_penalty = frequency;
        options.frequency_penalty = frequency;
        options.penalty_last_n = 8;
        Sampler sampler(options);
        for (const int32_t token : {1, 1, 1, 2, 4}) sampler.Accept(token);
        for (int i = 0; i < 20; ++i) {
          const int32_t token = sampler.Sample(kLogits);
          ASSERT_TRUE(token >= 0 && token < 5);
          // What was said is out of the question, or the only answer.
          if (frequency > 0 && temperature <= 1.0F) {
            ASSERT_NE(token, 1);
          }
          if (frequency < 0 && temperature <= 1.0F && repetition == 1.0F) {
            ASSERT_TRUE(token == 1 || token == 2 || token == 4);
          }
        }
      }
    }
  }
}

TEST(Sampler, FiltersLeaveOnlyWhatTheyShould) {
  SamplerOptions options;
  options.temperature = 1.0F;
  options.top_k = 2;
  EXPECT_EQ(Histogram(options, kLogits, 500).size(), 2U);
  options.top_k = 0;
  options.top_p = 0.5F;  // each of the two best has 0.38
  auto counts = Histogram(options, kLogits, 500);
  EXPECT_EQ(counts.size(), 2U);
  EXPECT_TRUE(counts.contains(1) && counts.contains(3));
  options.top_p = 1.0F;
  options.min_p = 0.3F;  // e^-1 = 0.37 stays, e^-2 goes
  counts = Histogram(options, kLogits, 2000);
  EXPECT_EQ(counts.size(), 3U);
  EXPECT_TRUE(counts.contains(2));
  options.min_p = 1.0F;
  EXPECT_EQ(Histogram(options, kLogits, 500).size(), 2U);
}

// What is drawn is the token where the sum of probabilities, the likeliest first, passes the random
// number; all filters at once, on a vocabulary with many equal logits.
TEST(Sampler, DrawsInTheOrderOfLikelihood) {
  std::vector<float> logits(1000);
  for (size_t i = 0; i < logits.size(); ++i) logits[i] = static_cast<float>(i * 7919 % 41) * 0.2F;
  SamplerOptions options;
  options.temperature = 0.9F;
  options.top_k = 200;
  options.top_p = 0.8F;
  options.min_p = 0.05F;
  options.seed = 3;
  std::vector<int32_t> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int32_t a, int32_t b) {
    return logits[static_cast<size_t>(a)] > logits[static_cast<size_t>(b)];
  });
  const auto weight = [&](int32_t token) {
    return std::exp((static_cast<double>(logits[static_cast<size_t>(token)]) - 8.0) / 0.9);
  };
  order.resize(200);
  double total = 0;
  for (const int32_t token : order) total += weight(token);
  double kept = 0;
  size_t n = 0;
  while (kept < 0.8 * total && weight(order[n]) >= 0.05) kept += weight(order[n++]);
  EXPECT_EQ(n, 122U);
  uint64_t state = 3;
  Sampler sampler(options);
  for (int i = 0; i < 200; ++i) {
    double left = static_cast<double>(SplitMix64(state) >> 11) * 0x1p-53 * kept;
    size_t at = 0;
    while ((left -= weight(order[at])) >= 0) ++at;
    EXPECT_EQ(sampler.Sample(logits), order[at]);
  }
}

TEST(Sampler, TheSeedDecides) {
  SamplerOptions options;
  options.temperature = 2.0F;
  const auto draw = [&](uint64_t seed) {
    options.seed = seed;
    Sampler sampler(options);
    std::vector<int32_t> tokens;
    for (int i = 0; i < 50; ++i) tokens.push_back(sampler.Sample(kLogits));
    return tokens;
  };
  EXPECT_EQ(draw(1), draw(1));
  EXPECT_NE(draw(1), draw(2));
}

TEST(Sampler, PenaltiesChangeTheChoice) {
  SamplerOptions options;
  options.repetition_penalty = 2.0F;
  Sampler repetition(options);
  repetition.Accept(1);
  EXPECT_EQ(repetition.Sample(kLogits), 3);
  repetition.Accept(3);
  EXPECT_EQ(repetition.Sample(kLogits), 1);  // both halved to 1, as token 2: the first wins

  options = {};
  options.presence_penalty = 1.5F;
  Sampler presence(options);
  presence.Accept(1);
  presence.Accept(1);
  presence.Accept(3);
  EXPECT_EQ(presence.Sample(kLogits), 2);

  options = {};
  options.frequency_penalty = 0.4F;
  Sampler frequency(options);
  for (int i = 0; i < 2; ++i) frequency.Accept(1);
  frequency.Accept(3);
  EXPECT_EQ(frequency.Sample(kLogits), 3);  // 1.6 against 1.2 and 1.0
}

TEST(Sampler, OldTokensAreForgotten) {
  SamplerOptions options;
  options.presence_penalty = 5.0F;
  options.penalty_last_n = 2;
  Sampler sampler(options);
  sampler.Accept(1);
  sampler.Accept(0);
  EXPECT_EQ(sampler.Sample(kLogits), 3);
  sampler.Accept(0);
  EXPECT_EQ(sampler.Sample(kLogits), 1);
}

TEST(Sampler, BadOptionsAreNamed) {
  SamplerOptions options;
  options.top_p = 0.0F;
  EXPECT_NE(CheckSamplerOptions(options).error().message.find("--top-p"), std::string::npos);
  options = {};
  options.temperature = -1.0F;
  EXPECT_FALSE(CheckSamplerOptions(options));
  options.temperature = NAN;
  EXPECT_FALSE(CheckSamplerOptions(options));
  EXPECT_TRUE(CheckSamplerOptions({}));
}

}  // namespace
}  // namespace accllm
