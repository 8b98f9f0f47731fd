#include "chat_console.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "base/file_io.h"

namespace accllm::cli {
namespace {

constexpr int64_t kMaxConversationBytes = int64_t{256} << 20;
constexpr int kFormat = 1;  // of a saved conversation
constexpr int kGaugeCells = 10;

constexpr std::string_view kHelp =
    "/system TEXT  set the system message; without a text take it away\n"
    "/reset        forget the conversation, but not the system message\n"
    "/save FILE    write the conversation as JSON\n"
    "/load FILE    go on with a saved one\n"
    "/stats        what this session has cost so far\n"
    "/window       what the model can still see\n"
    "/help         this text\n"
    "/quit         leave, as Ctrl-D does\n"
    "Ctrl-C stops an answer. A \\ at the end of a line goes on in the next; \"\"\" begins and ends "
    "a\n"
    "text of several lines.\n";

const char* NameOf(StoppedBy reason) {
  switch (reason) {
    case StoppedBy::kEndOfTurn:
      return "eos";
    case StoppedBy::kLength:
      return "length";
    case StoppedBy::kInterrupt:
      return "interrupt";
  }
  return "";
}

double PerSecond(int64_t n, double seconds) {
  return n <= 0 || seconds <= 0 ? 0.0 : static_cast<double>(n) / seconds;
}

double DecodeSpeed(const ChatAnswer& answer) {
  return PerSecond(answer.n_tokens - 1, answer.decode_seconds);
}

// "####------"
std::string Gauge(double share) {
  const int full = std::clamp(static_cast<int>(std::lround(share * kGaugeCells)), 0, kGaugeCells);
  return std::string(static_cast<size_t>(full), '#') +
         std::string(static_cast<size_t>(kGaugeCells - full), '-');
}

}  // namespace

Status ChatConsole::Run(ChatInput& input) {
  bool was_interrupted = false;
  while (!is_done_) {
    ClearInterrupted();
    const Input next = input.Next();
    if (next.kind == InputKind::kEnd) break;
    if (next.kind == InputKind::kInterrupt) {
      if (was_interrupted && next.text.empty()) break;
      was_interrupted = next.text.empty();
      if (was_interrupted) PrintNote("Ctrl-C again or Ctrl-D leaves");
      continue;
    }
    was_interrupted = false;
    if (next.text.empty()) continue;
    Status status = Handle(next.text);
    if (!status && (!options_.is_terminal || status.error().code == ErrorCode::kIo)) return status;
    if (!status) PrintError("chat", status.error().ToString());
    if (Interrupted() && !options_.is_terminal) return tl::unexpected(InterruptedError(""));
  }
  return {};
}

Status ChatConsole::Handle(const std::string& text) {
  if (!text.starts_with('/') || text.find('\n') != std::string::npos) return Answer(text);
  const size_t space = text.find(' ');
  const std::string argument = space == std::string::npos ? "" : text.substr(space + 1);
  return Command(std::string_view(text).substr(1, space == std::string::npos ? space : space - 1),
                 argument);
}

Status ChatConsole::Command(std::string_view name, const std::string& argument) {
  const auto print = [&](const std::string& text) {
    std::fputs(text.c_str(), stderr);
    return Status();
  };
  if (name == "help") return print(std::string(kHelp));
  if (name == "stats") return print(StatsText());
  if (name == "window") return print(WindowText() + "\n");
  if (name == "system") return session_.SetSystem(argument);
  if (name == "save") return Save(argument);
  if (name == "load") return Load(argument);
  if (name == "reset") {
    session_.Reset();
    has_noted_window_ = false;
    return {};
  }
  if (name == "quit" || name == "exit") {
    is_done_ = true;
    return {};
  }
  return Fail(ErrorCode::kInvalidArgument, fmt::format("there is no command /{}", name),
              "/help lists them; start a text with a space if it begins with a slash");
}

Status ChatConsole::Answer(const std::string& text) {
  Status written;
  const std::string turn = text.starts_with(" /") ? text.substr(1) : text;
  auto answer = session_.Ask(turn, [&](std::string_view piece) {
    if (!options_.json && !piece.empty() && written) written = PrintText(piece);
    return written.has_value() && !Interrupted();
  });
  if (!answer) {
    if (Interrupted()) {
      PrintNote("stopped while reading; the turn is not kept");
      return {};
    }
    return tl::unexpected(answer.error());
  }
  ACCLLM_RETURN_IF_ERROR(written);
  ++n_answers_;
  n_answer_tokens_ += answer->n_tokens;
  n_prompt_tokens_ += answer->n_prompt_tokens;
  prefill_seconds_ += answer->prefill_seconds;
  decode_seconds_ += answer->decode_seconds;
  n_decoded_ += std::max<int64_t>(answer->n_tokens - 1, 0);
  if (options_.json) {
    const Json object = {{"text", answer->text},
                         {"tokens", answer->n_tokens},
                         {"prompt_tokens", answer->n_prompt_tokens},
                         {"tokens_per_second", DecodeSpeed(*answer)},
                         {"stopped_by", NameOf(answer->stopped_by)},
                         {"conversation_tokens", session_.n_tokens()},
                         {"visible_tokens", n_visible()},
                         {"reread", answer->is_reread}};
    return PrintText(object.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
  }
  if (!answer->text.ends_with('\n')) ACCLLM_RETURN_IF_ERROR(PrintText("\n"));
  if (!options_.quiet) ReportAnswer(*answer);
  NoteWhatLeftTheWindow();
  return {};
}

int64_t ChatConsole::n_visible() const {
  const int64_t n = session_.n_tokens();
  if (options_.window.window == AttentionWindow::kAll) return n;
  return std::min(n, options_.window.n_sinks + options_.window.window);
}

std::string ChatConsole::WindowText() const {
  const int64_t n = session_.n_tokens();
  if (options_.window.window == AttentionWindow::kAll) {
    return fmt::format("{} of {} tokens used, all visible", n, options_.max_tokens);
  }
  const double share = n == 0 ? 1.0 : static_cast<double>(n_visible()) / static_cast<double>(n);
  return fmt::format("{} sinks and a window of {}; {} tokens so far, {} of them visible ({:.0f} %)",
                     options_.window.n_sinks, options_.window.window, n, n_visible(), 100 * share);
}

std::string ChatConsole::StatsText() const {
  return FormatFields({
      {"answers", fmt::format("{}", n_answers_)},
      {"read", fmt::format("{} tokens, {:.1f} token/s", n_prompt_tokens_,
                           PerSecond(n_prompt_tokens_, prefill_seconds_))},
      {"generated", fmt::format("{} tokens, {:.1f} token/s", n_answer_tokens_,
                                PerSecond(n_decoded_, decode_seconds_))},
      {"read anew", fmt::format("{} times the whole conversation", session_.n_rereads())},
      {"window", WindowText()},
  });
}

void ChatConsole::ReportAnswer(const ChatAnswer& answer) {
  const int64_t n = session_.n_tokens();
  const bool has_window = options_.window.window != AttentionWindow::kAll;
  const int64_t room =
      has_window ? options_.window.n_sinks + options_.window.window : options_.max_tokens;
  const double share = static_cast<double>(n_visible()) / static_cast<double>(room);
  std::string line = fmt::format("[{} tokens, {:.1f} token/s; window {} {:.0f} %", answer.n_tokens,
                                 DecodeSpeed(answer), Gauge(share), 100 * share);
  if (has_window && n > room) {
    line += fmt::format(" of {} tokens", room);
  }
  if (answer.stopped_by != StoppedBy::kEndOfTurn) {
    line += fmt::format("; stopped by {}", NameOf(answer.stopped_by));
  }
  std::fputs((line + "]\n").c_str(), stderr);
}

void ChatConsole::NoteWhatLeftTheWindow() {
  const int64_t n = session_.n_tokens();
  if (has_noted_window_ || n_visible() >= n) return;
  has_noted_window_ = true;
  PrintNote(
      fmt::format("the oldest text has left the window: {:.0f} % of the conversation is still "
                  "visible; it goes on, but what has left is forgotten",
                  100 * static_cast<double>(n_visible()) / static_cast<double>(n)));
}

Status ChatConsole::Save(const std::string& path) const {
  if (path.empty()) return Fail(ErrorCode::kInvalidArgument, "/save needs a file");
  const Json object = {
      {"accllm_chat", kFormat}, {"settings", options_.settings}, {"messages", session_.messages()}};
  const std::string text = object.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
  std::FILE* file = std::fopen(path.c_str(), "wb");
  const bool is_written =
      file != nullptr && std::fwrite(text.data(), 1, text.size(), file) == text.size();
  const bool is_closed = file != nullptr && std::fclose(file) == 0;
  if (!is_written || !is_closed) {
    return Fail(ErrorCode::kNotFound, fmt::format("{}: cannot be written", path),
                "give a file in a folder that exists");
  }
  PrintNote(fmt::format("saved {} messages to {}", session_.messages().size(), path));
  return {};
}

Status ChatConsole::Load(const std::string& path) {
  if (path.empty()) return Fail(ErrorCode::kInvalidArgument, "/load needs a file");
  ACCLLM_ASSIGN_OR_RETURN(const std::string text, ReadTextFile(path, kMaxConversationBytes));
  Json object = ParseStoredJson(text);
  if (!object.is_object() || !object.contains("accllm_chat") || object["accllm_chat"] != kFormat ||
      !object.contains("messages")) {
    return Fail(ErrorCode::kCorrupt, fmt::format("{}: no saved conversation", path),
                "load a file that /save wrote");
  }
  ACCLLM_RETURN_IF_ERROR(session_.SetMessages(std::move(object["messages"])));
  has_noted_window_ = false;
  PrintNote(
      fmt::format("loaded {} messages; the next turn reads them", session_.messages().size()));
  return {};
}

}  // namespace accllm::cli
