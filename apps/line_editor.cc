#include "line_editor.h"

#include <histedit.h>

#include <clocale>
#include <cstdio>
#include <filesystem>
#include <string_view>

#include "user_file.h"

namespace accllm::cli {
namespace {

constexpr int kHistoryLines = 1000;
constexpr std::wstring_view kPasteEnd = L"\033[201~";
// Bracketed paste: the terminal marks what is pasted, so that a line end in it sends nothing.
constexpr const char* kPasteOn = "\033[?2004h";
constexpr const char* kPasteOff = "\033[?2004l";

void WriteToTerminal(const char* text) {
  std::fputs(text, stdout);
  std::fflush(stdout);
}

}  // namespace

struct LineEditor::State {
  EditLine* editor = nullptr;
  History* history = nullptr;
  HistEvent event = {};
  std::string history_path;
  std::string prompt;
  bool is_interrupted = false;

  static State& Of(EditLine* editor) {
    void* data = nullptr;
    el_get(editor, EL_CLIENTDATA, &data);
    return *static_cast<State*>(data);
  }

  static char* Prompt(EditLine* editor) { return Of(editor).prompt.data(); }

  static unsigned char OnInterrupt(EditLine* editor, int /*key*/) {
    Of(editor).is_interrupted = true;
    return CC_NEWLINE;
  }

  // Inserts everything up to the end of the paste.
  static unsigned char OnPaste(EditLine* editor, int /*key*/) {
    std::wstring text;
    wchar_t c = 0;
    while (!text.ends_with(kPasteEnd) && el_wgetc(editor, &c) == 1) text += c == L'\r' ? L'\n' : c;
    if (text.ends_with(kPasteEnd)) text.resize(text.size() - kPasteEnd.size());
    while (text.ends_with(L'\n')) text.pop_back();
    el_winsertstr(editor, text.c_str());
    return CC_REFRESH;
  }
};

LineEditor::LineEditor(const std::string& history_path) : state_(std::make_unique<State>()) {
  std::setlocale(LC_CTYPE, "C.UTF-8");
  State& state = *state_;
  state.history_path = history_path;
  state.history = history_init();
  history(state.history, &state.event, H_SETSIZE, kHistoryLines);
  if (!history_path.empty()) {
    std::error_code error;
    std::filesystem::create_directories(std::filesystem::path(history_path).parent_path(), error);
    history(state.history, &state.event, H_LOAD, history_path.c_str());
  }
  state.editor = el_init("accllm", stdin, stdout, stderr);
  el_set(state.editor, EL_CLIENTDATA, &state);
  el_set(state.editor, EL_PROMPT, &State::Prompt);
  el_set(state.editor, EL_EDITOR, "emacs");
  el_set(state.editor, EL_HIST, history, state.history);
  el_set(state.editor, EL_ADDFN, "accllm-interrupt", "gives the line up", &State::OnInterrupt);
  el_set(state.editor, EL_ADDFN, "accllm-paste", "inserts a pasted text", &State::OnPaste);
  el_set(state.editor, EL_BIND, "^C", "accllm-interrupt", nullptr);
  el_set(state.editor, EL_BIND, "\\e[200~", "accllm-paste", nullptr);
  el_set(state.editor, EL_BIND, "^R", "em-inc-search-prev", nullptr);
  el_set(state.editor, EL_BIND, "\\e[3~", "ed-delete-next-char", nullptr);
  // Ctrl-C is a key while a line is edited, and a signal while an answer is written.
  el_set(state.editor, EL_SETTY, "-d", "-isig", nullptr);
}

LineEditor::~LineEditor() {
  el_end(state_->editor);
  history_end(state_->history);
}

Input LineEditor::Read(const std::string& prompt) {
  state_->prompt = prompt;
  state_->is_interrupted = false;
  // Before the prompt is seen: what is typed at once must already count as keys.
  el_set(state_->editor, EL_PREP_TERM, 1);
  WriteToTerminal(kPasteOn);
  int length = 0;
  const char* line = el_gets(state_->editor, &length);
  std::string text = line == nullptr || length <= 0 ? "" : std::string(line);
  WriteToTerminal(kPasteOff);
  if (text.ends_with('\n')) text.pop_back();
  if (state_->is_interrupted) {
    WriteToTerminal("\n");
    return {InputKind::kInterrupt, text};
  }
  if (line == nullptr || length <= 0) {
    WriteToTerminal("\n");
    return {InputKind::kEnd, ""};
  }
  return {InputKind::kText, text};
}

void LineEditor::Remember(const std::string& text) {
  if (text.empty()) return;
  history(state_->history, &state_->event, H_ENTER, text.c_str());
  if (state_->history_path.empty()) return;
  history(state_->history, &state_->event, H_SAVE, state_->history_path.c_str());
}

std::string DefaultHistoryPath() { return UserFile("XDG_STATE_HOME", ".local/state", "history"); }

}  // namespace accllm::cli
