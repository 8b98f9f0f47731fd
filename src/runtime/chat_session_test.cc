#include "runtime/chat_session.h"

#include <gtest/gtest.h>

#include "tokenizer/testing/model_builder.h"

namespace accllm {
namespace {

using Json = ChatSession::Json;

constexpr int64_t kVocabulary = 400;
constexpr int32_t kEos = 2;

// Answers with the tokens of `script`, then EOS, and keeps what it has read since the last Reset.
class ScriptedModel final : public LanguageModel {
 public:
  std::vector<int32_t> script;
  std::vector<int32_t> read;
  int n_resets = 0;

  int64_t vocab_size() const override { return kVocabulary; }
  int64_t position() const override { return static_cast<int64_t>(read.size()); }
  void Reset() override {
    read.clear();
    ++n_resets;
  }
  Status Append(std::span<const int32_t> tokens, int64_t n_logits, float* logits) override {
    ACCLLM_RETURN_IF_ERROR(CheckTokens(tokens, n_logits));
    if (tokens.size() > 1) next_ = 0;  // a new question
    read.insert(read.end(), tokens.begin(), tokens.end());
    if (n_logits == 0) return {};
    std::fill_n(logits, kVocabulary, 0.0F);
    logits[next_ < script.size() ? script[next_] : kEos] = 1;
    ++next_;
    return {};
  }

 private:
  size_t next_ = 0;
};

class ChatSessionTest : public ::testing::Test {
 protected:
  ChatSessionTest() : tokenizer_(MakeTokenizer()) { model_.script = IdsBehind("abc"); }

  // The ids of a text that does not start with the space that sentencepiece puts in front.
  std::vector<int32_t> IdsBehind(const std::string& text) const {
    const std::vector<int32_t> ids = tokenizer_.Encode("\n" + text);
    return {ids.begin() + static_cast<std::ptrdiff_t>(tokenizer_.Encode("\n").size()), ids.end()};
  }

  static Tokenizer MakeTokenizer() {
    const std::string bytes = testing::TestModelBytes();
    return *Tokenizer::Load({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}, "test");
  }

  ChatSession MakeSession(const std::string& source, ChatOptions options = {}) {
    options.bos_token = "<s>";
    options.eos_token = "</s>";
    options.bos_id = 1;
    std::optional<ChatTemplate> chat_template;
    if (!source.empty()) chat_template = *ChatTemplate::Parse(source, "test");
    if (source.empty()) options.stop_tokens = {kEos};
    return {model_, tokenizer_, std::move(chat_template), options};
  }

  static ChatAnswer Ask(ChatSession& session, const std::string& text) {
    auto answer = session.Ask(text, [](std::string_view) { return true; });
    EXPECT_TRUE(answer) << answer.error().ToString();
    return answer ? *answer : ChatAnswer();
  }

