// A line of a person at a terminal, with editing and history.
#pragma once

#include <memory>
#include <string>

namespace accllm::cli {

enum class InputKind {
  kText,
  kInterrupt,  // Ctrl-C
  kEnd,        // Ctrl-D at an empty line, or the end of a file
};

struct Input {
  InputKind kind = InputKind::kEnd;
  std::string text;  // without the last line end; of an interrupt what was typed
};

class LineEditor {
 public:
  // Earlier lines are read from `history_path` and new ones saved there, as far as that works;
  // an empty path keeps none.
  explicit LineEditor(const std::string& history_path);
  ~LineEditor();
  LineEditor(const LineEditor&) = delete;
  LineEditor& operator=(const LineEditor&) = delete;

  // A pasted text of several lines comes as one.
  Input Read(const std::string& prompt);

  void Remember(const std::string& text);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// $XDG_STATE_HOME/accllm/history or ~/.local/state/accllm/history; empty if neither is known.
std::string DefaultHistoryPath();

}  // namespace accllm::cli
