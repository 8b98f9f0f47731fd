#include "tokenizer/chat_template/text_format.h"

#include <cctype>
#include <charconv>
#include <cmath>

#include "tokenizer/chat_template/format_value.h"
#include "tokenizer/chat_template/operators.h"
#include "tokenizer/chat_template/unicode_text.h"

namespace accllm::chat {
namespace {

constexpr int64_t kMaxWidth = 1000;

// How one value is written; both syntaxes are read into it.
struct FieldSpec {
  std::string fill = " ";
  char align = 0;  // '<', '>', '^', '=', or 0: the type's own
  bool plus = false;
  bool space = false;
  int64_t width = 0;
  int64_t precision = -1;
  char type = 's';
};

// A number at the start of `rest`, which it takes off; `otherwise` if there is none.
int64_t TakeNumber(std::string_view& rest, int64_t otherwise) {
  int64_t number = otherwise;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
  if (error != std::errc() || rest.starts_with('-')) return otherwise;
  rest.remove_prefix(static_cast<size_t>(end - rest.data()));
  return number;
}

std::string Pad(std::string text, const FieldSpec& spec, char own_align) {
  const auto length = static_cast<int64_t>(CountCodePoints(text));
  if (length >= spec.width) return text;
  const auto missing = static_cast<size_t>(spec.width - length);
  const char align = spec.align == 0 ? own_align : spec.align;
  const size_t left = align == '<' ? 0 : align == '^' ? missing / 2 : missing;
  const auto fill = [&](size_t n) {
    std::string padding;
    for (size_t i = 0; i < n; ++i) padding += spec.fill;
    return padding;
  };
  if (align == '=') {
    const size_t sign =
        text.starts_with('-') || text.starts_with('+') || text.starts_with(' ') ? 1 : 0;
    return text.substr(0, sign) + fill(missing) + text.substr(sign);
  }
  return fill(left) + text + fill(missing - left);
}

std::string WithSign(std::string number, const FieldSpec& spec) {
  if (number.starts_with('-')) return number;
  return (spec.plus ? "+" : spec.space ? " " : "") + number;
}

std::string FormatText(const std::string& text, const FieldSpec& spec) {
  std::string shown = text;
  if (spec.precision >= 0) {
    const std::vector<std::string_view> points = SplitCodePoints(text);
    shown.clear();
    for (size_t i = 0; i < points.size() && static_cast<int64_t>(i) < spec.precision; ++i) {
      shown += points[i];
    }
  }
  return Pad(std::move(shown), spec, '<');
}

std::string FormatField(Runtime& runtime, const Value& value, const FieldSpec& spec) {
  if (spec.width > kMaxWidth || spec.precision > kMaxWidth) {
    runtime.Unsupported("a field of more than 1000 characters");
    return {};
  }
  if (spec.type == 's') return FormatText(ToText(runtime, value), spec);
  if (spec.type == 'r') return FormatText(ToRepr(runtime, value), spec);
  if (!value.is_number()) {
    if (value.is_undefined()) {
      runtime.UndefinedError(value);
    } else {
      runtime.TypeError(
          fmt::format("%{} format: a number is required, not {}", spec.type, TypeName(value)));
    }
    return {};
  }
  if (spec.type == 'd') {
    const double* real = value.As<double>();
    if (real != nullptr && !(std::fabs(*real) < 9e18)) {
      runtime.Unsupported("an integer of more than 64 bits");
      return {};
    }
    int64_t storage = 0;
    const int64_t* integer = AsInteger(value, storage);
    const int64_t number = integer == nullptr ? static_cast<int64_t>(*real) : *integer;
    return Pad(WithSign(std::to_string(number), spec), spec, '>');
  }
  const double number = AsDouble(value);
  const int precision = spec.precision < 0 ? 6 : static_cast<int>(spec.precision);
  const std::string text =
      std::isfinite(number) ? fmt::format("{:.{}f}", number, precision) : FloatToText(number);
  return Pad(WithSign(text, spec), spec, '>');
}

// Reads what follows a "%"; false, and a failure, if it is not supported.
bool ReadPercentSpec(Runtime& runtime, std::string_view& rest, FieldSpec& spec) {
  while (!rest.empty() && std::string_view("-0+ ").find(rest[0]) != std::string_view::npos) {
    if (rest[0] == '-') spec.align = '<';
    if (rest[0] == '0' && spec.align == 0) spec.align = '=';
    spec.plus |= rest[0] == '+';
    spec.space |= rest[0] == ' ';
    rest.remove_prefix(1);
  }
  spec.width = TakeNumber(rest, 0);
  if (rest.starts_with('.')) {
    rest.remove_prefix(1);
    spec.precision = TakeNumber(rest, 0);
  }
  if (rest.empty() || std::string_view("sdifr").find(rest[0]) == std::string_view::npos) {
    runtime.Unsupported("only %s, %d, %i, %f, %r and %% are supported in a format");
    return false;
  }
  spec.type = rest[0] == 'i' ? 'd' : rest[0];
  rest.remove_prefix(1);
  const bool is_number = spec.type == 'd' || spec.type == 'f';
  if (spec.align == '=' && is_number) spec.fill = "0";
  if (spec.align == 0 || (spec.align == '=' && !is_number)) spec.align = '>';
  return true;
}

// Reads "[[fill]align][sign][0][width][.precision][type]"; the whole of `rest`.
bool ReadBraceSpec(std::string_view rest, const Value& value, FieldSpec& spec) {
  constexpr std::string_view kAligns = "<>^=";
  if (rest.empty()) return true;
  spec.type = value.Is<int64_t>() ? 'd' : 's';
  const size_t length = CodePointLength(rest[0]);
  if (rest.size() > length && kAligns.find(rest[length]) != std::string_view::npos) {
    spec.fill = rest.substr(0, length);
    spec.align = rest[length];
    rest.remove_prefix(length + 1);
  } else if (kAligns.find(rest[0]) != std::string_view::npos) {
    spec.align = rest[0];
    rest.remove_prefix(1);
  }
  if (rest.starts_with('+') || rest.starts_with(' ')) {
    spec.plus = rest[0] == '+';
    spec.space = rest[0] == ' ';
    rest.remove_prefix(1);
  }
  if (rest.starts_with('0') && spec.align == 0) {
    spec.fill = "0";
    spec.align = '=';
  }
  spec.width = TakeNumber(rest, 0);
  if (rest.starts_with('.')) {
    rest.remove_prefix(1);
    spec.precision = TakeNumber(rest, -1);
    if (spec.precision < 0) return false;
  }
  if (rest.size() == 1 && std::string_view("sdf").find(rest[0]) != std::string_view::npos) {
    spec.type = rest[0];
    rest.remove_prefix(1);
  }
  const bool is_text = value.text() != nullptr;
  const bool fits = spec.type == 's'   ? is_text && spec.align != '='
                    : spec.type == 'd' ? value.Is<int64_t>() && spec.precision < 0
                                       : value.is_number();
  return rest.empty() && fits;
}

class BraceFormatter {
 public:
  BraceFormatter(Runtime& runtime, std::string_view format, const Arguments& arguments)
      : runtime_(runtime), rest_(format), arguments_(arguments), out_(runtime) {}

