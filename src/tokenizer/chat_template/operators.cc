#include "tokenizer/chat_template/operators.h"

#include <algorithm>
#include <cmath>

#include "tokenizer/chat_template/text_format.h"
#include "tokenizer/chat_template/unicode_text.h"

namespace accllm::chat {
namespace {

Value CannotOperate(Runtime& runtime, std::string_view symbol, const Value& a, const Value& b) {
  if (a.is_undefined()) return runtime.UndefinedError(a);
  if (b.is_undefined()) return runtime.UndefinedError(b);
  return runtime.TypeError(fmt::format("unsupported operand type(s) for {}: '{}' and '{}'", symbol,
                                       TypeName(a), TypeName(b)));
}

// -1, 0 or 1; exact, also between integers and floats. NaN is unequal to all and not smaller.
int CompareNumbers(const Value& a, const Value& b) {
  const auto exact = [](const Value& value) {
    int64_t storage = 0;
    const int64_t* integer = AsInteger(value, storage);
    return integer != nullptr ? static_cast<long double>(*integer)
                              : static_cast<long double>(AsDouble(value));
  };
  const long double x = exact(a);
  const long double y = exact(b);
  return x < y ? -1 : x == y ? 0 : 1;
}

bool EqualItems(Runtime& runtime, const Sequence& a, const Sequence& b) {
  const bool has_order = a.kind == SequenceKind::kList || a.kind == SequenceKind::kTuple ||
                         a.kind == SequenceKind::kRange;
  if (&a == &b) return true;
  if (!has_order || a.kind != b.kind || a.items.size() != b.items.size()) return false;
  for (size_t i = 0; i < a.items.size(); ++i) {
    if (!Equals(runtime, a.items[i], b.items[i])) return false;
  }
  return true;
}

const Value* FindEqualKey(Runtime& runtime, const Mapping& mapping, const Value& key) {
  if (const std::string* text = key.text()) {
    runtime.Spend(static_cast<int64_t>(mapping.entries.size() / 8));
    return FindKey(mapping, *text);
  }
  for (const auto& [candidate, value] : mapping.entries) {
    if (Equals(runtime, candidate, key)) return &value;
  }
  return nullptr;
}

bool EqualMappings(Runtime& runtime, const Mapping& a, const Mapping& b) {
  if (a.entries.size() != b.entries.size()) return false;
  return std::all_of(a.entries.begin(), a.entries.end(), [&](const auto& entry) {
    const Value* other = FindEqualKey(runtime, b, entry.first);
    return other != nullptr && Equals(runtime, entry.second, *other);
  });
}

bool LessSequence(Runtime& runtime, const Sequence& a, const Sequence& b) {
  const size_t n = std::min(a.items.size(), b.items.size());
  for (size_t i = 0; i < n && !runtime.failed(); ++i) {
    if (!Equals(runtime, a.items[i], b.items[i])) return Less(runtime, a.items[i], b.items[i]);
  }
  return a.items.size() < b.items.size();
}

bool Contains(Runtime& runtime, const Value& container, const Value& item) {
  if (const std::string* text = container.text()) {
    runtime.Spend(static_cast<int64_t>(text->size() / 64));
    if (const std::string* part = item.text()) return text->find(*part) != std::string::npos;
    runtime.TypeError(
        fmt::format("'in <string>' requires string as left operand, not {}", TypeName(item)));
    return false;
  }
  if (const Mapping* mapping = container.mapping()) {
    return FindEqualKey(runtime, *mapping, item) != nullptr;
  }
  const auto items = Iterate(runtime, container);
  if (items == nullptr) return false;
  return std::any_of(items->items.begin(), items->items.end(),
                     [&](const Value& other) { return Equals(runtime, item, other); });
}

Value Overflow(Runtime& runtime) { return runtime.Unsupported("an integer of more than 64 bits"); }

Value DivisionByZero(Runtime& runtime) { return runtime.TypeError("division by zero"); }

int64_t FloorDivide(int64_t a, int64_t b) {
  const int64_t quotient = a / b;
  return a % b != 0 && (a % b < 0) != (b < 0) ? quotient - 1 : quotient;
}

Value IntegerPower(Runtime& runtime, int64_t base, int64_t exponent) {
  int64_t result = 1;
  while (exponent > 0) {
    if (exponent % 2 == 1 && __builtin_mul_overflow(result, base, &result)) {
      return Overflow(runtime);
    }
    exponent /= 2;
    if (exponent > 0 && __builtin_mul_overflow(base, base, &base)) return Overflow(runtime);
  }
  return Value(result);
}

Value IntegerArithmetic(Runtime& runtime, Op op, int64_t a, int64_t b) {
  int64_t result = 0;
  const bool divides = op == Op::kFloorDiv || op == Op::kMod;
  if (divides && b == 0) return DivisionByZero(runtime);
  if (divides && b == -1) {  // the only quotient that can overflow
    if (op == Op::kMod) return Value(int64_t{0});
    return __builtin_sub_overflow(int64_t{0}, a, &result) ? Overflow(runtime) : Value(result);
  }
  bool overflows = false;
  switch (op) {
    case Op::kAdd:
      overflows = __builtin_add_overflow(a, b, &result);
      break;
    case Op::kSub:
      overflows = __builtin_sub_overflow(a, b, &result);
      break;
    case Op::kMul:
      overflows = __builtin_mul_overflow(a, b, &result);
      break;
    case Op::kFloorDiv:
      result = FloorDivide(a, b);
      break;
    case Op::kMod:
      result = a % b != 0 && (a % b < 0) != (b < 0) ? a % b + b : a % b;
      break;
    default:
      return IntegerPower(runtime, a, b);
  }
  return overflows ? Overflow(runtime) : Value(result);
}

double FloatModulo(double a, double b) {
  const double rest = std::fmod(a, b);
  if (rest != 0) return (rest < 0) != (b < 0) ? rest + b : rest;
  return std::copysign(0.0, b);
}

Value FloatPower(Runtime& runtime, double a, double b) {
  if (a == 0 && b < 0) return DivisionByZero(runtime);
  const double result = std::pow(a, b);
  if (std::isnan(result) && !std::isnan(a) && !std::isnan(b)) {
    return runtime.Unsupported("a complex number");
  }
  if (std::isinf(result) && std::isfinite(a) && std::isfinite(b)) {
    return runtime.TypeError("numerical result out of range");
  }
  return Value(result);
}

Value FloatArithmetic(Runtime& runtime, Op op, double a, double b) {
  const bool divides = op == Op::kDiv || op == Op::kFloorDiv || op == Op::kMod;
  if (divides && b == 0) return DivisionByZero(runtime);
  switch (op) {
    case Op::kAdd:
      return Value(a + b);
    case Op::kSub:
      return Value(a - b);
    case Op::kMul:
      return Value(a * b);
    case Op::kDiv:
      return Value(a / b);
    case Op::kMod:
      return Value(FloatModulo(a, b));
    case Op::kFloorDiv: {
      const double quotient = (a - FloatModulo(a, b)) / b;
      return Value(quotient == 0 ? std::copysign(0.0, a / b) : std::round(quotient));
    }
    default:
      return FloatPower(runtime, a, b);
  }
}

constexpr std::string_view SymbolOf(Op op) {
  constexpr std::string_view kSymbols[] = {"+", "-", "*", "/", "//", "%", "** or pow()"};
  return kSymbols[static_cast<size_t>(op)];
}

Value NumberArithmetic(Runtime& runtime, Op op, const Value& a, const Value& b) {
  int64_t storage_a = 0;
  int64_t storage_b = 0;
  const int64_t* x = AsInteger(a, storage_a);
  const int64_t* y = AsInteger(b, storage_b);
  const bool stays_integer = op != Op::kDiv && !(op == Op::kPow && y != nullptr && *y < 0);
  if (x != nullptr && y != nullptr && stays_integer) {
    return IntegerArithmetic(runtime, op, *x, *y);
  }
  return FloatArithmetic(runtime, op, AsDouble(a), AsDouble(b));
}

Value AddTexts(Runtime& runtime, const Text& a, const Text& b) {
  const bool is_markup = a.is_markup || b.is_markup;
  TextBuffer out(runtime);
  for (const Text* text : {&a, &b}) {
    out.Append(is_markup && !text->is_markup ? EscapeHtml(*text->bytes) : *text->bytes);
  }
  return runtime.MakeText(out.Take(), is_markup);
}

Value AddSequences(Runtime& runtime, const Sequence& a, const Sequence& b) {
  std::vector<Value> items;
  if (!runtime.Spend(static_cast<int64_t>(a.items.size() + b.items.size()))) return {};
  items.reserve(a.items.size() + b.items.size());
  items.insert(items.end(), a.items.begin(), a.items.end());
  items.insert(items.end(), b.items.begin(), b.items.end());
  return runtime.MakeSequence(std::move(items), a.kind);
}

bool IsListOrTuple(const Sequence* sequence) {
  return sequence != nullptr &&
         (sequence->kind == SequenceKind::kList || sequence->kind == SequenceKind::kTuple);
}

// `value` * `count`, a text, list or tuple; undefined without failure if it is something else.
Value Repeat(Runtime& runtime, const Value& value, int64_t count) {
  if (const Text* text = value.As<Text>()) {
    TextBuffer out(runtime);
    const int64_t n = text->bytes->empty() ? 0 : count;
    for (int64_t i = 0; i < n && runtime.Spend(); ++i) out.Append(*text->bytes);
    return runtime.MakeText(out.Take(), text->is_markup);
  }
  const Sequence* sequence = value.sequence();
  std::vector<Value> items;
  const int64_t n = sequence->items.empty() ? 0 : count;
  for (int64_t i = 0; i < n && runtime.Spend(static_cast<int64_t>(sequence->items.size())); ++i) {
    if (!runtime.SpendBytes(sequence->items.size() * sizeof(Value))) break;
    items.insert(items.end(), sequence->items.begin(), sequence->items.end());
  }
  return runtime.MakeSequence(std::move(items), sequence->kind);
}

bool IsRepeatable(const Value& value) {
  return value.text() != nullptr || IsListOrTuple(value.sequence());
}

}  // namespace

std::string EscapeHtml(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '\'':
        out += "&#39;";
        break;
      case '"':
        out += "&#34;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

bool Equals(Runtime& runtime, const Value& a, const Value& b) {
  if (!runtime.Spend()) return false;
  if (a.is_number() && b.is_number()) return CompareNumbers(a, b) == 0;
  if (a.storage().index() != b.storage().index()) return false;
  if (a.is_undefined() || a.is_none()) return true;
  if (const std::string* text = a.text()) {
    runtime.Spend(static_cast<int64_t>(text->size() / 64));
    return *text == *b.text();
  }
  if (const Sequence* sequence = a.sequence()) return EqualItems(runtime, *sequence, *b.sequence());
  if (const Mapping* mapping = a.mapping()) return EqualMappings(runtime, *mapping, *b.mapping());
  if (const Namespace* const* space = a.As<Namespace*>()) return *space == *b.As<Namespace*>();
  if (const Builtin* builtin = a.As<Builtin>()) return *builtin == *b.As<Builtin>();
  if (const auto* macro = a.As<std::shared_ptr<const Macro>>()) {
    return *macro == *b.As<std::shared_ptr<const Macro>>();
  }
  if (const auto* loop = a.As<std::shared_ptr<LoopState>>()) {
    return *loop == *b.As<std::shared_ptr<LoopState>>();
  }
  return false;
}

bool Less(Runtime& runtime, const Value& a, const Value& b) {
  if (!runtime.Spend()) return false;
  if (a.is_number() && b.is_number()) return CompareNumbers(a, b) < 0;
  if (a.text() != nullptr && b.text() != nullptr) return *a.text() < *b.text();
  if (IsListOrTuple(a.sequence()) && IsListOrTuple(b.sequence()) &&
      a.sequence()->kind == b.sequence()->kind) {
    return LessSequence(runtime, *a.sequence(), *b.sequence());
  }
  if (a.is_undefined() || b.is_undefined()) {
    runtime.UndefinedError(a.is_undefined() ? a : b);
  } else {
    runtime.TypeError(fmt::format("'{}' and '{}' cannot be ordered", TypeName(a), TypeName(b)));
  }
  return false;
}

bool Compare(Runtime& runtime, Op op, const Value& a, const Value& b) {
  const auto less_or_equal = [&](const Value& x, const Value& y) {
    return Less(runtime, x, y) || (!runtime.failed() && Equals(runtime, x, y));
  };
  switch (op) {
    case Op::kEq:
      return Equals(runtime, a, b);
    case Op::kNe:
      return !Equals(runtime, a, b);
    case Op::kLt:
      return Less(runtime, a, b);
    case Op::kLe:
      return less_or_equal(a, b);
    case Op::kGt:
      return Less(runtime, b, a);
    case Op::kGe:
      return less_or_equal(b, a);
    case Op::kIn:
      return Contains(runtime, b, a);
    default:
      return !Contains(runtime, b, a);
  }
}

Value Arithmetic(Runtime& runtime, Op op, const Value& a, const Value& b) {
  if (a.is_number() && b.is_number()) return NumberArithmetic(runtime, op, a, b);
  const Text* text = a.As<Text>();
  if (op == Op::kMod && text != nullptr) return FormatPercent(runtime, *text->bytes, b);
  if (op == Op::kAdd) {
    if (text != nullptr && b.Is<Text>()) return AddTexts(runtime, *text, *b.As<Text>());
    const Sequence* x = a.sequence();
    const Sequence* y = b.sequence();
    if (IsListOrTuple(x) && IsListOrTuple(y) && x->kind == y->kind) {
      return AddSequences(runtime, *x, *y);
    }
  }
  if (op == Op::kMul) {
    int64_t storage = 0;
    const int64_t* count = AsInteger(b, storage);
    if (IsRepeatable(a) && count != nullptr) return Repeat(runtime, a, *count);
    count = AsInteger(a, storage);
    if (IsRepeatable(b) && count != nullptr) return Repeat(runtime, b, *count);
  }
  return CannotOperate(runtime, SymbolOf(op), a, b);
}

Value Negate(Runtime& runtime, const Value& value) {
  if (const double* real = value.As<double>()) return Value(-*real);
  return NumberArithmetic(runtime, Op::kSub, Value(int64_t{0}), value);
}

std::shared_ptr<const Sequence> Iterate(Runtime& runtime, const Value& value) {
  if (const auto* sequence = value.As<std::shared_ptr<const Sequence>>()) return *sequence;
  std::vector<Value> items;
  if (const Mapping* mapping = value.mapping()) {
    for (const auto& entry : mapping->entries) items.push_back(entry.first);
  } else if (const std::string* text = value.text()) {
    if (!runtime.SpendBytes(text->size() * sizeof(Value))) return nullptr;
    for (const std::string_view point : SplitCodePoints(*text)) {
      items.push_back(runtime.MakeText(std::string(point)));
    }
  } else if (!value.is_undefined()) {
    runtime.TypeError(fmt::format("'{}' object is not iterable", TypeName(value)));
    return nullptr;
  }
  const Value list = runtime.MakeSequence(std::move(items));
  const auto* sequence = list.As<std::shared_ptr<const Sequence>>();
  return sequence == nullptr ? nullptr : *sequence;
}

}  // namespace accllm::chat
