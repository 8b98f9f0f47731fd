// Regular expressions of a tokenizer.json, which are Oniguruma's, in the words of PCRE2.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace accllm {

// A PCRE2 pattern that matches the same texts, for the options UTF, UCP, MULTILINE and newline LF.
// Errors: kUnsupported for everything whose meaning differs between the two and that published
// tokenizers do without; the message starts with `where`.
Result<std::string> TranslateRegex(std::string_view pattern, const std::string& where);

}  // namespace accllm
