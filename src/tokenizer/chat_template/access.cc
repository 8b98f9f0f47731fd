// value[key], value.name and value[a:b:c].
#include <algorithm>
#include <array>

#include "tokenizer/chat_template/methods.h"
#include "tokenizer/chat_template/operators.h"
#include "tokenizer/chat_template/unicode_text.h"

namespace accllm::chat {
namespace {

Value Missing(const Value& value, std::string_view name) {
  const std::string object = value.is_none() ? "None" : fmt::format("{} object", TypeName(value));
  return UndefinedBecause(fmt::format("'{}' has no attribute '{}'", object, name));
}

Value LoopAttribute(const LoopState& loop, std::string_view name) {
  const auto n = static_cast<int64_t>(loop.items->items.size());
  const auto index = static_cast<int64_t>(loop.index);
  if (name == "index") return Value(index + 1);
  if (name == "index0") return Value(index);
  if (name == "revindex") return Value(n - index);
  if (name == "revindex0") return Value(n - index - 1);
  if (name == "first") return Value(index == 0);
  if (name == "last") return Value(index + 1 == n);
  if (name == "length") return Value(n);
  if (name == "depth") return Value(int64_t{1});  // only recursive loops go deeper
  if (name == "depth0") return Value(int64_t{0});
  if (name == "previtem") {
    return index > 0 ? loop.items->items[loop.index - 1]
                     : UndefinedBecause("there is no previous item");
  }
  if (name == "nextitem") {
    return index + 1 < n ? loop.items->items[loop.index + 1]
                         : UndefinedBecause("there is no next item");
  }
  return {};
}

// The part of a lookup that is not about keys; undefined without a reason if there is none.
Value OwnAttribute(Runtime& runtime, const Value& value, std::string_view name) {
  if (const auto* space = value.As<Namespace*>()) {
    for (const auto& [attribute, content] : (*space)->attributes) {
      if (attribute == name) return content;
    }
    return {};
  }
  if (const auto* loop = value.As<std::shared_ptr<LoopState>>()) {
    Value attribute = LoopAttribute(**loop, name);
    if (!attribute.is_undefined() || name == "previtem" || name == "nextitem") return attribute;
  }
  return BindMethod(runtime, value, name);
}

bool HasReason(const Value& value) {
  const Undefined* undefined = value.As<Undefined>();
  return undefined != nullptr && undefined->reason != nullptr;
}

bool IsFound(const Value& value) { return !value.is_undefined() || HasReason(value); }

// Index of an item, counted from the end if negative; -1 if it lies outside.
int64_t IndexOf(int64_t index, size_t size) {
  const auto n = static_cast<int64_t>(size);
  if (index < -n || index >= n) return -1;
  return index < 0 ? index + n : index;
}

Value ItemAt(Runtime& runtime, const Value& value, int64_t index) {
  const Sequence* sequence = value.sequence();
  if (sequence != nullptr &&
      (sequence->kind == SequenceKind::kList || sequence->kind == SequenceKind::kTuple ||
       sequence->kind == SequenceKind::kRange)) {
    const int64_t i = IndexOf(index, sequence->items.size());
    if (i >= 0) return sequence->items[static_cast<size_t>(i)];
  } else if (const std::string* text = value.text()) {
    runtime.Spend(static_cast<int64_t>(text->size() / 16));
    const int64_t i = IndexOf(index, CountCodePoints(*text));
    if (i >= 0) {
      std::string_view rest = *text;
      for (int64_t k = 0; k < i; ++k) rest.remove_prefix(CodePointLength(rest[0]));
      return runtime.MakeText(std::string(rest.substr(0, CodePointLength(rest[0]))));
    }
  }
  return UndefinedBecause(fmt::format("{} object has no element {}", TypeName(value), index));
}

struct SliceRange {
  int64_t start;
  int64_t step;
  int64_t count;
};

// The bounds that Python gives a slice of `n` items. Fails if one is no integer or the step is 0.
SliceRange ResolveSlice(Runtime& runtime, int64_t n, const Value& start, const Value& stop,
                        const Value& step_value) {
  const auto number = [&](const Value& value, int64_t otherwise) {
    if (value.is_none()) return otherwise;
    int64_t storage = 0;
    if (const int64_t* integer = AsInteger(value, storage)) return *integer;
    runtime.TypeError("slice indices must be integers or None");
    return otherwise;
  };
  const int64_t step = number(step_value, 1);
  if (step == 0) runtime.TypeError("slice step cannot be zero");
  if (runtime.failed()) return {0, 1, 0};
  const int64_t low = step > 0 ? 0 : -1;
  const int64_t high = step > 0 ? n : n - 1;
  const auto clamp = [&](int64_t index) {
    if (index < 0) index = index < -n ? low : index + n;
    return std::clamp(index, low, std::max(low, high));
  };
  const int64_t first = start.is_none() ? (step > 0 ? low : high) : clamp(number(start, 0));
  const int64_t last = stop.is_none() ? (step > 0 ? high : low) : clamp(number(stop, 0));
  const int64_t span = step > 0 ? last - first : first - last;
  if (span <= 0) return {0, 1, 0};
  // A step longer than the span takes one item; this also keeps -step from overflowing.
  const int64_t stride = step > 0 ? step : step < -span ? span : -step;
  return {first, step, (span - 1) / stride + 1};
}

}  // namespace

Value GetAttribute(Runtime& runtime, const Value& value, std::string_view name) {
  if (value.is_undefined()) return runtime.UndefinedError(value);
  Value own = OwnAttribute(runtime, value, name);
  if (IsFound(own)) return own;
  if (const Mapping* mapping = value.mapping()) {
    runtime.Spend(static_cast<int64_t>(mapping->entries.size() / 8));
    if (const Value* found = FindKey(*mapping, name)) return *found;
  }
  return Missing(value, name);
}

Value GetItem(Runtime& runtime, const Value& value, const Value& key) {
  if (value.is_undefined()) return runtime.UndefinedError(value);
  if (const Mapping* mapping = value.mapping()) {
    for (const auto& [candidate, content] : mapping->entries) {
      if (Equals(runtime, candidate, key)) return content;
    }
  } else {
    int64_t storage = 0;
    if (const int64_t* index = AsInteger(key, storage)) return ItemAt(runtime, value, *index);
  }
  const std::string* name = key.text();
  if (name == nullptr)
    return UndefinedBecause(fmt::format("{} object has no such element", TypeName(value)));
  Value own = OwnAttribute(runtime, value, *name);
  return IsFound(own) ? own : Missing(value, *name);
}

Value Slice(Runtime& runtime, const Value& value, const Value& start, const Value& stop,
            const Value& step) {
  if (value.is_undefined()) return runtime.UndefinedError(value);
  if (const std::string* text = value.text()) {
    if (!runtime.SpendBytes(text->size())) return {};
    const std::vector<std::string_view> points = SplitCodePoints(*text);
    const SliceRange range =
        ResolveSlice(runtime, static_cast<int64_t>(points.size()), start, stop, step);
    std::string part;
    for (int64_t i = 0; i < range.count; ++i) {
      part += points[static_cast<size_t>(range.start + i * range.step)];
    }
    return runtime.MakeText(std::move(part));
  }
  const Sequence* sequence = value.sequence();
  const bool is_sliceable = sequence != nullptr && (sequence->kind == SequenceKind::kList ||
                                                    sequence->kind == SequenceKind::kTuple ||
                                                    sequence->kind == SequenceKind::kRange);
  if (!is_sliceable)
    return UndefinedBecause(fmt::format("{} object has no slices", TypeName(value)));
  const SliceRange range =
      ResolveSlice(runtime, static_cast<int64_t>(sequence->items.size()), start, stop, step);
  std::vector<Value> items;
  runtime.Spend(range.count / 8);
  for (int64_t i = 0; i < range.count; ++i) {
    items.push_back(sequence->items[static_cast<size_t>(range.start + i * range.step)]);
  }
  return runtime.MakeSequence(std::move(items), sequence->kind);
}

}  // namespace accllm::chat
