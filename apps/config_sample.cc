#include "config_sample.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "options.h"
#include "verbs.h"

namespace accllm::cli {
namespace {

constexpr size_t kColumns = 100;

// `text` in comment lines.
std::string Comment(std::string_view text) {
  std::string lines;
  while (!text.empty()) {
    size_t end = std::min(text.size(), kColumns - 2);
    if (end < text.size()) {
      const size_t space = text.rfind(' ', end);
      end = space == std::string_view::npos ? text.find(' ') : space;
    }
    lines += fmt::format("# {}\n", text.substr(0, end));
    text.remove_prefix(std::min(text.size(), end == std::string_view::npos ? end : end + 1));
  }
  return lines;
}

std::string Quoted(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "\"";
}

// The default, or what stands for a value in help.
std::string SampleValue(const OptionEntry& entry) {
  if (entry.kind == ValueKind::kFlag) return "false";
  const std::string fallback = entry.fallback();
  std::string value = fallback.empty() ? entry.placeholder() : fallback;
  if (entry.is_list) value = value.substr(0, value.find_first_of(",["));  // "D[,D]", "A,B,C"
  if (entry.kind == ValueKind::kText) value = Quoted(value);
  return entry.is_list ? fmt::format("[{}]", value) : value;
}

}  // namespace

std::string ConfigSample() {
  std::string text =
      "# Configuration of accllm. What the command line or the environment gives takes "
      "precedence.\n"
      "# Keys above the first table hold for every verb that has such an option, for example\n"
      "# threads = 2\n";
  const auto app = MakeApp();
  for (const DeclaredVerb& declared : DeclareAll(*app)) {
    if (!declared.verb->takes_settings) continue;
    text += fmt::format("\n[{}]\n{}", declared.verb->name, Comment(declared.verb->summary));
    for (const OptionEntry& entry : declared.table.entries()) {
      if (!entry.is_in_file()) continue;
      text +=
          fmt::format("\n{}# {} = {}\n", Comment(entry.help()), entry.name(), SampleValue(entry));
    }
  }
  return text;
}

}  // namespace accllm::cli
