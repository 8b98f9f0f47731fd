#include "tokenizer/bpe_merger.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>
#include <tuple>
#include <vector>

namespace accllm {
namespace {

using Merges = std::vector<BpeMerger::Merge>;

std::vector<int32_t> Apply(const Merges& merges, std::vector<int32_t> symbols) {
  BpeMerger::Scratch scratch;
  BpeMerger(merges).Apply(&symbols, &scratch);
  return symbols;
}

// The definition, word for word.
std::vector<int32_t> ApplySlowly(const Merges& merges, std::vector<int32_t> s) {
  std::map<std::pair<int32_t, int32_t>, std::pair<int32_t, int32_t>> table;
  for (const auto& m : merges) table[{m.left, m.right}] = {m.rank, m.result};
  while (true) {
    size_t best = s.size();
    int32_t best_rank = INT32_MAX;
    for (size_t i = 0; i + 1 < s.size(); ++i) {
      const auto it = table.find({s[i], s[i + 1]});
      if (it == table.end() || it->second.first >= best_rank) continue;
      best = i;
      best_rank = it->second.first;
    }
    if (best == s.size()) return s;
    s[best] = table[{s[best], s[best + 1]}].second;
    s.erase(s.begin() + static_cast<int64_t>(best) + 1);
  }
}

TEST(BpeMerger, JoinsTheBestPairFirst) {
  const Merges merges = {{0, 1, 1, 10}, {1, 2, 0, 11}, {10, 11, 2, 12}};
  EXPECT_EQ(Apply(merges, {0, 1, 2}), (std::vector<int32_t>{0, 11}));
  EXPECT_EQ(Apply(merges, {0, 1, 1, 2}), (std::vector<int32_t>{12}));
  EXPECT_EQ(Apply(merges, {}), std::vector<int32_t>());
  EXPECT_EQ(Apply(merges, {2}), (std::vector<int32_t>{2}));
}

TEST(BpeMerger, JoinsTheLeftmostOfEquals) {
  EXPECT_EQ(Apply({{0, 0, 0, 1}}, {0, 0, 0}), (std::vector<int32_t>{1, 0}));
}

TEST(BpeMerger, TheLastOfRepeatedMergesCounts) {
  EXPECT_EQ(Apply({{0, 0, 0, 1}, {0, 0, 1, 2}}, {0, 0}), (std::vector<int32_t>{2}));
}

RC_GTEST_PROP(BpeMerger, EqualsTheDefinition, ()) {
  // A symbol is the string of zeros and ones after the leading one of its binary digits, so that
  // results are symbols whose pairs can be joined again. Some ranks are equal.
  Merges merges;
  const auto n_merges = *rc::gen::inRange(1, 40);
  std::vector<int32_t> symbols = {2, 3};
  for (int32_t i = 0; i < n_merges; ++i) {
    const int32_t left = *rc::gen::elementOf(symbols);
    const int32_t right = *rc::gen::elementOf(symbols);
    int32_t width = 0;
    while (right >> (width + 1) != 0) ++width;
    const int64_t result = int64_t{left} << width | (right & ((1 << width) - 1));
    if (result > INT32_MAX) continue;
    merges.push_back({left, right, *rc::gen::inRange(0, 30), static_cast<int32_t>(result)});
    symbols.push_back(static_cast<int32_t>(result));
  }
  // The same result has the same rank, as in sentencepiece.
  std::map<int32_t, int32_t> ranks;
  for (auto& merge : merges) merge.rank = ranks.emplace(merge.result, merge.rank).first->second;
  const auto n = *rc::gen::inRange<size_t>(0, 200);
  const auto text = *rc::gen::container<std::vector<int32_t>>(n, rc::gen::inRange(2, 4));
  RC_ASSERT(Apply(merges, text) == ApplySlowly(merges, text));
}

TEST(BpeMerger, LongWordsTakeNoQuadraticTime) {
  Merges merges;
  for (int32_t i = 0; i < 20; ++i) merges.push_back({i, i, i, i + 1});
  const std::vector<int32_t> result = Apply(merges, std::vector<int32_t>((1 << 20) + 1, 0));
  EXPECT_EQ(result, (std::vector<int32_t>{20, 0}));
}

}  // namespace
}  // namespace accllm
