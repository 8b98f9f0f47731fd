#include "runtime/chat_session.h"

#include <algorithm>
#include <ctime>

namespace accllm {
namespace {

using Json = ChatSession::Json;

constexpr std::string_view kSpaces = " \t\r\n";
// A long conversation takes many steps to render, all of them wanted.
constexpr int64_t kStepsPerMessage = 2000;

std::string_view Trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(kSpaces);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpaces) + 1 - begin);
}

bool IsMessage(const Json& message) {
  return message.is_object() && message.contains("role") && message["role"].is_string() &&
         message.contains("content") && message["content"].is_string();
}

bool HasSystem(const Json& messages) {
  return !messages.empty() && messages[0]["role"] == "system";
}

}  // namespace

ChatSession::ChatSession(LanguageModel& model, const Tokenizer& tokenizer,
                         std::optional<ChatTemplate> chat_template, ChatOptions options)
    : model_(model),
      tokenizer_(tokenizer),
      template_(std::move(chat_template)),
      options_(std::move(options)),
      sampler_(options_.sampler),
      speculation_(options_.max_draft, MonotonicSeconds, options_.draft_model),
      decoder_(tokenizer) {
  AddEndOfTurn();
}

// The special token that the template writes behind an answer ends one, too.
void ChatSession::AddEndOfTurn() {
  if (!template_) return;
  constexpr std::string_view kMark = "answer";
  const Json turns = {{{"role", "user"}, {"content", "question"}},
                      {{"role", "assistant"}, {"content", kMark}}};
  const auto text = Render(turns, false);
  const size_t at = text ? text->rfind(kMark) : std::string::npos;
  if (at == std::string::npos) return;
  const std::string_view end = std::string_view(*text).substr(at + kMark.size());
  const std::vector<int32_t> ids = tokenizer_.Encode(Trimmed(end), SpecialTokens::kParse);
  if (ids.empty() || !tokenizer_.Decode(std::span(ids).first(1)).empty()) return;
  const bool is_known = std::find(options_.stop_tokens.begin(), options_.stop_tokens.end(),
                                  int64_t{ids[0]}) != options_.stop_tokens.end();
  if (!is_known && ids[0] != tokenizer_.bos_id()) options_.stop_tokens.push_back(ids[0]);
}

Result<std::string> ChatSession::Render(const Json& messages, bool add_generation_prompt) const {
  ChatContext context;
  context.messages = messages;
  context.add_generation_prompt = add_generation_prompt;
  context.bos_token = options_.bos_token;
  context.eos_token = options_.eos_token;
  context.now = std::time(nullptr);
  context.limits.max_steps += kStepsPerMessage * static_cast<int64_t>(messages.size());
  return template_->Render(context);
}

// Some tokenizers put a space in front of every text. Behind a line end there is none.
std::vector<int32_t> ChatSession::EncodeBehind(std::string_view text, SpecialTokens special) const {
  const std::vector<int32_t> line_end = tokenizer_.Encode("\n");
  const std::vector<int32_t> ids = tokenizer_.Encode("\n" + std::string(text), special);
  if (ids.size() < line_end.size() || !std::equal(line_end.begin(), line_end.end(), ids.begin())) {
    return tokenizer_.Encode(text, special);
  }
  return {ids.begin() + static_cast<std::ptrdiff_t>(line_end.size()), ids.end()};
}

std::optional<std::string> ChatSession::NewText(const std::string& rendered) const {
  if (!is_in_step_ || messages_.size() < 2) return std::nullopt;
  Json earlier = messages_;
  earlier.erase(earlier.size() - 1);
  const auto before = Render(earlier, false);
  if (!before || !rendered.starts_with(*before) || !before->starts_with(rendered_)) {
    return std::nullopt;
  }
  // The model has the answer itself; what the template put around it may differ in white space.
  const std::string_view answer_part = std::string_view(*before).substr(rendered_.size());
  const auto content = earlier.back()["content"].get<std::string>();
  const std::string_view answer = Trimmed(content);
  const size_t at = answer_part.find(answer);
  if (at == std::string_view::npos || !Trimmed(answer_part.substr(0, at)).empty()) {
    return std::nullopt;
  }
  return std::string(answer_part.substr(at + answer.size())) + rendered.substr(before->size());
}

std::vector<int32_t> ChatSession::PlainTokens() const {
  if (is_in_step_) {
    std::vector<int32_t> tokens = pending_;
    const auto text = messages_.back()["content"].get<std::string>();
    const std::vector<int32_t> ids = EncodeBehind(text, SpecialTokens::kAsText);
    tokens.insert(tokens.end(), ids.begin(), ids.end());
    return tokens;
  }
  std::string text;
  for (const Json& message : messages_) text += message["content"].get<std::string>();
  std::vector<int32_t> tokens = tokenizer_.Encode(text);
  if (options_.bos_id >= 0) tokens.insert(tokens.begin(), static_cast<int32_t>(options_.bos_id));
  return tokens;
}

