#include "tokenizer/utf8.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

namespace accllm {
namespace {

std::string Encode(uint32_t code_point) {
  constexpr uint32_t kLimits[] = {0x80, 0x800, 0x10000, 0x110000};
  constexpr uint32_t kLeads[] = {0, 0xC0, 0xE0, 0xF0};
  size_t n_following = 0;
  while (code_point >= kLimits[n_following]) ++n_following;
  std::string text;
  text.push_back(static_cast<char>(kLeads[n_following] | code_point >> (6 * n_following)));
  for (size_t i = n_following; i-- > 0;) {
    text.push_back(static_cast<char>(0x80 | (code_point >> (6 * i) & 63)));
  }
  return text;
}

TEST(Utf8, EveryCodePointIsCompleteAndItsPrefixesIncomplete) {
  for (uint32_t code_point = 0; code_point <= 0x10FFFF; ++code_point) {
    std::string text = Encode(code_point);
    const size_t length = text.size();
    const bool is_surrogate = code_point >= 0xD800 && code_point <= 0xDFFF;
    const Utf8Step step = FirstCodePoint(text.append("\x80"));
    ASSERT_EQ(step.state, is_surrogate ? Utf8State::kInvalid : Utf8State::kComplete) << code_point;
    if (is_surrogate) continue;
    ASSERT_EQ(step.length, length);
    for (size_t n = 1; n < length; ++n) {
      std::string prefix = text.substr(0, n);
      ASSERT_EQ(FirstCodePoint(prefix).state, Utf8State::kIncomplete);
      prefix.push_back('a');
      ASSERT_EQ(FirstCodePoint(prefix).state, Utf8State::kInvalid);
    }
  }
}

TEST(Utf8, RejectsOverlongAndOutOfRangeForms) {
  for (const char* text : {"\x80", "\xC0\x80", "\xC1\xBF", "\xE0\x9F\xBF", "\xF0\x8F\xBF\xBF",
                           "\xF4\x90\x80\x80", "\xF5", "\xFF"}) {
    const Utf8Step step = FirstCodePoint(text);
    EXPECT_EQ(step.state, Utf8State::kInvalid) << text;
    EXPECT_EQ(step.length, 1U);
  }
}

TEST(Utf8, DecodesAndAppends) {
  for (uint32_t code_point = 0; code_point <= 0x10FFFF; ++code_point) {
    if (code_point >= 0xD800 && code_point <= 0xDFFF) continue;
    std::string text;
    AppendUtf8(code_point, &text);
    ASSERT_EQ(text, Encode(code_point));
    ASSERT_EQ(Utf8Length(text[0]), text.size());
    ASSERT_EQ(DecodeUtf8(text), code_point);
  }
}

TEST(Utf8, RepairsEachByte) {
  const std::string r(kReplacementCharacter);
  std::string storage;
  const std::string valid = "0123456789 \xC3\xA9";
  EXPECT_EQ(RepairUtf8(valid, &storage).data(), valid.data());
  EXPECT_EQ(RepairUtf8("0123456789abcdef\xFF\xE2\x82z\xC3", &storage),
            "0123456789abcdef" + r + r + r + "z" + r);
  EXPECT_EQ(RepairUtf8("", &storage), "");
}

TEST(Utf8, KnowsHowFarACodePointGoes) {
  EXPECT_EQ(FirstCodePoint("\xE2\x82z").valid_start, 2U);
  EXPECT_EQ(FirstCodePoint("\xF0\x9F\x98").valid_start, 3U);
  EXPECT_EQ(FirstCodePoint("\xE0\x80\x80").valid_start, 1U);
  EXPECT_EQ(FirstCodePoint("\x80").valid_start, 1U);
}

TEST(Utf8, ValidatesWholeTexts) {
  EXPECT_TRUE(IsValidUtf8(""));
  EXPECT_TRUE(IsValidUtf8("a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"));
  EXPECT_FALSE(IsValidUtf8("a\xC3"));
  EXPECT_FALSE(IsValidUtf8("\xFF z"));
}

}  // namespace
}  // namespace accllm
