// Python's str methods on UTF-8: everything counts code points. All texts are valid UTF-8.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace accllm::chat {

// The text with every byte that is no UTF-8 replaced by U+FFFD.
std::string ToValidUtf8(std::string_view text);

// Bytes of the code point that starts with `lead`.
size_t CodePointLength(char lead);

// The first code point of a text that is not empty.
char32_t FirstOf(std::string_view text);

// Appends the code point; a surrogate becomes U+FFFD.
void AppendCodePoint(char32_t code_point, std::string* text);

size_t CountCodePoints(std::string_view text);
std::vector<std::string_view> SplitCodePoints(std::string_view text);

bool IsSpace(char32_t code_point);      // as str.isspace
bool IsPrintable(char32_t code_point);  // as str.isprintable

enum class Side { kLeft, kRight, kBoth };

// Without the white space, or the code points of `*chars`, at its ends.
std::string_view Strip(std::string_view text, Side side, const std::string* chars = nullptr);

// str.split() without separator: at most `max_splits` (negative: all) cuts at white space.
std::vector<std::string_view> SplitAtSpace(std::string_view text, int64_t max_splits);

// str.splitlines().
std::vector<std::string_view> SplitLines(std::string_view text);

std::string Upper(std::string_view text);
std::string Lower(std::string_view text);
std::string Capitalize(std::string_view text);
std::string Title(std::string_view text);  // the method; the filter differs

}  // namespace accllm::chat
