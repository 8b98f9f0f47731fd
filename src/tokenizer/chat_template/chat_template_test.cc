// What the comparison with jinja2 (tests/chat_template) cannot show: errors, limits, threads.
#include "tokenizer/chat_template/chat_template.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <thread>

namespace accllm {
namespace {

using Json = ChatContext::Json;

Result<std::string> Render(const std::string& source, const ChatContext& context = {}) {
  ACCLLM_ASSIGN_OR_RETURN(const ChatTemplate chat_template, ChatTemplate::Parse(source, "t.jinja"));
  return chat_template.Render(context);
}

void ExpectError(const std::string& source, ErrorCode code, const std::string& part,
                 const ChatContext& context = {}) {
  const auto text = Render(source, context);
  ASSERT_FALSE(text) << source << " gave " << *text;
  EXPECT_EQ(text.error().code, code) << text.error().message;
  EXPECT_NE(text.error().message.find(part), std::string::npos) << text.error().message;
}

TEST(ChatTemplate, RendersAConversation) {
  ChatContext context;
  context.messages = Json::parse(R"([{"role": "user", "content": "Hi"}])");
  context.bos_token = "<s>";
  context.add_generation_prompt = true;
  const auto text = Render(
      "{{ bos_token }}{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}"
      "{% if add_generation_prompt %}>{% endif %}{{ tools is none }}{{ documents is none }}",
      context);
  ASSERT_TRUE(text) << text.error().message;
  EXPECT_EQ(*text, "<s>[user]Hi>TrueTrue");
}

TEST(ChatTemplate, KeepsItsSource) {
  const std::string source = "a\r\n{{ 1 }}\n";
  const auto chat_template = ChatTemplate::Parse(source, "t");
  ASSERT_TRUE(chat_template);
  EXPECT_EQ(chat_template->source(), source);
}

TEST(ChatTemplate, ErrorsNameLineAndSource) {
  ExpectError("a\nb {{ 1 + }}", ErrorCode::kCorrupt, "t.jinja:2: ");
  ExpectError("a\n\n{% if x %}", ErrorCode::kCorrupt, "t.jinja:3: ");
  ExpectError("a\n{% include 'x' %}", ErrorCode::kUnsupported,
              "t.jinja:2: the tag 'include' is not supported at '{% include 'x' %}'");
  ExpectError("{{ 1 }}\n{{ x | nofilter }}", ErrorCode::kUnsupported,
              "t.jinja:2: there is no filter 'nofilter' at 'nofilter }}'");
  ExpectError("\n{{ messages[0].content }}", ErrorCode::kInvalidArgument, "t.jinja:2: ");
  ExpectError("{{ 'a'.encode() }}", ErrorCode::kUnsupported, "str.encode is not supported");
}

TEST(ChatTemplate, RaiseExceptionGivesItsOwnWords) {
  const auto text = Render("{{ raise_exception('Roles must alternate!') }}");
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(text.error().ToString(), "Roles must alternate!");
}

TEST(ChatTemplate, ReplacesWhatIsNoUtf8) {
  ChatContext context;
  context.extra = {{"x", "a\xFFz"}};
  EXPECT_EQ(Render("\xC3{{ x }}", context).value(),
            "\xEF\xBF\xBD"
            "a\xEF\xBF\xBDz");
}

TEST(ChatTemplate, RefusesATemplateThatIsTooLarge) {
  ExpectError(std::string(ChatTemplate::kMaxSourceBytes + 1, 'x'), ErrorCode::kUnsupported,
              "bytes");
}

TEST(ChatTemplate, StopsWhenItTakesTooLong) {
  const std::string loops =
      "{% for a in range(9999) %}{% for b in range(9999) %}{% for c in range(9999) %}"
      "{% endfor %}{% endfor %}{% endfor %}";
  ExpectError(loops, ErrorCode::kUnsupported, "steps");
  ExpectError("{{ range(100001) }}", ErrorCode::kInvalidArgument, "Range too big");
}

TEST(ChatTemplate, StopsWhenItMakesTooMuch) {
  const std::string doubling =
      "{% set ns = namespace(s='0123456789') %}{% for i in range(60) %}{% set ns.s = ns.s ~ ns.s %}"
      "{% endfor %}";
  ExpectError(doubling, ErrorCode::kUnsupported, "bytes");
  ExpectError("{{ 'abc' * 1000000000000 }}", ErrorCode::kUnsupported, "");
  ExpectError("{{ [1] * 1000000000000 }}", ErrorCode::kUnsupported, "");
  ExpectError("{{ '%1000000000d' % 1 }}", ErrorCode::kUnsupported, "characters");
  ChatContext small;
  small.limits.max_text_bytes = 100;
  ExpectError("{% for i in range(51) %}ab{% endfor %}", ErrorCode::kUnsupported, "100 bytes",
              small);
}

TEST(ChatTemplate, StopsWhenItRecurses) {
  ExpectError("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", ErrorCode::kUnsupported, "deep");
  ExpectError(
      "{% set ns = namespace(x=[]) %}{% for i in range(500) %}{% set ns.x = [ns.x] %}"
      "{% endfor %}",
      ErrorCode::kUnsupported, "deep");
  ExpectError("{% set ns = namespace() %}{% set ns.me = ns %}{{ ns }}", ErrorCode::kUnsupported,
              "deep");
  ExpectError("{{ " + std::string(100000, '(') + "1" + std::string(100000, ')') + " }}",
              ErrorCode::kUnsupported, "deep");
  ExpectError("{{ " + std::string(100000, '-') + "1 }}", ErrorCode::kUnsupported, "deep");
  std::string sum = "{{ 1";
  for (int i = 0; i < 100000; ++i) sum += " + 1";
  ExpectError(sum + " }}", ErrorCode::kUnsupported, "long");
  std::string tags;
  for (int i = 0; i < 100000; ++i) tags += "{% if x %}";
  ExpectError(tags, ErrorCode::kUnsupported, "deep");
}

TEST(ChatTemplate, ALoopKeptInANamespaceMakesNoLongChain) {
  const auto text = Render(
      "{% set ns = namespace(l=[1]) %}{% for i in range(1000) %}{% for y in [ns.l] %}"
      "{% set ns.l = loop %}{% endfor %}{% endfor %}");
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().code, ErrorCode::kUnsupported);
}

TEST(ChatTemplate, RefusesMessagesThatAreNestedTooDeep) {
  Json deep = 1;
  for (int i = 0; i < 1000; ++i) deep = Json::array({deep});
  ChatContext context;
  context.extra = {{"x", deep}};
  ExpectError("{{ x }}", ErrorCode::kUnsupported, "deep", context);
}

TEST(ChatTemplate, ShowsLocalTime) {
  ChatContext context;
  context.now = 1735732800;
  EXPECT_EQ(Render("{{ strftime_now('%Y') }}", context).value(), "2025");
}

TEST(ChatTemplate, RendersInSeveralThreadsAtOnce) {
  const auto chat_template =
      ChatTemplate::Parse("{% for m in messages %}{{ m.content | upper }}{% endfor %}", "t");
  ASSERT_TRUE(chat_template);
  ChatContext context;
  for (int i = 0; i < 100; ++i) context.messages.push_back({{"content", "abc"}});
  std::vector<std::string> texts(4);
  std::vector<std::thread> threads;
  for (std::string& text : texts) {
    threads.emplace_back([&] {
      for (int i = 0; i < 20; ++i) text = chat_template->Render(context).value();
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::string& text : texts) EXPECT_EQ(text.size(), 300U);
}

RC_GTEST_PROP(ChatTemplate, TextWithoutTagsIsItself, (const std::vector<uint8_t>& letters)) {
  std::string text;
  for (const uint8_t letter : letters) text += static_cast<char>('a' + letter % 26);
  RC_ASSERT(Render(text).value() == text);
}

RC_GTEST_PROP(ChatTemplate, AStringLiteralIsItself, (const std::vector<uint8_t>& letters)) {
  std::string literal;
  std::string text;
  for (const uint8_t letter : letters) {
    const char c = static_cast<char>(letter % 95 + 32);
    text += c;
    if (c == '\'' || c == '\\') literal += '\\';
    literal += c;
  }
  RC_ASSERT(Render("{{ '" + literal + "' }}").value() == text);
}

}  // namespace
}  // namespace accllm
