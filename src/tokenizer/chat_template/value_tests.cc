#include "tokenizer/chat_template/value_tests.h"

#include <algorithm>
#include <array>

#include "tokenizer/chat_template/filters.h"
#include "tokenizer/chat_template/format_value.h"
#include "tokenizer/chat_template/operators.h"
#include "tokenizer/chat_template/unicode_text.h"

namespace accllm::chat {
namespace {

using TestBody = bool (*)(Runtime&, const Value& value, const Arguments&);

struct TestEntry {
  std::string_view name;
  TestBody body;
};

template <bool (*check)(const Value&)>
bool Check(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const BoundArguments bound(runtime, "the test", arguments, {});
  return check(value);
}

template <Op op>
bool CompareTest(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const BoundArguments bound(runtime, "the test", arguments, {"other"}, 1);
  return bound.Has(0) && Compare(runtime, op, value, *bound.Get(0));
}

bool IsDefined(const Value& value) { return !value.is_undefined(); }
bool IsUndefined(const Value& value) { return value.is_undefined(); }
bool IsNone(const Value& value) { return value.is_none(); }
bool IsText(const Value& value) { return value.text() != nullptr; }
bool IsMapping(const Value& value) { return value.mapping() != nullptr; }
bool IsNumber(const Value& value) { return value.is_number(); }
bool IsInteger(const Value& value) { return value.Is<int64_t>(); }
bool IsFloat(const Value& value) { return value.Is<double>(); }
bool IsBoolean(const Value& value) { return value.Is<bool>(); }
bool IsTrueItself(const Value& value) { return value.Is<bool>() && *value.As<bool>(); }
bool IsFalseItself(const Value& value) { return value.Is<bool>() && !*value.As<bool>(); }
bool IsCallable(const Value& value) { return value.is_callable(); }

bool IsIterable(const Value& value) {
  return value.text() != nullptr || value.sequence() != nullptr || value.mapping() != nullptr ||
         value.is_undefined() || value.Is<std::shared_ptr<LoopState>>();
}

// Has a length and can be indexed.
bool IsSequence(const Value& value) {
  const Sequence* sequence = value.sequence();
  if (sequence != nullptr) {
    return sequence->kind == SequenceKind::kList || sequence->kind == SequenceKind::kTuple ||
           sequence->kind == SequenceKind::kRange;
  }
  return value.text() != nullptr || value.mapping() != nullptr || value.is_undefined();
}

template <int remainder>
bool HasRemainder(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const BoundArguments bound(runtime, "the test", arguments, {});
  const Value rest = Arithmetic(runtime, Op::kMod, value, Value(int64_t{2}));
  return Equals(runtime, rest, Value(int64_t{remainder}));
}

bool IsDivisibleBy(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const BoundArguments bound(runtime, "divisibleby", arguments, {"num"}, 1);
  if (!bound.Has(0)) return false;
  const Value rest = Arithmetic(runtime, Op::kMod, value, *bound.Get(0));
  return Equals(runtime, rest, Value(int64_t{0}));
}

// Whether the text has cased letters, all of them of the one case.
template <std::string (*change)(std::string_view), std::string (*opposite)(std::string_view)>
bool HasCase(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const BoundArguments bound(runtime, "the test", arguments, {});
  const std::string text = ToText(runtime, value);
  return change(text) == text && opposite(text) != text;
}

bool IsSameAs(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const BoundArguments bound(runtime, "sameas", arguments, {"other"}, 1);
  if (!bound.Has(0)) return false;
  const Value& other = *bound.Get(0);
  if (value.storage().index() != other.storage().index()) return false;
  const bool is_constant = value.is_none() || value.Is<bool>();
  if (!is_constant) runtime.Unsupported("sameas for anything but none, true and false");
  return Equals(runtime, value, other);
}

bool IsFilterName(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const BoundArguments bound(runtime, "filter", arguments, {});
  return value.text() != nullptr && IsFilter(*value.text());
}

bool IsTestName(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const BoundArguments bound(runtime, "test", arguments, {});
  return value.text() != nullptr && IsTest(*value.text());
}

constexpr std::array kTests = {
    TestEntry{"!=", CompareTest<Op::kNe>},
    TestEntry{"<", CompareTest<Op::kLt>},
    TestEntry{"<=", CompareTest<Op::kLe>},
    TestEntry{"==", CompareTest<Op::kEq>},
    TestEntry{">", CompareTest<Op::kGt>},
    TestEntry{">=", CompareTest<Op::kGe>},
    TestEntry{"boolean", Check<IsBoolean>},
    TestEntry{"callable", Check<IsCallable>},
    TestEntry{"defined", Check<IsDefined>},
    TestEntry{"divisibleby", IsDivisibleBy},
    TestEntry{"eq", CompareTest<Op::kEq>},
    TestEntry{"equalto", CompareTest<Op::kEq>},
    TestEntry{"even", HasRemainder<0>},
    TestEntry{"false", Check<IsFalseItself>},
    TestEntry{"filter", IsFilterName},
    TestEntry{"float", Check<IsFloat>},
    TestEntry{"ge", CompareTest<Op::kGe>},
    TestEntry{"greaterthan", CompareTest<Op::kGt>},
    TestEntry{"gt", CompareTest<Op::kGt>},
    TestEntry{"in", CompareTest<Op::kIn>},
    TestEntry{"integer", Check<IsInteger>},
    TestEntry{"iterable", Check<IsIterable>},
    TestEntry{"le", CompareTest<Op::kLe>},
    TestEntry{"lessthan", CompareTest<Op::kLt>},
    TestEntry{"lower", HasCase<Lower, Upper>},
    TestEntry{"lt", CompareTest<Op::kLt>},
    TestEntry{"mapping", Check<IsMapping>},
    TestEntry{"ne", CompareTest<Op::kNe>},
    TestEntry{"none", Check<IsNone>},
    TestEntry{"number", Check<IsNumber>},
    TestEntry{"odd", HasRemainder<1>},
    TestEntry{"sameas", IsSameAs},
    TestEntry{"sequence", Check<IsSequence>},
    TestEntry{"string", Check<IsText>},
    TestEntry{"test", IsTestName},
    TestEntry{"true", Check<IsTrueItself>},
    TestEntry{"undefined", Check<IsUndefined>},
    TestEntry{"upper", HasCase<Upper, Lower>},
};

TestBody FindTest(std::string_view name) {
  const auto* const found = std::find_if(
      kTests.begin(), kTests.end(), [&](const TestEntry& entry) { return entry.name == name; });
  return found == kTests.end() ? nullptr : found->body;
}

}  // namespace

bool IsTest(std::string_view name) { return FindTest(name) != nullptr; }

bool ApplyTest(Runtime& runtime, std::string_view name, const Value& value,
               const Arguments& arguments) {
  const TestBody body = FindTest(name);
  if (body != nullptr) return body(runtime, value, arguments);
  runtime.Unsupported(fmt::format("there is no test '{}'", name));
  return false;
}

}  // namespace accllm::chat
