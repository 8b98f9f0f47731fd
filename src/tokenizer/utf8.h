// Reading UTF-8 one code point at a time, as sentencepiece does.
#pragma once

#include <cstddef>
#include <string_view>

namespace accllm {

inline constexpr std::string_view kReplacementCharacter = "\xEF\xBF\xBD";  // U+FFFD

enum class Utf8State {
  kComplete,    // the text starts with a whole code point
  kIncomplete,  // more bytes may complete it
  kInvalid,     // no continuation can make the first byte valid
};

struct Utf8Step {
  Utf8State state = Utf8State::kIncomplete;
  size_t length = 0;  // bytes of the code point if complete, 1 if invalid, else all of them
};

// Classifies the start of `text`; the empty text is incomplete. Surrogates, overlong forms and
// values above U+10FFFF are invalid.
Utf8Step FirstCodePoint(std::string_view text);

bool IsValidUtf8(std::string_view text);

}  // namespace accllm
