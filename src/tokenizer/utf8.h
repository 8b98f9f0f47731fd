// Reading UTF-8 one code point at a time, as sentencepiece does.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace accllm {

inline constexpr std::string_view kReplacementCharacter = "\xEF\xBF\xBD";  // U+FFFD
inline constexpr std::string_view kSpaceMark =
    "\xE2\x96\x81";  // U+2581, a piece's spelling of a space

enum class Utf8State {
  kComplete,    // the text starts with a whole code point
  kIncomplete,  // more bytes may complete it
  kInvalid,     // no continuation can make the first byte valid
};

struct Utf8Step {
  Utf8State state = Utf8State::kIncomplete;
  size_t length = 0;       // bytes of the code point if complete, 1 if invalid, else all of them
  size_t valid_start = 0;  // bytes that could start a code point, at least 1
};

// What one U+FFFD stands for where a text is not UTF-8.
enum class InvalidUtf8 {
  kEachByte,
  kEachStart,  // the longest start of a code point, or a byte that starts none
};

// Classifies the start of `text`; the empty text is incomplete. Surrogates, overlong forms and
// values above U+10FFFF are invalid.
Utf8Step FirstCodePoint(std::string_view text);

bool IsValidUtf8(std::string_view text);

// `text` with every byte that is not UTF-8 as U+FFFD; `storage` holds the result if it differs.
std::string_view RepairUtf8(std::string_view text, std::string* storage);

// Bytes of the code point that starts with `lead`, in valid UTF-8.
inline size_t Utf8Length(char lead) {
  const auto byte = static_cast<uint8_t>(lead);
  return byte < 0xC0 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}

// The first code point of valid, not empty UTF-8.
uint32_t DecodeUtf8(std::string_view text);

// `code_point` must not be a surrogate.
void AppendUtf8(uint32_t code_point, std::string* text);

}  // namespace accllm
