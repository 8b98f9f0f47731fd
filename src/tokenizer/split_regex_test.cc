#include "tokenizer/split_regex.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tokenizer/regex_dialect.h"

namespace accllm {
namespace {

std::vector<std::string> Matches(const std::string& pattern, std::string_view text) {
  const auto regex = SplitRegex::Compile(pattern, "t.json: field 'Regex'");
  if (!regex) {
    ADD_FAILURE() << regex.error().ToString();
    return {};
  }
  std::vector<std::string> matches;
  SplitRegex::Search search(*regex, text);
  while (const auto match = search.Next()) {
    matches.emplace_back(text.substr(match->begin, match->end - match->begin));
  }
  return matches;
}

using Strings = std::vector<std::string>;

TEST(SplitRegex, FindsMatchesOneAfterTheOther) {
  EXPECT_EQ(Matches("\\p{L}+|\\p{N}", "ab 12\xC3\xA9"), (Strings{"ab", "1", "2", "\xC3\xA9"}));
  EXPECT_EQ(Matches("\\s+(?!\\S)|\\s+", "a   b "), (Strings{"  ", " ", " "}));
  EXPECT_EQ(Matches("a", ""), Strings());
}

TEST(SplitRegex, SpacesAreUnicodes) {
  // U+0085 is one, U+180E and U+FEFF are none.
  EXPECT_EQ(Matches("\\s", "\xC2\x85\xE1\xA0\x8E\xEF\xBB\xBF\xE3\x80\x80"),
            (Strings{"\xC2\x85", "\xE3\x80\x80"}));
  EXPECT_EQ(Matches("[^\\s\\p{L}]+", "\xC2\x85\xE1\xA0\x8Ex"), (Strings{"\xE1\xA0\x8E"}));
}

TEST(SplitRegex, FoldsCaseAsUnicodeDoes) {
  // U+017F folds to s.
  EXPECT_EQ(Matches("(?i:'s)", "'S's'\xC5\xBF"), (Strings{"'S", "'s", "'\xC5\xBF"}));
}

TEST(SplitRegex, AnchorsAreThoseOfLines) {
  EXPECT_EQ(Matches("^a|b$", "a\nab\nb"), (Strings{"a", "a", "b", "b"}));
  EXPECT_EQ(Matches("b\\z", "b\nb"), Strings{"b"});
}

TEST(SplitRegex, TranslatesEscapes) {
  EXPECT_EQ(*TranslateRegex("\\u00e9[\\x41\\x{42}]", "w"), "\\x{00e9}[\\x{41}\\x{42}]");
  EXPECT_EQ(Matches("\\w+", "a_1\xCC\x81 b"), (Strings{"a_1\xCC\x81", "b"}));
  EXPECT_EQ(Matches("\\W", "a-b"), Strings{"-"});
  EXPECT_EQ(Matches("[\\w-]+", "a-b c"), (Strings{"a-b", "c"}));
  EXPECT_EQ(Matches("x{2,3}", "xxxx"), Strings{"xxx"});
}

TEST(SplitRegex, RejectsWhatMeansSomethingElse) {
  for (const char* pattern :
       {"[a[b]]", "[a&&b]", "[]a]",  "a{,3}", "a{2}+",  "a{",       "\\h",       "\\b",
        "\\1",    "\\R",    "\\v",   "\\Qa",  "(?m:a)", "(?P<n>a)", "(*UCP)a",   "\\pL",
        "\\p{",   "\\x4",   "\\u12", "a\\",   "[\\W]",  "[\\z]",    "\\\xC3\xA9"}) {
    const auto regex = SplitRegex::Compile(pattern, "t.json: field 'Regex'");
    ASSERT_FALSE(regex) << pattern;
    EXPECT_EQ(regex.error().code, ErrorCode::kUnsupported);
    EXPECT_EQ(regex.error().message.find("t.json: field 'Regex'"), 0U) << regex.error().message;
    EXPECT_FALSE(regex.error().remedy.empty());
  }
}

TEST(SplitRegex, RejectsPatternsThatDoNotCompileOrMatchNothing) {
  for (const char* pattern : {"(a", "a)", "[a", "*", "\\p{Nonsense}", "a*", "(?=a)", ""}) {
    EXPECT_FALSE(SplitRegex::Compile(pattern, "w")) << pattern;
  }
  EXPECT_FALSE(SplitRegex::Compile(std::string(100, '(') + "a" + std::string(100, ')'), "w"));
  EXPECT_FALSE(SplitRegex::Compile(std::string(20000, 'a'), "w"));
}

TEST(SplitRegex, NoPatternHangs) {
  const std::string text(2000, 'a');
  EXPECT_EQ(Matches("(a+)+b", text), Strings());
  EXPECT_EQ(Matches("(?:(?:a|a)*)*b", text), Strings());
}

TEST(SplitRegex, LongMatchesFitTheLimits) {
  const std::string spaces(size_t{1} << 20, ' ');
  EXPECT_EQ(Matches("\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+", spaces + "x").size(), 2U);
  const std::string upper(size_t{1} << 20, 'A');
  EXPECT_EQ(Matches("\\p{Lu}*\\p{Ll}+(?:'s)?|\\p{Lu}+", upper), Strings{upper});
}

}  // namespace
}  // namespace accllm
