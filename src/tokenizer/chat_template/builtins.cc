#include "tokenizer/chat_template/builtins.h"

#include <array>
#include <ctime>

#include "tokenizer/chat_template/format_value.h"
#include "tokenizer/chat_template/operators.h"
#include "tokenizer/chat_template/unicode_text.h"

namespace accllm::chat {
namespace {

constexpr int64_t kMaxRange = 100'000;  // jinja2's sandbox allows no more

Value Range(Runtime& runtime, const Arguments& arguments) {
  std::array<int64_t, 3> numbers = {0, 0, 1};
  const size_t n = arguments.positional.size();
  if (n < 1 || n > 3 || !arguments.keywords.empty()) {
    return runtime.TypeError("range takes one to three integers");
  }
  for (size_t i = 0; i < n; ++i) {
    int64_t storage = 0;
    const int64_t* number = AsInteger(arguments.positional[i], storage);
    if (number == nullptr) {
      return runtime.TypeError(fmt::format("'{}' object cannot be interpreted as an integer",
                                           TypeName(arguments.positional[i])));
    }
    numbers.at(n == 1 ? 1 : i) = *number;
  }
  const auto [start, stop, step] = numbers;
  if (step == 0) return runtime.TypeError("range() arg 3 must not be zero");
  std::vector<Value> items;
  for (int64_t at = start; step > 0 ? at < stop : at > stop;) {
    if (static_cast<int64_t>(items.size()) == kMaxRange) {
      return runtime.TypeError(
          fmt::format("Range too big. The sandbox blocks ranges larger than {}", kMaxRange));
    }
    items.emplace_back(at);
    if (__builtin_add_overflow(at, step, &at)) break;
  }
  runtime.Spend(static_cast<int64_t>(items.size()));
  return runtime.MakeSequence(std::move(items), SequenceKind::kRange);
}

// The entries of `dict(...)` and `namespace(...)`: of a dict or pairs, then of the named arguments.
std::vector<std::pair<Value, Value>> Entries(Runtime& runtime, const Arguments& arguments) {
  std::vector<std::pair<Value, Value>> entries;
  if (arguments.positional.size() > 1) runtime.TypeError("expected at most 1 argument");
  for (const Value& source : arguments.positional) {
    if (const Mapping* mapping = source.mapping()) {
      entries = mapping->entries;
      continue;
    }
    const auto pairs = Iterate(runtime, source);
    for (size_t i = 0; pairs != nullptr && i < pairs->items.size() && runtime.Spend(); ++i) {
      const auto pair = Iterate(runtime, pairs->items[i]);
      if (pair == nullptr) break;
      if (pair->items.size() != 2) {
        runtime.TypeError("a dict is made from pairs");
        break;
      }
      AddEntry(runtime, entries, pair->items[0], pair->items[1]);
    }
  }
  for (const auto& [name, value] : arguments.keywords) {
    AddEntry(runtime, entries, runtime.MakeText(name), value);
  }
  return entries;
}

Value MakeNamespace(Runtime& runtime, const Arguments& arguments) {
  Namespace* space = runtime.MakeNamespace();
  for (auto& [key, value] : Entries(runtime, arguments)) {
    if (key.text() != nullptr) space->attributes.emplace_back(*key.text(), std::move(value));
  }
  return Value(space);
}

Value RaiseException(Runtime& runtime, const Arguments& arguments) {
  const BoundArguments bound(runtime, "raise_exception", arguments, {"message"}, 1);
  if (!bound.Has(0)) return {};
  return runtime.FailWith({ErrorCode::kInvalidArgument, ToText(runtime, *bound.Get(0)), {}});
}

Value StrftimeNow(Runtime& runtime, const Arguments& arguments) {
  const BoundArguments bound(runtime, "strftime_now", arguments, {"format"}, 1);
  const std::string format = bound.Text(0, "");
  if (format.empty()) return runtime.MakeText("");
  const std::time_t now = runtime.now;
  std::tm local{};
  localtime_r(&now, &local);
  std::array<char, 4096> buffer{};
  const size_t n = std::strftime(buffer.data(), buffer.size(), format.c_str(), &local);
  if (n == 0) return runtime.Unsupported("strftime_now with this format");
  return runtime.MakeText(ToValidUtf8({buffer.data(), n}));
}

}  // namespace

bool AddEntry(Runtime& runtime, std::vector<std::pair<Value, Value>>& entries, Value key,
              Value value) {
  const Sequence* sequence = key.sequence();
  const bool is_list = sequence != nullptr && sequence->kind == SequenceKind::kList;
  if (is_list || key.mapping() != nullptr) {
    runtime.TypeError(fmt::format("unhashable type: '{}'", TypeName(key)));
    return false;
  }
  for (auto& [name, content] : entries) {
    if (Equals(runtime, name, key)) {
      content = std::move(value);
      return !runtime.failed();
    }
  }
  entries.emplace_back(std::move(key), std::move(value));
  return !runtime.failed();
}

Value CallBuiltin(Runtime& runtime, Builtin builtin, const Arguments& arguments) {
  switch (builtin) {
    case Builtin::kRange:
      return Range(runtime, arguments);
    case Builtin::kDict:
      return runtime.MakeMapping(Entries(runtime, arguments));
    case Builtin::kNamespace:
      return MakeNamespace(runtime, arguments);
    case Builtin::kRaiseException:
      return RaiseException(runtime, arguments);
    case Builtin::kStrftimeNow:
      return StrftimeNow(runtime, arguments);
  }
  return {};
}

}  // namespace accllm::chat
