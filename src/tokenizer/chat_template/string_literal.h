// The escapes of a string literal.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace accllm::chat {

// The text of a literal without its quotes. Errors: kCorrupt, kUnsupported, without a place.
Result<std::string> UnescapeString(std::string_view literal);

}  // namespace accllm::chat
