// Smaller files of the same tokenizer.
#pragma once

#include <string>
#include <string_view>

namespace accllm {

// Valid JSON without white space between its values.
inline std::string CompactJson(std::string_view json) {
  std::string compact;
  compact.reserve(json.size());
  bool in_string = false;
  bool is_escaped = false;
  for (const char c : json) {
    const bool is_space = c == ' ' || c == '\t' || c == '\n' || c == '\r';
    if (in_string || !is_space) compact.push_back(c);
    if (c == '"' && !is_escaped) in_string = !in_string;
    is_escaped = in_string && c == '\\' && !is_escaped;
  }
  return compact;
}

}  // namespace accllm