  Value Run() {
    while (!rest_.empty() && !runtime_.failed()) {
      const size_t brace = rest_.find_first_of("{}");
      out_.Append(rest_.substr(0, brace));
      if (brace == std::string_view::npos) break;
      rest_.remove_prefix(brace);
      if (rest_.starts_with("{{") || rest_.starts_with("}}")) {
        out_.Append(rest_.substr(0, 1));
        rest_.remove_prefix(2);
      } else {
        Field();
      }
    }
    return runtime_.MakeText(out_.Take());
  }

 private:
  void Field() {
    const size_t end = rest_.find('}');
    if (rest_[0] == '}' || end == std::string_view::npos) {
      runtime_.TypeError("a single brace in a format");
      return;
    }
    const std::string_view field = rest_.substr(1, end - 1);
    rest_.remove_prefix(end + 1);
    const size_t colon = field.find(':');
    const std::string_view name = field.substr(0, colon);
    const Value* value = Find(name);
    if (value == nullptr) return;
    FieldSpec spec;
    const std::string_view specification =
        colon == std::string_view::npos ? std::string_view() : field.substr(colon + 1);
    if (!ReadBraceSpec(specification, *value, spec)) {
      runtime_.Unsupported(fmt::format("the format '{}' is not supported", specification));
      return;
    }
    out_.Append(FormatField(runtime_, *value, spec));
  }

  const Value* Find(std::string_view name) {
    if (name.empty() || std::isdigit(static_cast<unsigned char>(name[0])) != 0) {
      std::string_view rest = name;
      const int64_t index = name.empty() ? next_++ : TakeNumber(rest, -1);
      const bool is_there = index >= 0 && (name.empty() || rest.empty()) &&
                            static_cast<size_t>(index) < arguments_.positional.size();
      if (is_there) return &arguments_.positional[static_cast<size_t>(index)];
    }
    for (const auto& [key, value] : arguments_.keywords) {
      if (key == name) return &value;
    }
    runtime_.Fail(name.find_first_of(".[!") == std::string_view::npos ? ErrorCode::kInvalidArgument
                                                                      : ErrorCode::kUnsupported,
                  fmt::format("the format has no value for '{}'", name));
    return nullptr;
  }

  Runtime& runtime_;
  std::string_view rest_;
  const Arguments& arguments_;
  TextBuffer out_;
  int64_t next_ = 0;
};

}  // namespace

Value FormatPercent(Runtime& runtime, std::string_view format, const Value& values) {
  const Sequence* sequence = values.sequence();
  const bool is_tuple = sequence != nullptr && sequence->kind == SequenceKind::kTuple;
  const size_t n_values = is_tuple ? sequence->items.size() : 1;
  size_t next = 0;
  TextBuffer out(runtime);
  while (!format.empty() && !runtime.failed()) {
    const size_t percent = format.find('%');
    out.Append(format.substr(0, percent));
    if (percent == std::string_view::npos) break;
    format.remove_prefix(percent + 1);
    if (format.starts_with('%')) {
      out.Append("%");
      format.remove_prefix(1);
      continue;
    }
    FieldSpec spec;
    if (!ReadPercentSpec(runtime, format, spec)) return {};
    if (next == n_values) return runtime.TypeError("not enough arguments for format string");
    out.Append(FormatField(runtime, is_tuple ? sequence->items[next] : values, spec));
    ++next;
  }
  if (next < n_values && values.mapping() == nullptr) {
    return runtime.TypeError("not all arguments converted during string formatting");
  }
  return runtime.MakeText(out.Take());
}

Value FormatBraces(Runtime& runtime, std::string_view format, const Arguments& arguments) {
  return BraceFormatter(runtime, format, arguments).Run();
}

}  // namespace accllm::chat
