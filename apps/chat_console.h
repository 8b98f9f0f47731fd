// What happens to each turn of `accllm chat`: commands, answers, notes.
#pragma once

#include <string>
#include <string_view>

#include "base/model_config.h"
#include "base/result.h"
#include "chat_input.h"
#include "console.h"
#include "runtime/chat_session.h"

namespace accllm::cli {

struct ChatConsoleOptions {
  AttentionWindow window;
  int64_t max_tokens = 0;  // with full attention
  bool json = false;       // one JSON object a turn, nothing else
  bool quiet = false;      // no line behind an answer
  bool is_terminal = false;
  Json settings;  // stored by /save beside the messages
};

class ChatConsole {
 public:
  ChatConsole(ChatSession& session, ChatConsoleOptions options)
      : session_(session), options_(std::move(options)) {}

  // Until the input ends. Errors: those of the session if nobody is at a terminal to read them, of
  // writing, kInterrupted.
  Status Run(ChatInput& input);

 private:
  // A command or a turn; sets `is_done_`.
  Status Handle(const std::string& text);
  Status Command(std::string_view name, const std::string& argument);
  Status Answer(const std::string& text);
  void ReportAnswer(const ChatAnswer& answer);
  void NoteWhatLeftTheWindow();
  Status Save(const std::string& path) const;
  Status Load(const std::string& path);
  std::string WindowText() const;
  std::string StatsText() const;
  // Tokens that the next one can still see.
  int64_t n_visible() const;

  ChatSession& session_;
  ChatConsoleOptions options_;
  bool is_done_ = false;
  bool has_noted_window_ = false;
  int64_t n_answers_ = 0;
  int64_t n_answer_tokens_ = 0;
  int64_t n_prompt_tokens_ = 0;
  double prefill_seconds_ = 0;
  double decode_seconds_ = 0;
  int64_t n_decoded_ = 0;  // tokens that decode_seconds_ are of
};

}  // namespace accllm::cli
