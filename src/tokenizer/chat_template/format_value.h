// Values as text: Python's str, repr and json.dumps.
#pragma once

#include <optional>
#include <string>

#include "tokenizer/chat_template/runtime.h"

namespace accllm::chat {

// repr of a float: the shortest text that reads back as the same number.
std::string FloatToText(double number);

// str(value); fails the rendering for what Python prints with an address.
std::string ToText(Runtime& runtime, const Value& value);

// Appends str(value).
void AppendText(Runtime& runtime, const Value& value, TextBuffer& out);

// repr(value).
std::string ToRepr(Runtime& runtime, const Value& value);

struct JsonStyle {
  bool ensure_ascii = false;
  bool sort_keys = false;
  std::optional<std::string> indent;  // what one level is indented by; none: all on one line
  std::string item_separator;
  std::string key_separator;
};

// json.dumps(value).
std::string ToJson(Runtime& runtime, const Value& value, const JsonStyle& style);

}  // namespace accllm::chat
