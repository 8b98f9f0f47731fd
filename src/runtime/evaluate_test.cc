#include "runtime/evaluate.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "runtime/testing/counting_model.h"

namespace accllm {
namespace {

std::vector<int32_t> CountTo(int n) {
  std::vector<int32_t> tokens(static_cast<size_t>(n));
  for (int i = 0; i < n; ++i) tokens[static_cast<size_t>(i)] = i % 50;
  return tokens;
}

TEST(Evaluate, WindowsPredictAllButTheirFirstToken) {
  testing::CountingModel model(50, 3.0F);
  ThreadPool pool(2);
  const auto result =
      Evaluate(model, nullptr, nullptr, CountTo(1000), {300, 0, 0, 0}, pool, testing::kContinue);
  ASSERT_TRUE(result) << result.error().ToString();
  EXPECT_EQ(result->predictions, 3 * 299);
  EXPECT_NEAR(result->mean_nll, model.ExpectedNll(), 1e-6);
  EXPECT_NEAR(result->perplexity(), std::exp(model.ExpectedNll()), 1e-4);
}

TEST(Evaluate, AStreamPredictsEveryTokenButTheFirstInTenTenths) {
  testing::CountingModel model(50, 3.0F);
  testing::CountingModel fresh(50, 3.0F);
  ThreadPool pool(2);
  const auto result =
      Evaluate(model, nullptr, &fresh, CountTo(2345), {0, 5, 4, 20}, pool, testing::kContinue);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->predictions, 2344);
  ASSERT_EQ(result->tenths.size(), 10U);
  int64_t total = 0;
  for (const EvalSegment& tenth : result->tenths) {
    total += tenth.predictions;
    EXPECT_GE(tenth.samples, 4);
    EXPECT_NEAR(tenth.sampled_nll, tenth.recomputed_nll, 1e-9);
    EXPECT_NEAR(tenth.mean_nll, model.ExpectedNll(), 1e-6);
  }
  EXPECT_EQ(total, 2344);
}

TEST(Evaluate, DivergenceFromAnotherModel) {
  testing::CountingModel model(50, 1.0F);
  testing::CountingModel against(50, 3.0F);
  ThreadPool pool(2);
  const auto result =
      Evaluate(model, &against, nullptr, CountTo(600), {200, 0, 0, 0}, pool, testing::kContinue);
  ASSERT_TRUE(result);
  const double p = std::exp(-against.ExpectedNll());
  const double q = std::exp(-model.ExpectedNll());
  const double expected = p * std::log(p / q) + (1 - p) * std::log(((1 - p) / 49) / ((1 - q) / 49));
  EXPECT_NEAR(result->kl, expected, 1e-5);
  EXPECT_EQ(result->top1_agreement, 1.0);
}

TEST(Evaluate, TextsThatAreTooShortAndStoppingAreErrors) {
  testing::CountingModel model(50, 1.0F);
  testing::CountingModel other(51, 1.0F);
  ThreadPool pool(1);
  EXPECT_EQ(Evaluate(model, nullptr, nullptr, CountTo(10), {20, 0, 0, 0}, pool, testing::kContinue)
                .error()
                .code,
            ErrorCode::kInvalidArgument);
  EXPECT_FALSE(
      Evaluate(model, nullptr, nullptr, CountTo(1), {0, 0, 0, 0}, pool, testing::kContinue));
  EXPECT_FALSE(
      Evaluate(model, &other, nullptr, CountTo(100), {20, 0, 0, 0}, pool, testing::kContinue));
  const auto stopped = Evaluate(model, nullptr, nullptr, CountTo(100), {20, 0, 0, 0}, pool,
                                [](int64_t tokens) { return tokens < 40; });
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code, ErrorCode::kInterrupted);
}

}  // namespace
}  // namespace accllm
