#include "runtime/speculation.h"

#include <gtest/gtest.h>

namespace accllm {
namespace {

constexpr int64_t kMatch = 6;

// Runs passes on a machine where each further token of a pass costs `more` of the first, and a
// draft is right for `n_right` tokens. Returns the time against that of plain decoding.
double RelativeTime(DraftPolicy& policy, double more, int64_t n_right, int n_passes) {
  double seconds = 0;
  int64_t n_tokens = 0;
  for (int i = 0; i < n_passes; ++i) {
    const int64_t n = policy.Choose(kMatch, 7);
    const int64_t n_accepted = std::min(n, n_right);
    const double pass = 1.0 + more * static_cast<double>(n);
    policy.Record(kMatch, n, n_accepted, {pass});
    seconds += pass;
    n_tokens += 1 + n_accepted;
  }
  return seconds / static_cast<double>(n_tokens);
}

TEST(DraftPolicy, MeasuresAPlainPassFirst) {
  DraftPolicy policy(7);
  EXPECT_EQ(policy.Choose(kMatch, 7), 0);
  policy.Record(kMatch, 0, 0, {1.0});
  EXPECT_GT(policy.Choose(kMatch, 7), 0);
  EXPECT_EQ(policy.Choose(kMatch, 0), 0);
}

TEST(DraftPolicy, DraftsAsLongAsTheyAreRight) {
  DraftPolicy policy(7);
  EXPECT_LT(RelativeTime(policy, 0.02, 7, 400), 0.2);
  EXPECT_EQ(policy.Choose(kMatch, 7), 7);
}

TEST(DraftPolicy, LosesAlmostNothingWhereDraftsAreWrong) {
  for (const double more : {0.05, 0.3, 1.0}) {
    DraftPolicy policy(7);
    EXPECT_LT(RelativeTime(policy, more, 0, 2000), 1.015) << more;
  }
}

TEST(DraftPolicy, LosesAlmostNothingWhereEveryTokenCostsTheSame) {
  DraftPolicy policy(7);
  EXPECT_LT(RelativeTime(policy, 1.0, 1, 2000), 1.015);
}

TEST(DraftPolicy, ChoosesShortDraftsWhereOnlyTheyPay) {
  DraftPolicy policy(7);
  EXPECT_LT(RelativeTime(policy, 0.3, 2, 2000), 0.75);
}

TEST(DraftPolicy, TriesAgainWhenTheTextChanges) {
  DraftPolicy policy(7);
  RelativeTime(policy, 0.1, 0, 3000);
  EXPECT_LT(RelativeTime(policy, 0.1, 7, 6000), 0.5);
}

TEST(DraftPolicy, MeasuresPlainPassesNowAndThen) {
  DraftPolicy policy(7);
  int n_plain = 0;
  for (int i = 0; i < 1000; ++i) {
    const int64_t n = policy.Choose(kMatch, 7);
    n_plain += n == 0 ? 1 : 0;
    policy.Record(kMatch, n, n, {1.0});
  }
  EXPECT_GE(n_plain, 7);
  EXPECT_LE(n_plain, 10);
}

TEST(Speculation, CountsWhatBecameOfItsDrafts) {
  Speculation speculation(3);
  for (const int32_t token : {1, 2, 3, 4, 1, 2}) speculation.Append(token);
  EXPECT_TRUE(speculation.Draft(3).empty());  // no time measured yet
  speculation.Record(0, 1.0);
  const std::vector<int32_t> draft = speculation.Draft(2);
  ASSERT_FALSE(draft.empty());
  EXPECT_LE(draft.size(), 2U);
  EXPECT_EQ(draft.front(), 3);
  speculation.Record(1, 1.0);
  EXPECT_EQ(speculation.n_drafted(), std::ssize(draft));
  EXPECT_EQ(speculation.n_accepted(), 1);
  speculation.Clear();
  EXPECT_TRUE(speculation.Draft(2).empty());
}

}  // namespace
}  // namespace accllm
