// The frame of all pages of HTML: one file that needs nothing else, readable in light and dark.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace accllm::cli {

// Text with the characters that mean something in HTML escaped, control characters replaced.
std::string EscapeHtml(std::string_view text);

// `title` is plain text, and the heading. `style` comes after the rules that all pages share.
std::string HtmlPage(std::string_view title, std::string_view style, std::string_view body);

// Class of the style sheet that gives item number `index` its colour, as the variable --c.
std::string ColourClass(size_t index);
inline constexpr size_t kColours = 10;

// A line that says whose colour is which: name i has that of index i.
std::string ColourKey(std::span<const std::string> names);

}  // namespace accllm::cli
