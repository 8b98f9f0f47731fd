#include "tokenizer/text_normalizer.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>

#include "tokenizer/utf8.h"

namespace accllm {
namespace {

bool IsAscii(char c) { return static_cast<signed char>(c) >= 0; }

utf8proc_option_t OptionsOf(UnicodeForm form) {
  const bool is_compatible = form == UnicodeForm::kNfkc || form == UnicodeForm::kNfkd;
  const bool is_composed = form == UnicodeForm::kNfc || form == UnicodeForm::kNfkc;
  return static_cast<utf8proc_option_t>(UTF8PROC_STABLE | (is_compatible ? UTF8PROC_COMPAT : 0) |
                                        (is_composed ? UTF8PROC_COMPOSE : UTF8PROC_DECOMPOSE));
}

// Puts marks in a row into canonical order. (utf8proc does so with a quadratic sort.)
void OrderMarks(std::vector<utf8proc_int32_t>* code_points) {
  const auto class_of = [](utf8proc_int32_t c) {
    return utf8proc_get_property(c)->combining_class;
  };
  auto begin = code_points->begin();
  while (begin != code_points->end()) {
    const auto is_starter = [&](utf8proc_int32_t c) { return class_of(c) == 0; };
    const auto first = std::find_if_not(begin, code_points->end(), is_starter);
    const auto last = std::find_if(first, code_points->end(), is_starter);
    std::stable_sort(first, last, [&](auto a, auto b) { return class_of(a) < class_of(b); });
    begin = last;
  }
}

// Appends the normal form of a stretch that starts and ends where normal forms may be joined.
void NormalizeStretch(std::string_view text, utf8proc_option_t options, std::string* out) {
  std::vector<utf8proc_int32_t> code_points;
  code_points.reserve(text.size() + 1);
  while (!text.empty()) {
    // The longest decomposition there is has 18 code points.
    std::array<utf8proc_int32_t, 32> buffer = {};
    int boundary = 0;
    const auto n = utf8proc_decompose_char(static_cast<utf8proc_int32_t>(DecodeUtf8(text)),
                                           buffer.data(), std::ssize(buffer), options, &boundary);
    code_points.insert(code_points.end(), buffer.begin(), buffer.begin() + n);
    text.remove_prefix(Utf8Length(text[0]));
  }
  OrderMarks(&code_points);
  const auto size = utf8proc_normalize_utf32(code_points.data(), std::ssize(code_points), options);
  code_points.resize(static_cast<size_t>(size));
  for (const utf8proc_int32_t c : code_points) AppendUtf8(static_cast<uint32_t>(c), out);
}

std::string ReplaceAll(std::string_view text, const NormalizerStep& step) {
  std::string result;
  result.reserve(text.size());
  size_t end = 0;
  const auto replace = [&](size_t begin, size_t new_end) {
    result += text.substr(end, begin - end);
    result += step.content;
    end = new_end;
  };
  if (step.regex) {
    SplitRegex::Search search(*step.regex, text);
    while (const auto match = search.Next()) replace(match->begin, match->end);
  } else {
    for (size_t at = text.find(step.literal); at != std::string_view::npos;
         at = text.find(step.literal, end)) {
      replace(at, at + step.literal.size());
    }
  }
  result += text.substr(end);
  return result;
}

}  // namespace

std::string NormalizeUnicode(std::string_view text, UnicodeForm form) {
  const utf8proc_option_t options = OptionsOf(form);
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    // ASCII stays as it is, except that the last one may take the first mark after it.
    const auto other = std::ranges::find_if_not(text, IsAscii);
    size_t n_plain = static_cast<size_t>(other - text.begin());
    if (n_plain < text.size() && n_plain > 0) --n_plain;
    result += text.substr(0, n_plain);
    text.remove_prefix(n_plain);
    if (text.empty()) break;
    size_t end = IsAscii(text[0]) ? 1 : 0;
    while (end < text.size() && !IsAscii(text[end])) ++end;
    NormalizeStretch(text.substr(0, end), options, &result);
    text.remove_prefix(end);
  }
  return result;
}

std::string_view TextNormalizer::Apply(std::string_view text, std::string* storage) const {
  for (const NormalizerStep& step : steps_) {
    std::string result;
    switch (step.kind) {
      case NormalizerStep::Kind::kUnicode:
        if (std::ranges::all_of(text, IsAscii)) continue;
        result = NormalizeUnicode(text, step.form);
        break;
      case NormalizerStep::Kind::kPrepend:
        if (text.empty()) continue;
        result = step.content + std::string(text);
        break;
      case NormalizerStep::Kind::kReplace:
        result = ReplaceAll(text, step);
        break;
    }
    *storage = std::move(result);
    text = *storage;
  }
  return text;
}

}  // namespace accllm