  ScriptedModel model_;
  Tokenizer tokenizer_;
};

constexpr const char* kTemplate =
    "{{ bos_token }}{% for m in messages %}[{{ m.role }}]{{ m.content }}{{ eos_token }}{% endfor %}"
    "{% if add_generation_prompt %}[assistant]{% endif %}";

TEST_F(ChatSessionTest, ReadsOnlyWhatIsNew) {
  ChatSession session = MakeSession(kTemplate);
  const ChatAnswer first = Ask(session, "abba");
  EXPECT_EQ(first.text, "abc");
  EXPECT_EQ(first.stopped_by, StoppedBy::kEndOfTurn);
  const ChatAnswer second = Ask(session, "cab");
  EXPECT_FALSE(second.is_reread);
  EXPECT_EQ(session.n_rereads(), 0);
  EXPECT_EQ(session.n_tokens(),
            first.n_prompt_tokens + first.n_tokens + second.n_prompt_tokens + second.n_tokens);
  // The pieces give the same as the whole.
  const std::string whole = "<s>[user]abba</s>[assistant]abc</s>[user]cab</s>[assistant]abc";
  EXPECT_EQ(tokenizer_.Decode(model_.read),
            tokenizer_.Decode(tokenizer_.Encode(whole, SpecialTokens::kParse)));
  EXPECT_EQ(std::count(model_.read.begin(), model_.read.end(), kEos), 3);
  EXPECT_EQ(session.messages().size(), 4U);
}

TEST_F(ChatSessionTest, FindsTheTokenThatEndsATurn) {
  EXPECT_EQ(MakeSession(kTemplate).stop_tokens(), std::vector<int64_t>{kEos});
  EXPECT_TRUE(
      MakeSession("{% for m in messages %}{{ m.content }}{% endfor %}").stop_tokens().empty());
}

TEST_F(ChatSessionTest, ReadsEverythingAnewIfTheTemplateChangedThePast) {
  ChatSession session = MakeSession(
      "{{ messages | length }}{% for m in messages %}[{{ m.content }}]{{ eos_token }}{% endfor %}");
  EXPECT_FALSE(Ask(session, "a").is_reread);
  EXPECT_TRUE(Ask(session, "b").is_reread);
  EXPECT_EQ(session.n_rereads(), 1);
}

TEST_F(ChatSessionTest, ATemplateThatTrimsTheAnswerChangesNothing) {
  ChatSession session = MakeSession(
      "{% for m in messages %}[{{ m.role }}] {{ m.content | trim }}{{ eos_token }}{% endfor %}"
      "{% if add_generation_prompt %}[assistant]{% endif %}");
  model_.script = IdsBehind(" abc ");
  Ask(session, "a");
  EXPECT_FALSE(Ask(session, "b").is_reread);
}

TEST_F(ChatSessionTest, StoppingKeepsWhatWasSaidAndReadsTheRestLater) {
  ChatSession session = MakeSession(kTemplate);
  const auto stopped = session.Ask("a", [](std::string_view text) { return text.empty(); });
  ASSERT_TRUE(stopped);
  EXPECT_EQ(stopped->stopped_by, StoppedBy::kInterrupt);
  EXPECT_EQ(stopped->n_tokens, 1);
  const int64_t before = session.n_tokens();
  const ChatAnswer next = Ask(session, "b");
  EXPECT_FALSE(next.is_reread);
  EXPECT_EQ(session.n_tokens(), before + next.n_prompt_tokens + next.n_tokens);
}

TEST_F(ChatSessionTest, WithoutATemplateTextContinuesText) {
  ChatSession session = MakeSession("");
  Ask(session, "ab");
  Ask(session, "hhdd");
  EXPECT_EQ(tokenizer_.Decode(model_.read), "ababchhddabc");
  EXPECT_EQ(model_.read.front(), 1);
  EXPECT_EQ(std::count(model_.read.begin(), model_.read.end(), 1), 1);
  EXPECT_FALSE(session.SetSystem("x"));
}

TEST_F(ChatSessionTest, AnErrorOfTheTemplateTakesTheTurnBack) {
  ChatSession session = MakeSession(
      "{% if messages[-1].content == 'bad' %}{{ raise_exception('not this') }}{% endif %}"
      "{{ messages[0].content }}{{ eos_token }}");
  const auto answer = session.Ask("bad", [](std::string_view) { return true; });
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().message, "not this");
  EXPECT_TRUE(session.messages().empty());
}

TEST_F(ChatSessionTest, SystemResetAndStoredMessages) {
  ChatSession session = MakeSession(kTemplate);
  ASSERT_TRUE(session.SetSystem("be"));
  Ask(session, "a");
  EXPECT_EQ(tokenizer_.Decode(model_.read).substr(0, 10), "[system]be");
  const Json stored = session.messages();
  session.Reset();
  EXPECT_EQ(session.messages().size(), 1U);
  ASSERT_TRUE(session.SetMessages(stored));
  EXPECT_TRUE(Ask(session, "b").is_reread);
  EXPECT_EQ(session.messages().size(), 5U);
  EXPECT_FALSE(session.SetMessages(Json::parse(R"([{"role": 1}])")));
  EXPECT_FALSE(session.SetMessages(Json::parse("{}")));
}

TEST_F(ChatSessionTest, AFullContextIsAnError) {
  ChatOptions options;
  options.max_tokens = 40;
  ChatSession session = MakeSession(kTemplate, options);
  const std::string text(200, 'a');
  const auto answer = session.Ask(text, [](std::string_view) { return true; });
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace accllm
