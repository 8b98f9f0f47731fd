#include "runtime/ngram_index.h"

#include <gtest/gtest.h>

namespace accllm {
namespace {

using Tokens = std::vector<int32_t>;

NgramIndex IndexOf(const Tokens& text) {
  NgramIndex index;
  for (const int32_t token : text) index.Append(token);
  return index;
}

TEST(NgramIndex, FindsWhatFollowedTheLastOccurrence) {
  const NgramIndex index = IndexOf({1, 2, 3, 9, 1, 2, 4, 5, 6, 1, 2});
  const NgramIndex::Match match = index.Lookup(3);
  EXPECT_EQ(match.next, (Tokens{4, 5, 6}));
  EXPECT_EQ(match.length, 2);
}

TEST(NgramIndex, PrefersTheLongerMatch) {
  const NgramIndex index = IndexOf({7, 1, 2, 3, 8, 1, 2, 4, 7, 1, 2});
  const NgramIndex::Match match = index.Lookup(1);
  EXPECT_EQ(match.next, Tokens{3});
  EXPECT_EQ(match.length, 3);
}

TEST(NgramIndex, GoesRoundAtTheEnd) {
  const NgramIndex::Match match = IndexOf({5, 6, 5, 6, 5}).Lookup(5);
  EXPECT_EQ(match.next, (Tokens{6, 5, 6, 5, 6}));
}

TEST(NgramIndex, HasNothingForANewText) {
  EXPECT_TRUE(IndexOf({}).Lookup(4).next.empty());
  EXPECT_TRUE(IndexOf({1}).Lookup(4).next.empty());
  EXPECT_TRUE(IndexOf({1, 2, 3, 4, 1}).Lookup(4).next.empty());  // one token is no n-gram
  EXPECT_TRUE(IndexOf({1, 2, 1, 2}).Lookup(0).next.empty());
}

TEST(NgramIndex, ForgetsTheOlderHalfOfALongText) {
  NgramIndex index;
  constexpr int32_t kPeriod = 140'000;  // longer than what is ever kept
  for (int32_t i = 0; i < 2 * kPeriod + 10; ++i) index.Append(i % kPeriod);
  EXPECT_TRUE(index.Lookup(4).next.empty());
  for (const int32_t token : {kPeriod, 1, 2, kPeriod, 1}) index.Append(token);
  EXPECT_EQ(index.Lookup(2).next, (Tokens{2, kPeriod}));
  index.Clear();
  EXPECT_TRUE(index.Lookup(2).next.empty());
}

}  // namespace
}  // namespace accllm
