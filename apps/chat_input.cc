#include "chat_input.h"

#include <iostream>
#include <string_view>

namespace accllm::cli {
namespace {

constexpr const char* kPrompt = "> ";
constexpr const char* kNextLine = "... ";
constexpr std::string_view kQuotes = "\"\"\"";

}  // namespace

Input TerminalInput::NextBlock(const std::string& first_line) {
  std::string text = first_line.substr(kQuotes.size());
  std::string line = text;
  while (!line.ends_with(kQuotes)) {
    Input next = editor_.Read(kNextLine);
    if (next.kind != InputKind::kText) return next;
    line = std::move(next.text);
    text += (text.empty() ? "" : "\n") + line;
  }
  text.resize(text.size() - kQuotes.size());
  if (text.ends_with('\n')) text.pop_back();
  return {InputKind::kText, text};
}

Input TerminalInput::Next() {
  Input input = editor_.Read(kPrompt);
  if (input.kind != InputKind::kText) return input;
  if (input.text.starts_with(kQuotes)) {
    input = NextBlock(input.text);
  }
  while (input.kind == InputKind::kText && input.text.ends_with('\\')) {
    Input next = editor_.Read(kNextLine);
    if (next.kind != InputKind::kText) return next;
    input.text.back() = '\n';
    input.text += next.text;
  }
  if (input.kind == InputKind::kText) editor_.Remember(input.text);
  return input;
}

Input PipedInput::Next() {
  std::string line;
  if (!std::getline(std::cin, line)) return {InputKind::kEnd, ""};
  return {InputKind::kText, line};
}

}  // namespace accllm::cli
