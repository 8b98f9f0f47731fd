#include "command_line.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>

namespace accllm::cli {
namespace {

// A word that a shell takes as it is.
bool IsPlainWord(std::string_view text) {
  constexpr std::string_view kPlain = "-_./:=,+@%";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](unsigned char c) {
    return std::isalnum(c) != 0 || kPlain.find(static_cast<char>(c)) != std::string_view::npos;
  });
}

std::string QuotedForShell(const std::string& text) {
  if (IsPlainWord(text)) return text;
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'') {
      quoted += "'\\''";
    } else {
      quoted += c;
    }
  }
  return quoted + "'";
}

}  // namespace

std::string CommandLine::Text(const std::vector<std::string_view>& without,
                              std::string_view more) const {
  std::string text = fmt::format("accllm {}", verb_);
  for (const OptionEntry& entry : entries_) {
    if (!entry.is_given()) continue;
    const std::string name = entry.name();
    if (std::find(without.begin(), without.end(), name) != without.end()) continue;
    if (entry.is_positional()) {
      text += " " + QuotedForShell(entry.last_given());
    } else if (entry.kind == ValueKind::kFlag) {
      text += fmt::format(" --{}", name);
    } else {
      const std::vector<std::string> values = entry.option->results();
      text +=
          fmt::format(" --{} {}", name, QuotedForShell(fmt::format("{}", fmt::join(values, ","))));
    }
  }
  return more.empty() ? text : fmt::format("{} {}", text, more);
}

}  // namespace accllm::cli
