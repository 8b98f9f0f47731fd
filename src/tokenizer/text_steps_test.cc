// The steps before the vocabulary: normaliser, splitter, added tokens.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <utf8proc.h>

#include <chrono>
#include <cstdlib>
#include <string>
#include <vector>

#include "tokenizer/added_tokens.h"
#include "tokenizer/text_normalizer.h"
#include "tokenizer/text_splitter.h"
#include "tokenizer/utf8.h"

namespace accllm {
namespace {

using Strings = std::vector<std::string>;

Strings SplitBy(const std::string& literal, SplitBehavior behavior, const std::string& text,
                bool is_inverted = false) {
  std::vector<SplitStep> steps(1);
  steps[0].literal = literal;
  steps[0].behavior = behavior;
  steps[0].is_inverted = is_inverted;
  Strings words;
  TextSplitter(std::move(steps)).Split(text, true, [&](std::string_view word) {
    words.emplace_back(word);
  });
  return words;
}

TEST(TextSplitter, KnowsWhatToDoWithMatches) {
  const std::string text = "the-final--countdown";
  EXPECT_EQ(SplitBy("-", SplitBehavior::kRemoved, text), (Strings{"the", "final", "countdown"}));
  EXPECT_EQ(SplitBy("-", SplitBehavior::kIsolated, text),
            (Strings{"the", "-", "final", "-", "-", "countdown"}));
  EXPECT_EQ(SplitBy("-", SplitBehavior::kMergedWithPrevious, text),
            (Strings{"the-", "final-", "-", "countdown"}));
  EXPECT_EQ(SplitBy("-", SplitBehavior::kMergedWithNext, text),
            (Strings{"the", "-final", "-", "-countdown"}));
  EXPECT_EQ(SplitBy("-", SplitBehavior::kContiguous, text),
            (Strings{"the", "-", "final", "--", "countdown"}));
  EXPECT_EQ(SplitBy("-", SplitBehavior::kRemoved, text, true), (Strings{"-", "-", "-"}));
}

TEST(TextSplitter, CutsWordsFurther) {
  std::vector<SplitStep> steps(2);
  steps[0].regex = *SplitRegex::Compile(" ?\\p{L}+", "w");
  steps[1].literal = "l";
  Strings words;
  TextSplitter(std::move(steps)).Split("hello 1", true, [&](std::string_view word) {
    words.emplace_back(word);
  });
  EXPECT_EQ(words, (Strings{"he", "l", "l", "o", " 1"}));
}

Strings Metaspace(PrependScheme scheme, const std::string& text, bool is_first) {
  std::vector<SplitStep> steps(1);
  steps[0].literal = "_";
  steps[0].behavior = SplitBehavior::kMergedWithNext;
  steps[0].replaced_space = "_";
  steps[0].prefix = "_";
  steps[0].prepend = scheme;
  Strings words;
  TextSplitter(std::move(steps)).Split(text, is_first, [&](std::string_view word) {
    words.emplace_back(word);
  });
  return words;
}

TEST(TextSplitter, MarksSpaces) {
  EXPECT_EQ(Metaspace(PrependScheme::kAlways, "a b", false), (Strings{"_a", "_b"}));
  EXPECT_EQ(Metaspace(PrependScheme::kAlways, " a", false), (Strings{"_a"}));
  EXPECT_EQ(Metaspace(PrependScheme::kFirst, "a b", true), (Strings{"_a", "_b"}));
  EXPECT_EQ(Metaspace(PrependScheme::kFirst, "a b", false), (Strings{"a", "_b"}));
  EXPECT_EQ(Metaspace(PrependScheme::kNever, "a  b", true), (Strings{"a", "_", "_b"}));
}

std::string ByLibrary(const std::string& text, UnicodeForm form) {
  const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(text.c_str());
  utf8proc_uint8_t* result = form == UnicodeForm::kNfc    ? utf8proc_NFC(bytes)
                             : form == UnicodeForm::kNfd  ? utf8proc_NFD(bytes)
                             : form == UnicodeForm::kNfkc ? utf8proc_NFKC(bytes)
                                                          : utf8proc_NFKD(bytes);
  std::string copy = reinterpret_cast<const char*>(result);
  std::free(result);
  return copy;
}

RC_GTEST_PROP(NormalizeUnicode, EqualsTheLibrary, ()) {
  std::string text;
  const auto code_points = *rc::gen::container<std::vector<uint32_t>>(rc::gen::oneOf(
      rc::gen::inRange<uint32_t>(1, 0x250), rc::gen::inRange<uint32_t>(0x300, 0x345),
      rc::gen::inRange<uint32_t>(0x1100, 0x1200), rc::gen::inRange<uint32_t>(0xAC00, 0xAC80),
      rc::gen::inRange<uint32_t>(0x900, 0xA00), rc::gen::inRange<uint32_t>(0xF900, 0xFFFE),
      rc::gen::inRange<uint32_t>('a', 'f')));
  for (const uint32_t c : code_points) AppendUtf8(c, &text);
  for (const auto form :
       {UnicodeForm::kNfc, UnicodeForm::kNfd, UnicodeForm::kNfkc, UnicodeForm::kNfkd}) {
    RC_ASSERT(NormalizeUnicode(text, form) == ByLibrary(text, form));
  }
}

TEST(NormalizeUnicode, ManyMarksTakeNoQuadraticTime) {
  std::string text = "a";
  for (int i = 0; i < 200000; ++i) text += i % 2 == 0 ? "\xCC\x81" : "\xCC\xA3";  // above, below
  const auto start = std::chrono::steady_clock::now();
  const std::string composed = NormalizeUnicode(text, UnicodeForm::kNfc);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
  EXPECT_EQ(composed.substr(0, 5), "\xE1\xBA\xA1\xCC\xA3");  // a with dot below, the other dots
}

TEST(TextNormalizer, AppliesStepsInOrder) {
  std::vector<NormalizerStep> steps(3);
  steps[0].kind = NormalizerStep::Kind::kPrepend;
  steps[0].content = " ";
  steps[1].kind = NormalizerStep::Kind::kReplace;
  steps[1].regex = *SplitRegex::Compile(" {2,}", "w");
  steps[1].content = "+";
  steps[2].kind = NormalizerStep::Kind::kReplace;
  steps[2].literal = " ";
  steps[2].content = "_";
  const TextNormalizer normalizer(std::move(steps));
  std::string storage;
  EXPECT_EQ(normalizer.Apply("a  b c", &storage), "_a+b_c");
  EXPECT_EQ(normalizer.Apply("", &storage), "");
}

// "text" in between, "<id>" for tokens.
std::string Found(std::vector<AddedToken> tokens, std::string_view text,
                  SpecialTokens special = SpecialTokens::kParse) {
  const auto added = AddedTokens::Make(std::move(tokens));
  EXPECT_TRUE(added);
  std::string result;
  added->Split(text, special, [&](const AddedTokens::Part& part) {
    result += part.id >= 0
                  ? "<" + std::to_string(part.id) + ">"
                  : std::string(text.substr(part.range.begin, part.range.end - part.range.begin));
  });
  return result;
}

AddedToken Token(const std::string& content, int32_t id) {
  AddedToken token;
  token.content = content;
  token.id = id;
  return token;
}

TEST(AddedTokens, TheLongestIsFound) {
  const std::vector<AddedToken> tokens = {Token("[a", 1), Token("[a]", 2), Token("[a]]x", 3),
                                          Token("]", 4)};
  EXPECT_EQ(Found(tokens, "x[a]]y"), "x<2><4>y");
  EXPECT_EQ(Found(tokens, "[a]]x[a"), "<3><1>");
  EXPECT_EQ(Found(tokens, "[b"), "[b");
  EXPECT_EQ(Found({}, "[a"), "[a");
  EXPECT_EQ(Found(tokens, ""), "");
}

TEST(AddedTokens, SpecialOnesCanStayText) {
  std::vector<AddedToken> tokens = {Token("<s>", 1), Token("<t>", 2), Token("s>", 3)};
  tokens[0].is_special = true;
  EXPECT_EQ(Found(tokens, "a<s><t>"), "a<1><2>");
  // What is inside a special token that stays text is not looked at.
  EXPECT_EQ(Found(tokens, "a<s><t>", SpecialTokens::kAsText), "a<s><2>");
}

TEST(AddedTokens, SingleWordsStandAlone) {
  std::vector<AddedToken> tokens = {Token("cat", 1)};
  tokens[0].is_single_word = true;
  EXPECT_EQ(Found(tokens,
                  "cat cats a-cat \xC3\xA9"
                  "cat _cat cat"),
            "<1> cats a-<1> \xC3\xA9"
            "cat _cat <1>");
}

TEST(AddedTokens, TakeSpaceAroundThem) {
  std::vector<AddedToken> tokens = {Token("[M]", 1), Token("[N]", 2)};
  tokens[0].takes_left_space = true;
  tokens[1].takes_right_space = true;
  EXPECT_EQ(Found(tokens, "a \xE3\x80\x80[M] b"), "a<1> b");
  EXPECT_EQ(Found(tokens, "a [N] \n b"), "a <2>b");
  EXPECT_EQ(Found(tokens, "[N]  [M]"), "<2><1>");
}

}  // namespace
}  // namespace accllm
