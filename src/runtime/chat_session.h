// A conversation on a model: renders turns, appends only what is new, and answers.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/language_model.h"
#include "runtime/generate.h"
#include "tokenizer/chat_template/chat_template.h"
#include "tokenizer/tokenizer.h"

namespace accllm {

struct ChatOptions {
  std::string bos_token;             // as the template writes it
  std::string eos_token;             // as the template writes it
  int64_t bos_id = -1;               // starts a text without template; -1: none
  std::vector<int64_t> stop_tokens;  // end an answer, beside the template's own end of a turn
  int64_t max_new_tokens = 512;      // of one answer
  int64_t max_tokens = INT64_MAX;    // that the model can hold; with a window it has no end
  SamplerOptions sampler;
  int64_t max_draft = 0;              // runtime/speculation.h
  DraftModel* draft_model = nullptr;  // the same; the session's alone while that lives
};

enum class StoppedBy { kEndOfTurn, kLength, kInterrupt };

struct ChatAnswer {
  std::string text;
  int64_t n_tokens = 0;         // of the answer
  int64_t n_prompt_tokens = 0;  // that had to be read before it
  double prefill_seconds = 0;
  double decode_seconds = 0;  // of all tokens after the first
  StoppedBy stopped_by = StoppedBy::kEndOfTurn;
  bool is_reread = false;  // the whole conversation was read anew
};

class ChatSession {
 public:
  using Json = ChatContext::Json;

  // Without a template every text just continues the one before. `model` and `tokenizer` outlive
  // the session; the model must not be used by anyone else.
  ChatSession(LanguageModel& model, const Tokenizer& tokenizer,
              std::optional<ChatTemplate> chat_template, ChatOptions options);

  // Adds a turn of the user and generates the answer. `on_text` is told the answer piece by piece
  // and returns false to stop it. After an error the turn is not part of the conversation.
  // Errors: those of the template and the model, kInvalidArgument if the model's context is full.
  Result<ChatAnswer> Ask(const std::string& text,
                         const std::function<bool(std::string_view)>& on_text);

  // Forgets all turns, but not the system message.
  void Reset();

  // Sets the system message, or takes it away if it is empty. The next turn reads everything anew.
  // Errors: kInvalidArgument without a template.
  Status SetSystem(const std::string& text);

  // [{"role": ..., "content": ...}, ...]
  const Json& messages() const { return messages_; }
  // Takes over a stored conversation; the next turn reads it. Errors: kCorrupt.
  Status SetMessages(Json messages);

  bool has_template() const { return template_.has_value(); }
  int64_t n_tokens() const { return model_.position(); }  // of the conversation so far
  int64_t n_rereads() const { return n_rereads_; }
  const std::vector<int64_t>& stop_tokens() const { return options_.stop_tokens; }

 private:
  struct Prompt {
    std::vector<int32_t> tokens;
    std::string rendered;    // the whole conversation up to the answer
    bool is_reread = false;  // the model must forget everything first
  };

  Result<std::string> Render(const Json& messages, bool add_generation_prompt) const;
  Result<Prompt> NextPrompt() const;
  // What the template adds to what the model has read; nothing if it changed that.
  std::optional<std::string> NewText(const std::string& rendered) const;
  // The ids of a text behind another one.
  std::vector<int32_t> EncodeBehind(std::string_view text, SpecialTokens special) const;
  std::vector<int32_t> PlainTokens() const;
  void AddEndOfTurn();
  Result<ChatAnswer> Answer(const Prompt& prompt,
                            const std::function<bool(std::string_view)>& on_text);

  LanguageModel& model_;
  const Tokenizer& tokenizer_;
  std::optional<ChatTemplate> template_;
  ChatOptions options_;
  Sampler sampler_;
  Speculation speculation_;
  StreamingDecoder decoder_;
  Json messages_ = Json::array();
  bool is_in_step_ = false;       // the model has read all messages, but for `pending_`
  std::string rendered_;          // what was rendered for the last answer
  std::vector<int32_t> pending_;  // generated, but not yet read by the model
  int64_t n_rereads_ = 0;
};

}  // namespace accllm
