// Filters of texts, numbers and single values.
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>

#include "tokenizer/chat_template/filters.h"
#include "tokenizer/chat_template/format_value.h"
#include "tokenizer/chat_template/methods.h"
#include "tokenizer/chat_template/operators.h"
#include "tokenizer/chat_template/text_format.h"
#include "tokenizer/chat_template/unicode_text.h"

namespace accllm::chat {
namespace {

template <std::string (*change)(std::string_view)>
Value Change(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const BoundArguments bound(runtime, "the filter", arguments, {});
  return runtime.MakeText(change(ToText(runtime, value)));
}

bool IsMarkup(const Value& value) {
  const Text* text = value.As<Text>();
  return text != nullptr && text->is_markup;
}

// The filter's own rule: a word starts behind white space, a hyphen or an opening bracket.
std::string TitleWords(std::string_view text) {
  std::string out;
  std::string word;
  const auto end_word = [&] {
    if (word.empty()) return;
    const size_t length = CodePointLength(word[0]);
    out += Upper(std::string_view(word).substr(0, length)) +
           Lower(std::string_view(word).substr(length));
    word.clear();
  };
  for (const std::string_view point : SplitCodePoints(text)) {
    const bool is_break =
        IsSpace(FirstOf(point)) || std::string_view("-({[<").find(point) != std::string_view::npos;
    if (is_break) {
      end_word();
      out += point;
    } else {
      word += point;
    }
  }
  end_word();
  return out;
}

Value Trim(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const BoundArguments bound(runtime, "trim", arguments, {"chars"});
  const bool has_chars = bound.Has(0) && !bound.Get(0)->is_none();
  const std::string chars = has_chars ? bound.Text(0, "") : "";
  const std::string text = ToText(runtime, value);
  return runtime.MakeText(std::string(Strip(text, Side::kBoth, has_chars ? &chars : nullptr)),
                          IsMarkup(value));
}

Value ReplaceFilter(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const BoundArguments bound(runtime, "replace", arguments, {"old", "new", "count"}, 2);
  if (runtime.failed()) return {};
  const bool counts = bound.Has(2) && !bound.Get(2)->is_none();
  return Replace(runtime, ToText(runtime, value), ToText(runtime, *bound.Get(0)),
                 ToText(runtime, *bound.Get(1)), counts ? bound.Int(2, -1) : -1);
}

Value Format(Runtime& runtime, const Value& value, const Arguments& arguments) {
  if (!arguments.keywords.empty()) return runtime.Unsupported("format with named values");
  const Value values = runtime.MakeSequence(arguments.positional, SequenceKind::kTuple);
  return FormatPercent(runtime, ToText(runtime, value), values);
}

// The indentation of one level: a text, or a number of spaces. False, and a failure, if it is too
// much.
bool ReadIndent(Runtime& runtime, const Value& value, std::string& indent) {
  if (const std::string* text = value.text()) {
    indent = *text;
    return true;
  }
  int64_t storage = 0;
  const int64_t* width = AsInteger(value, storage);
  if (width == nullptr || *width > 1000) {
    runtime.TypeError("indent must be a text or a number of at most 1000 spaces");
    return false;
  }
  indent.assign(static_cast<size_t>(std::max<int64_t>(*width, 0)), ' ');
  return true;
}

Value Indent(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const BoundArguments bound(runtime, "indent", arguments, {"width", "first", "blank"});
  std::string indent(4, ' ');
  if (bound.Has(0) && !ReadIndent(runtime, *bound.Get(0), indent)) return {};
  const std::string* given = value.text();
  if (given == nullptr) {
    return runtime.TypeError(fmt::format("indent takes a text, not {}", TypeName(value)));
  }
  const std::string text = *given + "\n";  // so that an empty last line counts
  const bool indents_blank = bound.Bool(2, false);
  TextBuffer out(runtime);
  bool is_first = true;
  for (const std::string_view line : SplitLines(text)) {
    if (!is_first) out.Append("\n");
    const bool is_indented = is_first ? bound.Bool(1, false) : indents_blank || !line.empty();
    if (is_indented) out.Append(indent);
    out.Append(line);
    is_first = false;
  }
  return runtime.MakeText(out.Take());
}

Value ToJsonFilter(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const BoundArguments bound(runtime, "tojson", arguments,
                             {"ensure_ascii", "indent", "separators", "sort_keys"});
  JsonStyle style;
  style.ensure_ascii = bound.Bool(0, false);
  style.sort_keys = bound.Bool(3, false);
  if (bound.Has(1) && !bound.Get(1)->is_none()) {
    style.indent.emplace();
    if (!ReadIndent(runtime, *bound.Get(1), *style.indent)) return {};
  }
  style.item_separator = style.indent ? "," : ", ";
  style.key_separator = ": ";
  if (bound.Has(2) && !bound.Get(2)->is_none()) {
    const Sequence* pair = bound.Get(2)->sequence();
    if (pair == nullptr || pair->items.size() != 2 || pair->items[0].text() == nullptr ||
        pair->items[1].text() == nullptr) {
      return runtime.TypeError("separators must be two texts");
    }
    style.item_separator = *pair->items[0].text();
    style.key_separator = *pair->items[1].text();
  }
  return runtime.MakeText(ToJson(runtime, value, style));
}

Value Escape(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const BoundArguments bound(runtime, "escape", arguments, {});
  if (IsMarkup(value)) return value;
  return runtime.MakeText(EscapeHtml(ToText(runtime, value)), true);
}

Value ForceEscape(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const BoundArguments bound(runtime, "forceescape", arguments, {});
  return runtime.MakeText(EscapeHtml(ToText(runtime, value)), true);
}

Value Safe(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const BoundArguments bound(runtime, "safe", arguments, {});
  return runtime.MakeText(ToText(runtime, value), true);
}

Value String(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const BoundArguments bound(runtime, "string", arguments, {});
  return value.text() != nullptr ? value : runtime.MakeText(ToText(runtime, value));
}

Value Default(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const BoundArguments bound(runtime, "default", arguments, {"default_value", "boolean"});
  const bool replaces = value.is_undefined() || (bound.Bool(1, false) && !IsTrue(value));
  if (!replaces) return value;
  return bound.Has(0) ? *bound.Get(0) : runtime.MakeText("");
}

// A Python number at the whole of `text`, white space around it allowed.
bool ReadFloat(std::string_view text, double& number) {
  text = Strip(text, Side::kBoth);
  if (text.starts_with('+')) text.remove_prefix(1);
  if (text.empty() || text.starts_with('+') || text.find('_') != std::string_view::npos)
    return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

bool ReadInt(std::string_view text, int64_t& number) {
  text = Strip(text, Side::kBoth);
  if (text.starts_with('+')) text.remove_prefix(1);
  if (text.starts_with('+')) return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

Value Int(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const BoundArguments bound(runtime, "int", arguments, {"default", "base"});
  if (bound.Int(1, 10) != 10) return runtime.Unsupported("int with another base than 10");
  if (value.is_undefined()) return runtime.UndefinedError(value);
  int64_t storage = 0;
  if (const int64_t* integer = AsInteger(value, storage)) return Value(*integer);
  double real = std::nan("");
  if (value.Is<double>()) real = AsDouble(value);
  if (const std::string* text = value.text()) {
    int64_t number = 0;
    if (ReadInt(*text, number)) return Value(number);
    if (!ReadFloat(*text, real)) real = std::nan("");
  }
  if (std::fabs(real) >= 9e18 && std::isfinite(real)) {
    return runtime.Unsupported("an integer of more than 64 bits");
  }
  if (std::isinf(real)) return runtime.TypeError("cannot convert float infinity to integer");
  if (!std::isnan(real)) return Value(static_cast<int64_t>(real));
  return bound.Has(0) ? *bound.Get(0) : Value(int64_t{0});
}

Value Float(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const BoundArguments bound(runtime, "float", arguments, {"default"});
  if (value.is_undefined()) return runtime.UndefinedError(value);
  if (value.is_number()) return Value(AsDouble(value));
  double number = 0;
  if (value.text() != nullptr && ReadFloat(*value.text(), number)) return Value(number);
  return bound.Has(0) ? *bound.Get(0) : Value(0.0);
}

Value Abs(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const BoundArguments bound(runtime, "abs", arguments, {});
  if (const double* real = value.As<double>()) return Value(std::fabs(*real));
  int64_t storage = 0;
  const int64_t* integer = AsInteger(value, storage);
  if (integer == nullptr) {
    return runtime.TypeError(fmt::format("bad operand type for abs(): '{}'", TypeName(value)));
  }
  return *integer < 0 ? Negate(runtime, Value(*integer)) : Value(*integer);
}

Value Round(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const BoundArguments bound(runtime, "round", arguments, {"precision", "method"});
  const int64_t precision = bound.Int(0, 0);
  const std::string method = bound.Text(1, "common");
  if (precision < 0 || precision > 300) return runtime.Unsupported("round with this precision");
  if (!value.is_number()) {
    return runtime.TypeError(fmt::format("round takes a number, not {}", TypeName(value)));
  }
  int64_t storage = 0;
  if (method == "common") {
    if (const int64_t* integer = AsInteger(value, storage)) return Value(*integer);
    const double number = AsDouble(value);
    if (!std::isfinite(number)) return value;
    const std::string text = fmt::format("{:.{}f}", number, precision);  // exact, half to even
    return Value(std::strtod(text.c_str(), nullptr));
  }
  const double factor = std::pow(10.0, static_cast<double>(precision));
  if (method != "ceil" && method != "floor") {
    return runtime.TypeError("method must be common, ceil or floor");
  }
  const double scaled = AsDouble(value) * factor;
  return Value((method == "ceil" ? std::ceil(scaled) : std::floor(scaled)) / factor);
}

constexpr std::array kTextFilters = {
    FilterEntry{"abs", Abs},
    FilterEntry{"capitalize", Change<Capitalize>},
    FilterEntry{"d", Default},
    FilterEntry{"default", Default},
    FilterEntry{"e", Escape},
    FilterEntry{"escape", Escape},
    FilterEntry{"float", Float},
    FilterEntry{"forceescape", ForceEscape},
    FilterEntry{"format", Format},
    FilterEntry{"indent", Indent},
    FilterEntry{"int", Int},
    FilterEntry{"lower", Change<Lower>},
    FilterEntry{"replace", ReplaceFilter},
    FilterEntry{"round", Round},
    FilterEntry{"safe", Safe},
    FilterEntry{"string", String},
    FilterEntry{"title", Change<TitleWords>},
    FilterEntry{"tojson", ToJsonFilter},
    FilterEntry{"trim", Trim},
    FilterEntry{"upper", Change<Upper>},
};

}  // namespace

std::span<const FilterEntry> TextFilters() { return kTextFilters; }

}  // namespace accllm::chat
