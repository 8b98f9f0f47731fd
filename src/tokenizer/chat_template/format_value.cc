#include "tokenizer/chat_template/format_value.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "tokenizer/chat_template/unicode_text.h"

namespace accllm::chat {
namespace {

constexpr int kMaxNesting = 200;  // namespaces can hold themselves

void AppendRepr(Runtime& runtime, const Value& value, int depth, TextBuffer& out);

// The body of a Python string literal.
void AppendQuoted(std::string_view text, TextBuffer& out) {
  const bool has_single = text.find('\'') != std::string_view::npos;
  const bool has_double = text.find('"') != std::string_view::npos;
  const char quote = has_single && !has_double ? '"' : '\'';
  out.Append(std::string_view(&quote, 1));
  for (const std::string_view point : SplitCodePoints(text)) {
    const char32_t c = FirstOf(point);
    if (c == static_cast<char32_t>(quote) || c == '\\') {
      out.Append("\\");
      out.Append(point);
    } else if (c == '\n' || c == '\r' || c == '\t') {
      out.Append(c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t");
    } else if (IsPrintable(c)) {
      out.Append(point);
    } else {
      const auto number = static_cast<uint32_t>(c);
      out.Append(number < 0x100     ? fmt::format("\\x{:02x}", number)
                 : number < 0x10000 ? fmt::format("\\u{:04x}", number)
                                    : fmt::format("\\U{:08x}", number));
    }
  }
  out.Append(std::string_view(&quote, 1));
}

void AppendItems(Runtime& runtime, const std::vector<Value>& items, int depth, TextBuffer& out) {
  for (size_t i = 0; i < items.size() && !runtime.failed(); ++i) {
    if (i > 0) out.Append(", ");
    AppendRepr(runtime, items[i], depth + 1, out);
  }
}

void AppendSequence(Runtime& runtime, const Sequence& sequence, int depth, TextBuffer& out) {
  switch (sequence.kind) {
    case SequenceKind::kTuple:
      out.Append("(");
      AppendItems(runtime, sequence.items, depth, out);
      out.Append(sequence.items.size() == 1 ? ",)" : ")");
      return;
    case SequenceKind::kList:
      out.Append("[");
      AppendItems(runtime, sequence.items, depth, out);
      out.Append("]");
      return;
    case SequenceKind::kDictItems:
    case SequenceKind::kDictKeys:
    case SequenceKind::kDictValues: {
      out.Append(sequence.kind == SequenceKind::kDictItems  ? "dict_items(["
                 : sequence.kind == SequenceKind::kDictKeys ? "dict_keys(["
                                                            : "dict_values([");
      AppendItems(runtime, sequence.items, depth, out);
      out.Append("])");
      return;
    }
    case SequenceKind::kRange:
    case SequenceKind::kIterator:
      runtime.Unsupported("a generator or range cannot be printed, only looped over or listed");
  }
}

void AppendEntries(Runtime& runtime, const std::vector<std::pair<Value, Value>>& entries, int depth,
                   TextBuffer& out) {
  out.Append("{");
  for (size_t i = 0; i < entries.size() && !runtime.failed(); ++i) {
    if (i > 0) out.Append(", ");
    AppendRepr(runtime, entries[i].first, depth + 1, out);
    out.Append(": ");
    AppendRepr(runtime, entries[i].second, depth + 1, out);
  }
  out.Append("}");
}

void AppendNamespace(Runtime& runtime, const Namespace& space, int depth, TextBuffer& out) {
  out.Append("<Namespace {");
  for (size_t i = 0; i < space.attributes.size() && !runtime.failed(); ++i) {
    if (i > 0) out.Append(", ");
    AppendQuoted(space.attributes[i].first, out);
    out.Append(": ");
    AppendRepr(runtime, space.attributes[i].second, depth + 1, out);
  }
  out.Append("}>");
}

// None, booleans and numbers, which look the same in str, repr and (but for None and booleans)
// JSON.
std::optional<std::string> ScalarText(const Value& value) {
  if (value.is_none()) return "None";
  if (const bool* flag = value.As<bool>()) return *flag ? "True" : "False";
  if (const int64_t* integer = value.As<int64_t>()) return std::to_string(*integer);
  if (const double* real = value.As<double>()) return FloatToText(*real);
  return std::nullopt;
}

void AppendRepr(Runtime& runtime, const Value& value, int depth, TextBuffer& out) {
  if (!runtime.Spend()) return;
  if (depth > kMaxNesting) {
    runtime.Unsupported("a value is nested too deep to be printed");
    return;
  }
  if (const auto scalar = ScalarText(value)) {
    out.Append(*scalar);
  } else if (const Text* text = value.As<Text>()) {
    if (text->is_markup) out.Append("Markup(");
    AppendQuoted(*text->bytes, out);
    if (text->is_markup) out.Append(")");
  } else if (const Sequence* sequence = value.sequence()) {
    AppendSequence(runtime, *sequence, depth, out);
  } else if (const Mapping* mapping = value.mapping()) {
    AppendEntries(runtime, mapping->entries, depth, out);
  } else if (value.is_undefined()) {
    out.Append("Undefined");
  } else if (const auto* space = value.As<Namespace*>()) {
    AppendNamespace(runtime, **space, depth, out);
  } else {
    runtime.Unsupported(fmt::format("a {} cannot be printed", TypeName(value)));
  }
}

class JsonWriter {
 public:
  JsonWriter(Runtime& runtime, const JsonStyle& style)
      : runtime_(runtime), style_(style), out_(runtime) {}

  std::string Take() { return out_.Take(); }

  void Write(const Value& value, int depth) {
    if (!runtime_.Spend()) return;
    if (value.is_none()) {
      out_.Append("null");
    } else if (const bool* flag = value.As<bool>()) {
      out_.Append(*flag ? "true" : "false");
    } else if (value.is_number()) {
      out_.Append(Number(value));
    } else if (const std::string* text = value.text()) {
      WriteText(*text);
    } else if (const Mapping* mapping = value.mapping()) {
      WriteMapping(*mapping, depth);
    } else if (const Sequence* sequence = value.sequence();
               sequence != nullptr && IsArray(*sequence)) {
      WriteList(*sequence, depth);
    } else {
      runtime_.TypeError(
          fmt::format("Object of type {} is not JSON serializable", TypeName(value)));
    }
  }

 private:
  static bool IsArray(const Sequence& sequence) {
    return sequence.kind == SequenceKind::kList || sequence.kind == SequenceKind::kTuple;
  }

  static std::string Number(const Value& value) {
    const double* real = value.As<double>();
    if (real == nullptr || std::isfinite(*real)) return *ScalarText(value);
    return std::isnan(*real) ? "NaN" : *real < 0 ? "-Infinity" : "Infinity";
  }

  void WriteEscape(char32_t c) {
    constexpr std::string_view kNamed = "\"\\\b\f\n\r\t";
    constexpr std::string_view kLetters = "\"\\bfnrt";
    const size_t named = c < 0x80 ? kNamed.find(static_cast<char>(c)) : std::string_view::npos;
    if (named != std::string_view::npos) {
      out_.Append("\\");
      out_.Append(kLetters.substr(named, 1));
    } else if (c < 0x10000) {
      out_.Append(fmt::format("\\u{:04x}", static_cast<uint32_t>(c)));
    } else {
      const auto offset = static_cast<uint32_t>(c) - 0x10000;
      out_.Append(
          fmt::format("\\u{:04x}\\u{:04x}", 0xD800 + (offset >> 10), 0xDC00 + (offset & 0x3FF)));
    }
  }

  void WriteText(std::string_view text) {
    out_.Append("\"");
    for (const std::string_view point : SplitCodePoints(text)) {
      const char32_t c = FirstOf(point);
      if (c < 0x20 || c == '"' || c == '\\' || (c > 0x7E && style_.ensure_ascii)) {
        WriteEscape(c);
      } else {
        out_.Append(point);
      }
    }
    out_.Append("\"");
  }

  void NewLine(int depth) {
    if (!style_.indent) return;
    out_.Append("\n");
    for (int i = 0; i < depth; ++i) out_.Append(*style_.indent);
  }

  void WriteList(const Sequence& sequence, int depth) {
    out_.Append("[");
    for (size_t i = 0; i < sequence.items.size() && !runtime_.failed(); ++i) {
      if (i > 0) out_.Append(style_.item_separator);
      NewLine(depth + 1);
      Write(sequence.items[i], depth + 1);
    }
    if (!sequence.items.empty()) NewLine(depth);
    out_.Append("]");
  }

  // Keys that are no texts become some, as in Python.
  std::string KeyText(const Value& key) {
    if (const std::string* text = key.text()) return *text;
    if (key.is_none()) return "null";
    if (const bool* flag = key.As<bool>()) return *flag ? "true" : "false";
    if (key.is_number()) return Number(key);
    runtime_.TypeError(
        fmt::format("keys must be str, int, float, bool or None, not {}", TypeName(key)));
    return {};
  }

  void WriteMapping(const Mapping& mapping, int depth) {
    std::vector<std::pair<std::string, const Value*>> entries;
    for (const auto& [key, value] : mapping.entries) entries.emplace_back(KeyText(key), &value);
    if (style_.sort_keys) {
      std::stable_sort(entries.begin(), entries.end(),
                       [](const auto& a, const auto& b) { return a.first < b.first; });
    }
    out_.Append("{");
    for (size_t i = 0; i < entries.size() && !runtime_.failed(); ++i) {
      if (i > 0) out_.Append(style_.item_separator);
      NewLine(depth + 1);
      WriteText(entries[i].first);
      out_.Append(style_.key_separator);
      Write(*entries[i].second, depth + 1);
    }
    if (!entries.empty()) NewLine(depth);
    out_.Append("}");
  }

  Runtime& runtime_;
  const JsonStyle& style_;
  TextBuffer out_;
};

}  // namespace

std::string FloatToText(double number) {
  if (std::isnan(number)) return "nan";
  if (std::isinf(number)) return number < 0 ? "-inf" : "inf";
  std::array<char, 32> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number,
                                 std::chars_format::scientific)
                       .ptr;
  std::string_view text(buffer.data(), static_cast<size_t>(end - buffer.data()));
  const std::string sign = text.starts_with('-') ? "-" : "";
  text.remove_prefix(sign.size());
  const size_t e = text.find('e');
  int exponent = 0;
  const size_t sign_of_exponent = text[e + 1] == '+' ? 2 : 1;
  std::from_chars(text.data() + e + sign_of_exponent, text.data() + text.size(), exponent);
  std::string digits;
  for (const char c : text.substr(0, e)) {
    if (c != '.') digits += c;
  }
  const auto n_digits = static_cast<int>(digits.size());
  if (exponent < -4 || exponent >= 16) {
    if (n_digits > 1) digits.insert(1, ".");
    return fmt::format("{}{}e{}{:02}", sign, digits, exponent < 0 ? '-' : '+', std::abs(exponent));
  }
  if (exponent < 0) {
    return sign + "0." + std::string(static_cast<size_t>(-exponent - 1), '0') + digits;
  }
  if (n_digits <= exponent + 1) {
    return sign + digits + std::string(static_cast<size_t>(exponent + 1 - n_digits), '0') + ".0";
  }
  digits.insert(static_cast<size_t>(exponent) + 1, ".");
  return sign + digits;
}

void AppendText(Runtime& runtime, const Value& value, TextBuffer& out) {
  if (const std::string* text = value.text()) {
    out.Append(*text);
  } else if (!value.is_undefined()) {
    AppendRepr(runtime, value, 0, out);
  }
}

std::string ToText(Runtime& runtime, const Value& value) {
  TextBuffer out(runtime);
  AppendText(runtime, value, out);
  return out.Take();
}

std::string ToRepr(Runtime& runtime, const Value& value) {
  TextBuffer out(runtime);
  AppendRepr(runtime, value, 0, out);
  return out.Take();
}

std::string ToJson(Runtime& runtime, const Value& value, const JsonStyle& style) {
  JsonWriter writer(runtime, style);
  writer.Write(value, 0);
  return writer.Take();
}

}  // namespace accllm::chat
