#include "completion.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace accllm::cli {
namespace {

struct Shell {
  std::string_view name;
  std::string (*script)(const std::vector<DeclaredVerb>& verbs);
};

constexpr std::array kShells = {Shell{"bash", BashCompletion}, Shell{"zsh", ZshCompletion},
                                Shell{"fish", FishCompletion}};

// Placeholders of values that are paths.
constexpr std::array<std::string_view, 5> kPaths = {"FILE", "MODEL", "CHECKPOINT", "PROGRAM",
                                                    "NAME|FILE"};

}  // namespace

std::vector<std::string> CompletionShells() {
  std::vector<std::string> names;
  for (const Shell& shell : kShells) names.emplace_back(shell.name);
  return names;
}

std::string CompletionScript(const std::string& shell) {
  const auto app = MakeApp();
  const auto* found = std::find_if(kShells.begin(), kShells.end(),
                                   [&](const Shell& known) { return known.name == shell; });
  return found->script(DeclareAll(*app));
}

Completes CompletionOf(const OptionEntry& entry) {
  if (!entry.choices.empty()) return Completes::kChoices;
  const std::string value = entry.is_positional() ? entry.name() : entry.placeholder();
  const bool is_path = std::find(kPaths.begin(), kPaths.end(), value) != kPaths.end();
  return is_path ? Completes::kFiles : Completes::kNothing;
}

std::string ShellQuoted(const std::string& text, std::string_view quote) {
  std::string quoted = "'";
  for (const char c : text) c == '\'' ? quoted += quote : quoted += c;
  return quoted + "'";
}

}  // namespace accllm::cli