Result<ChatSession::Prompt> ChatSession::NextPrompt() const {
  Prompt prompt;
  prompt.is_reread = !is_in_step_;
  if (!template_) {
    prompt.tokens = PlainTokens();
    return prompt;
  }
  ACCLLM_ASSIGN_OR_RETURN(prompt.rendered, Render(messages_, true));
  const auto new_text = NewText(prompt.rendered);
  prompt.is_reread = !new_text;
  if (!new_text) {
    prompt.tokens = tokenizer_.Encode(prompt.rendered, SpecialTokens::kParse);
    return prompt;
  }
  prompt.tokens = pending_;
  const std::vector<int32_t> ids = EncodeBehind(*new_text, SpecialTokens::kParse);
  prompt.tokens.insert(prompt.tokens.end(), ids.begin(), ids.end());
  return prompt;
}

Result<ChatAnswer> ChatSession::Ask(const std::string& text,
                                    const std::function<bool(std::string_view)>& on_text) {
  messages_.push_back({{"role", "user"}, {"content", text}});
  const auto undo = [&](const Error& error) {
    messages_.erase(messages_.size() - 1);
    return tl::unexpected(error);
  };
  auto prompt = NextPrompt();
  if (!prompt) return undo(prompt.error());
  if (prompt->tokens.empty()) {
    return undo({ErrorCode::kInvalidArgument, "the text has no tokens", "type something"});
  }
  const bool had_turns = messages_.size() > 1 + (HasSystem(messages_) ? 1 : 0);
  auto answer = Answer(*prompt, on_text);
  if (!answer) {
    is_in_step_ = false;
    return undo(answer.error());
  }
  answer->is_reread = prompt->is_reread && had_turns;
  n_rereads_ += answer->is_reread ? 1 : 0;
  messages_.push_back({{"role", "assistant"}, {"content", answer->text}});
  rendered_ = std::move(prompt->rendered);
  is_in_step_ = true;
  return answer;
}

Result<ChatAnswer> ChatSession::Answer(const Prompt& prompt,
                                       const std::function<bool(std::string_view)>& on_text) {
  if (prompt.is_reread) {
    model_.Reset();
    sampler_ = Sampler(options_.sampler);
    speculation_.Clear();
    decoder_ = StreamingDecoder(tokenizer_);
  }
  const int64_t begin = model_.position();
  const auto n_prompt = static_cast<int64_t>(prompt.tokens.size());
  const int64_t room = options_.max_tokens - begin - n_prompt + 1;
  if (room < 1) {
    return Fail(
        ErrorCode::kInvalidArgument,
        fmt::format("the conversation does not fit a context of {} tokens", options_.max_tokens),
        "/reset it, or give a --window, with which it has no end");
  }
  for (const int32_t token : prompt.tokens) decoder_.Push(token);
  ChatAnswer answer;
  bool goes_on = true;
  const auto emit = [&](const std::string& text) {
    answer.text += text;
    if (!text.empty()) goes_on = on_text(text) && goes_on;
  };
  GenerateOptions limits;
  limits.max_new_tokens = std::min(options_.max_new_tokens, room);
  limits.stop_tokens = options_.stop_tokens;
  ACCLLM_ASSIGN_OR_RETURN(
      const Generation generation,
      Generate(model_, prompt.tokens, limits, sampler_, &speculation_, [&](int32_t token) {
        emit(decoder_.Push(token));
        // Tokens without text are no reason not to ask.
        return goes_on && on_text("");
      }));
  const bool was_stopped = !goes_on || !on_text("");
  emit(decoder_.Flush());
  answer.n_tokens = static_cast<int64_t>(generation.tokens.size());
  answer.n_prompt_tokens = n_prompt;
  answer.prefill_seconds = generation.prefill_seconds;
  answer.decode_seconds = generation.decode_seconds;
  answer.stopped_by = was_stopped                                ? StoppedBy::kInterrupt
                      : answer.n_tokens == limits.max_new_tokens ? StoppedBy::kLength
                                                                 : StoppedBy::kEndOfTurn;
  // The last token is read only together with the next turn.
  const int64_t n_unread = begin + n_prompt + answer.n_tokens - model_.position();
  pending_.assign(generation.tokens.end() - static_cast<std::ptrdiff_t>(n_unread),
                  generation.tokens.end());
  return answer;
}

void ChatSession::Reset() {
  const bool has_system = HasSystem(messages_);
  messages_.erase(messages_.begin() + (has_system ? 1 : 0), messages_.end());
  is_in_step_ = false;
  model_.Reset();
}

Status ChatSession::SetSystem(const std::string& text) {
  if (!template_) {
    return Fail(ErrorCode::kInvalidArgument, "without a chat template there is no system message",
                "write the text at the start of the conversation");
  }
  if (HasSystem(messages_)) messages_.erase(size_t{0});
  const Json system = {{"role", "system"}, {"content", text}};
  if (!text.empty()) messages_.insert(messages_.begin(), system);
  return {};
}

Status ChatSession::SetMessages(Json messages) {
  const bool is_valid =
      messages.is_array() && std::all_of(messages.begin(), messages.end(), IsMessage);
  if (!is_valid) {
    return Fail(ErrorCode::kCorrupt,
                "the conversation is no list of messages with role and content",
                "load a file that /save wrote");
  }
  messages_ = std::move(messages);
  is_in_step_ = false;
  model_.Reset();
  return {};
}

}  // namespace accllm
