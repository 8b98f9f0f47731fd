#include "tokenizer/chat_template/unicode_text.h"

#include <utf8proc.h>

#include "tokenizer/utf8.h"

namespace accllm::chat {
namespace {

constexpr char32_t kSharpS = 0xDF;  // has no single upper-case letter

bool IsCased(char32_t c) {
  const auto point = static_cast<utf8proc_int32_t>(c);
  const utf8proc_category_t category = utf8proc_category(point);
  return category == UTF8PROC_CATEGORY_LU || category == UTF8PROC_CATEGORY_LL ||
         category == UTF8PROC_CATEGORY_LT || utf8proc_toupper(point) != point ||
         utf8proc_tolower(point) != point;
}

void AppendUpper(char32_t c, std::string* text) {
  if (c == kSharpS) {
    *text += "SS";
  } else {
    AppendCodePoint(static_cast<char32_t>(utf8proc_toupper(static_cast<utf8proc_int32_t>(c))),
                    text);
  }
}

void AppendTitle(char32_t c, std::string* text) {
  if (c == kSharpS) {
    *text += "Ss";
  } else {
    AppendCodePoint(static_cast<char32_t>(utf8proc_totitle(static_cast<utf8proc_int32_t>(c))),
                    text);
  }
}

void AppendLower(char32_t c, std::string* text) {
  AppendCodePoint(static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c))), text);
}

bool IsLineEnd(char32_t c) {
  return (c >= '\n' && c <= '\r') || (c >= 0x1C && c <= 0x1E) || c == 0x85 || c == 0x2028 ||
         c == 0x2029;
}

bool IsStripped(std::string_view code_point, const std::string* chars) {
  return chars == nullptr ? IsSpace(FirstOf(code_point))
                          : chars->find(code_point) != std::string::npos;
}

}  // namespace

std::string ToValidUtf8(std::string_view text) {
  std::string valid;
  valid.reserve(text.size());
  while (!text.empty()) {
    const Utf8Step step = FirstCodePoint(text);
    const bool is_whole = step.state == Utf8State::kComplete;
    const size_t length = is_whole ? step.length : 1;
    valid += is_whole ? text.substr(0, length) : kReplacementCharacter;
    text.remove_prefix(length);
  }
  return valid;
}

size_t CodePointLength(char lead) {
  const auto byte = static_cast<uint8_t>(lead);
  return byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}

char32_t FirstOf(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<char32_t>(static_cast<uint8_t>(text[i])); };
  switch (CodePointLength(text[0])) {
    case 1:
      return byte(0);
    case 2:
      return (byte(0) & 0x1F) << 6 | (byte(1) & 0x3F);
    case 3:
      return (byte(0) & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F);
    default:
      return (byte(0) & 0x07) << 18 | (byte(1) & 0x3F) << 12 | (byte(2) & 0x3F) << 6 |
             (byte(3) & 0x3F);
  }
}

void AppendCodePoint(char32_t c, std::string* text) {
  if ((c >= 0xD800 && c <= 0xDFFF) || c > 0x10FFFF) {
    *text += kReplacementCharacter;
    return;
  }
  utf8proc_uint8_t bytes[4];
  const utf8proc_ssize_t length = utf8proc_encode_char(static_cast<utf8proc_int32_t>(c), bytes);
  text->append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(length));
}

size_t CountCodePoints(std::string_view text) {
  size_t n = 0;
  for (const char c : text) n += (static_cast<uint8_t>(c) & 0xC0U) != 0x80U ? 1 : 0;
  return n;
}

std::vector<std::string_view> SplitCodePoints(std::string_view text) {
  std::vector<std::string_view> points;
  points.reserve(text.size());
  for (size_t at = 0; at < text.size(); at += CodePointLength(text[at])) {
    points.push_back(text.substr(at, CodePointLength(text[at])));
  }
  return points;
}

bool IsSpace(char32_t c) {
  if (c < 0x80) return (c >= '\t' && c <= '\r') || (c >= 0x1C && c <= ' ');
  return c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 ||
         c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

bool IsPrintable(char32_t c) {
  if (c < 0x7F) return c >= ' ';
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(c))) {
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_ZS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
      return false;
    default:
      return true;
  }
}

std::string_view Strip(std::string_view text, Side side, const std::string* chars) {
  while (side != Side::kRight && !text.empty()) {
    const size_t length = CodePointLength(text[0]);
    if (!IsStripped(text.substr(0, length), chars)) break;
    text.remove_prefix(length);
  }
  while (side != Side::kLeft && !text.empty()) {
    size_t begin = text.size() - 1;
    while ((static_cast<uint8_t>(text[begin]) & 0xC0U) == 0x80U) --begin;
    if (!IsStripped(text.substr(begin), chars)) break;
    text.remove_suffix(text.size() - begin);
  }
  return text;
}

std::vector<std::string_view> SplitAtSpace(std::string_view text, int64_t max_splits) {
  std::vector<std::string_view> parts;
  text = Strip(text, Side::kLeft);
  while (!text.empty()) {
    if (max_splits >= 0 && static_cast<int64_t>(parts.size()) == max_splits) {
      parts.push_back(text);
      break;
    }
    size_t end = 0;
    while (end < text.size() && !IsSpace(FirstOf(text.substr(end)))) {
      end += CodePointLength(text[end]);
    }
    parts.push_back(text.substr(0, end));
    text = Strip(text.substr(end), Side::kLeft);
  }
  return parts;
}

std::vector<std::string_view> SplitLines(std::string_view text) {
  std::vector<std::string_view> lines;
  size_t begin = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t length = CodePointLength(text[at]);
    if (IsLineEnd(FirstOf(text.substr(at)))) {
      lines.push_back(text.substr(begin, at - begin));
      at += text.substr(at, 2) == "\r\n" ? 2 : length;
      begin = at;
    } else {
      at += length;
    }
  }
  if (begin < text.size()) lines.push_back(text.substr(begin));
  return lines;
}

std::string Upper(std::string_view text) {
  std::string result;
  for (const std::string_view point : SplitCodePoints(text)) AppendUpper(FirstOf(point), &result);
  return result;
}

std::string Lower(std::string_view text) {
  std::string result;
  for (const std::string_view point : SplitCodePoints(text)) AppendLower(FirstOf(point), &result);
  return result;
}

std::string Capitalize(std::string_view text) {
  if (text.empty()) return {};
  const size_t length = CodePointLength(text[0]);
  std::string result;
  AppendTitle(FirstOf(text), &result);
  return result + Lower(text.substr(length));
}

std::string Title(std::string_view text) {
  std::string result;
  bool is_inside_word = false;
  for (const std::string_view point : SplitCodePoints(text)) {
    const char32_t c = FirstOf(point);
    if (is_inside_word) {
      AppendLower(c, &result);
    } else {
      AppendTitle(c, &result);
    }
    is_inside_word = IsCased(c);
  }
  return result;
}

}  // namespace accllm::chat
