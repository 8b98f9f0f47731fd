#include "tokenizer/chars_map.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <vector>

#include "tokenizer/testing/model_builder.h"

namespace accllm {
namespace {

Status Check(const std::string& blob) {
  return CheckCharsMap({reinterpret_cast<const uint8_t*>(blob.data()), blob.size()}, "m");
}

void ExpectError(const std::string& blob, const std::string& part) {
  const Status status = Check(blob);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kCorrupt);
  EXPECT_NE(status.error().message.find(part), std::string::npos) << status.error().message;
}

// Overwrites unit `index` of the trie.
std::string WithUnit(std::string blob, size_t index, uint32_t unit) {
  for (size_t i = 0; i < 4; ++i) blob[4 + 4 * index + i] = static_cast<char>(unit >> (8 * i));
  return blob;
}

std::string SmallMap() { return testing::CharsMap({{"A", "a"}, {"BC", "bc"}, {"B", ""}}); }

TEST(CharsMap, AcceptsAValidMap) {
  const Status status = Check(SmallMap());
  EXPECT_TRUE(status) << status.error().message;
}

TEST(CharsMap, EveryTruncationIsAnError) {
  const std::string blob = SmallMap();
  // A cut right after a replacement's NUL may only drop a text that nothing points to.
  for (size_t n = 0; n + 1 < blob.size(); ++n) EXPECT_FALSE(Check(blob.substr(0, n))) << n;
}

TEST(CharsMap, RejectsBadSizes) {
  ExpectError(std::string("\xFF\xFF\xFF\xFF", 4) + SmallMap().substr(4), "does not fit");
  ExpectError(std::string("\x02\x00\x00\x00", 4) + SmallMap().substr(4), "does not fit");
  ExpectError(std::string("\x00\x00\x00\x00", 4) + SmallMap().substr(4), "empty");
  ExpectError(std::string(size_t{5} << 20, '\0'), "4 MiB");
}

TEST(CharsMap, RejectsOffsetsOutsideTheTrie) {
  ExpectError(WithUnit(SmallMap(), 0, 0xFFFFFFFFU & ~0x80000300U), "outside itself");
  ExpectError(WithUnit(SmallMap(), 256 + 'A', 'A' | 1U << 8 | 0x1FFFFFU << 10), "outside itself");
}

TEST(CharsMap, RejectsValuesOutsideTheReplacements) {
  // "A" is the root's child at 256 + 'A'; its leaf begins the next block.
  ExpectError(WithUnit(SmallMap(), 512, 0x80000000U | 1000), "outside the replacements");
}

TEST(CharsMap, RejectsCycles) {
  // The child "A" leads back to the block it lies in.
  ExpectError(WithUnit(SmallMap(), 256 + 'A', 'A' | ('A' << 10)), "cycle");
}

TEST(CharsMap, RejectsTooManyNestedMatches) {
  std::vector<std::pair<std::string, std::string>> rules;
  for (size_t n = 1; n <= 32; ++n) rules.emplace_back(std::string(n, 'x'), "y");
  EXPECT_TRUE(Check(testing::CharsMap(rules)));
  rules.emplace_back(std::string(33, 'x'), "y");
  ExpectError(testing::CharsMap(rules), "too many rules");
}

TEST(CharsMap, RejectsBadReplacements) {
  ExpectError(testing::CharsMap({{"A", std::string(257, 'a')}}), "too long");
  ExpectError(testing::CharsMap({{"A", "\xFF"}}), "not UTF-8");
  std::string open_end = SmallMap();
  open_end.back() = 'x';
  ExpectError(open_end, "not terminated");
}

TEST(CharsMap, FindsTheLongestRule) {
  const accllm::CharsMap map(testing::CharsMap({{"A", "a"}, {"ABC", "abc"}, {"B", ""}}));
  EXPECT_EQ(map.Longest("AB").length, 1U);
  EXPECT_EQ(map.Longest("AB").replacement, "a");
  EXPECT_EQ(map.Longest("ABCD").length, 3U);
  EXPECT_EQ(map.Longest("ABCD").replacement, "abc");
  EXPECT_EQ(map.Longest("B").length, 1U);
  EXPECT_EQ(map.Longest("B").replacement, "");
  EXPECT_EQ(map.Longest("x").length, 0U);
  EXPECT_EQ(map.Longest("").length, 0U);
  EXPECT_EQ(accllm::CharsMap().Longest("A").length, 0U);
}

RC_GTEST_PROP(CharsMap, FlippedBitsNeverCrash, ()) {
  std::string blob = SmallMap();
  const auto flips =
      *rc::gen::container<std::vector<size_t>>(rc::gen::inRange<size_t>(0, blob.size() * 8));
  for (const size_t bit : flips) blob[bit / 8] = static_cast<char>(blob[bit / 8] ^ (1 << bit % 8));
  (void)Check(blob);
}

}  // namespace
}  // namespace accllm
