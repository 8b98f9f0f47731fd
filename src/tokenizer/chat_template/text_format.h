// Python's two ways to put values into a text: "%s" % x and "{}".format(x).
#pragma once

#include <string_view>

#include "tokenizer/chat_template/runtime.h"

namespace accllm::chat {

// format % values; a tuple gives several values. Fails on what is not supported.
Value FormatPercent(Runtime& runtime, std::string_view format, const Value& values);

// format.format(arguments). Replacement fields are {}, {0} and {name}, with a format specification
// of fill, alignment, sign, width, precision and one of the types s, d, f.
Value FormatBraces(Runtime& runtime, std::string_view format, const Arguments& arguments);

}  // namespace accllm::chat
