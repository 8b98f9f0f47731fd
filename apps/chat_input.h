// The turns of a conversation as they are typed or piped in.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "line_editor.h"

namespace accllm::cli {

class ChatInput {
 public:
  virtual ~ChatInput() = default;
  virtual Input Next() = 0;
};

// At a terminal: a line that ends in a backslash goes on in the next one, and """ begins and ends
// a text of several lines.
class TerminalInput final : public ChatInput {
 public:
  TerminalInput() : editor_(DefaultHistoryPath()) {}
  Input Next() override;

 private:
  Input NextBlock(const std::string& first_line);

  LineEditor editor_;
};

// Each line of stdin is a turn.
class PipedInput final : public ChatInput {
 public:
  Input Next() override;
};

}  // namespace accllm::cli
