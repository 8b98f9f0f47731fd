// Filters of lists and dicts.
#include <algorithm>
#include <array>
#include <charconv>

#include "tokenizer/chat_template/filters.h"
#include "tokenizer/chat_template/format_value.h"
#include "tokenizer/chat_template/methods.h"
#include "tokenizer/chat_template/operators.h"
#include "tokenizer/chat_template/unicode_text.h"
#include "tokenizer/chat_template/value_tests.h"

namespace accllm::chat {
namespace {

using Items = std::vector<Value>;

// The items of anything that can be looped over; empty after a failure.
Items ItemsOf(Runtime& runtime, const Value& value) {
  const auto sequence = Iterate(runtime, value);
  if (sequence == nullptr || !runtime.SpendBytes(sequence->items.size() * sizeof(Value))) return {};
  return sequence->items;
}

// item.a.b for the attribute "a.b", item[0] for "0" or 0; the item itself for none. `otherwise`, if
// there is one, stands for what does not exist on the way, too.
Value AttributeOf(Runtime& runtime, const Value& item, const Value* attribute,
                  const Value* otherwise = nullptr) {
  if (attribute == nullptr || attribute->is_none()) return item;
  const auto replace_missing = [&](const Value& value) {
    return value.is_undefined() && otherwise != nullptr ? *otherwise : value;
  };
  const std::string* path = attribute->text();
  if (path == nullptr) return replace_missing(GetItem(runtime, item, *attribute));
  Value value = item;
  std::string_view rest = *path;
  while (!runtime.failed()) {
    const size_t dot = rest.find('.');
    const std::string_view part = rest.substr(0, dot);
    int64_t index = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), index);
    const bool is_index =
        error == std::errc() && end == part.data() + part.size() && !part.starts_with('-');
    const Value key = is_index ? Value(index) : runtime.MakeText(std::string(part));
    value = replace_missing(GetItem(runtime, value, key));
    if (dot == std::string_view::npos) break;
    rest.remove_prefix(dot + 1);
  }
  return value;
}

// What texts are compared by: themselves, or in lower case.
Value SortKey(Runtime& runtime, const Value& value, bool is_case_sensitive) {
  const std::string* text = value.text();
  return text == nullptr || is_case_sensitive ? value : runtime.MakeText(Lower(*text));
}

Value Length(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const BoundArguments bound(runtime, "length", arguments, {});
  if (const std::string* text = value.text()) {
    return Value(static_cast<int64_t>(CountCodePoints(*text)));
  }
  if (const Mapping* mapping = value.mapping()) {
    return Value(static_cast<int64_t>(mapping->entries.size()));
  }
  const Sequence* sequence = value.sequence();
  if (sequence != nullptr && sequence->kind != SequenceKind::kIterator) {
    return Value(static_cast<int64_t>(sequence->items.size()));
  }
  if (value.is_undefined()) return Value(int64_t{0});
  return runtime.TypeError(fmt::format("object of type '{}' has no len()", TypeName(value)));
}

Value First(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const BoundArguments bound(runtime, "first", arguments, {});
  const auto items = Iterate(runtime, value);
  if (items == nullptr) return {};
  return items->items.empty() ? UndefinedBecause("No first item, sequence was empty.")
                              : items->items.front();
}

bool IsReversible(const Value& value) {
  const Sequence* sequence = value.sequence();
  return value.text() != nullptr || value.mapping() != nullptr ||
         (sequence != nullptr && sequence->kind != SequenceKind::kIterator);
}

Value Last(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const BoundArguments bound(runtime, "last", arguments, {});
  if (!IsReversible(value)) {
    return runtime.TypeError(fmt::format("'{}' object is not reversible", TypeName(value)));
  }
  const auto items = Iterate(runtime, value);
  if (items == nullptr) return {};
  return items->items.empty() ? UndefinedBecause("No last item, sequence was empty.")
                              : items->items.back();
}

Value Reverse(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const BoundArguments bound(runtime, "reverse", arguments, {});
  if (const std::string* text = value.text()) {
    std::vector<std::string_view> points = SplitCodePoints(*text);
    std::string reversed;
    for (auto point = points.rbegin(); point != points.rend(); ++point) reversed += *point;
    return runtime.MakeText(std::move(reversed));
  }
  Items items = ItemsOf(runtime, value);
  std::reverse(items.begin(), items.end());
  return runtime.MakeSequence(std::move(items), SequenceKind::kIterator);
}

Value ListFilter(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const BoundArguments bound(runtime, "list", arguments, {});
  return runtime.MakeSequence(ItemsOf(runtime, value));
}

Value JoinFilter(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const BoundArguments bound(runtime, "join", arguments, {"d", "attribute"});
  const std::string separator = bound.Has(0) ? ToText(runtime, *bound.Get(0)) : "";
  if (!bound.Has(1)) return Join(runtime, separator, value, false);
  Items items = ItemsOf(runtime, value);
  for (Value& item : items) item = AttributeOf(runtime, item, bound.Get(1));
  return Join(runtime, separator, runtime.MakeSequence(std::move(items)), false);
}

Value ItemsFilter(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const BoundArguments bound(runtime, "items", arguments, {});
  Items items;
  if (const Mapping* mapping = value.mapping()) {
    for (const auto& [key, content] : mapping->entries) {
      items.push_back(runtime.MakeSequence({key, content}, SequenceKind::kTuple));
    }
  } else if (!value.is_undefined()) {
    return runtime.TypeError("Can only get item pairs from a mapping.");
  }
  return runtime.MakeSequence(std::move(items), SequenceKind::kIterator);
}

Value DictSort(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const BoundArguments bound(runtime, "dictsort", arguments, {"case_sensitive", "by", "reverse"});
  const std::string by = bound.Text(1, "key");
  if (by != "key" && by != "value") {
    return runtime.TypeError("You can only sort by either \"key\" or \"value\"");
  }
  const Mapping* mapping = value.mapping();
  if (mapping == nullptr) {
    return runtime.TypeError(fmt::format("dictsort takes a dict, not {}", TypeName(value)));
  }
  std::vector<std::pair<Value, Value>> rows;  // what to sort by, and the pair
  for (const auto& [key, content] : mapping->entries) {
    rows.emplace_back(SortKey(runtime, by == "key" ? key : content, bound.Bool(0, false)),
                      runtime.MakeSequence({key, content}, SequenceKind::kTuple));
  }
  const bool is_reversed = bound.Bool(2, false);
  std::stable_sort(rows.begin(), rows.end(), [&](const auto& a, const auto& b) {
    return is_reversed ? Less(runtime, b.first, a.first) : Less(runtime, a.first, b.first);
  });
  Items items;
  for (auto& row : rows) items.push_back(std::move(row.second));
  return runtime.MakeSequence(std::move(items));
}

Value Sort(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const BoundArguments bound(runtime, "sort", arguments,
                             {"reverse", "case_sensitive", "attribute"});
  std::vector<std::pair<Value, Value>> rows;
  const std::string* attribute = bound.Has(2) ? bound.Get(2)->text() : nullptr;
  if (attribute != nullptr && attribute->find(',') != std::string::npos) {
    return runtime.Unsupported("sort by several attributes");
  }
  for (Value& item : ItemsOf(runtime, value)) {
    const Value key = AttributeOf(runtime, item, bound.Get(2));
    rows.emplace_back(SortKey(runtime, key, bound.Bool(1, false)), std::move(item));
  }
  const bool is_reversed = bound.Bool(0, false);
  std::stable_sort(rows.begin(), rows.end(), [&](const auto& a, const auto& b) {
    return is_reversed ? Less(runtime, b.first, a.first) : Less(runtime, a.first, b.first);
  });
  Items items;
  for (auto& row : rows) items.push_back(std::move(row.second));
  return runtime.MakeSequence(std::move(items));
}

Value Unique(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const BoundArguments bound(runtime, "unique", arguments, {"case_sensitive", "attribute"});
  Items keys;
  Items items;
  for (Value& item : ItemsOf(runtime, value)) {
    const Value attribute = AttributeOf(runtime, item, bound.Get(1));
    const Value key = SortKey(runtime, attribute, bound.Bool(0, false));
    const bool is_seen = std::any_of(
        keys.begin(), keys.end(), [&](const Value& other) { return Equals(runtime, key, other); });
    if (is_seen) continue;
    keys.push_back(key);
    items.push_back(std::move(item));
  }
  return runtime.MakeSequence(std::move(items), SequenceKind::kIterator);
}

template <bool finds_max>
Value Extreme(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const BoundArguments bound(runtime, finds_max ? "max" : "min", arguments,
                             {"case_sensitive", "attribute"});
  const Items items = ItemsOf(runtime, value);
  if (items.empty()) return UndefinedBecause("No aggregated item, sequence was empty.");
  const auto key_of = [&](const Value& item) {
    return SortKey(runtime, AttributeOf(runtime, item, bound.Get(1)), bound.Bool(0, false));
  };
  size_t best = 0;
  Value best_key = key_of(items[0]);
  for (size_t i = 1; i < items.size(); ++i) {
    Value key = key_of(items[i]);
    if (finds_max ? Less(runtime, best_key, key) : Less(runtime, key, best_key)) {
      best = i;
      best_key = std::move(key);
    }
  }
  return items[best];
}

Value Sum(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const BoundArguments bound(runtime, "sum", arguments, {"attribute", "start"});
  Value total = bound.Has(1) ? *bound.Get(1) : Value(int64_t{0});
  for (const Value& item : ItemsOf(runtime, value)) {
    total = Arithmetic(runtime, Op::kAdd, total, AttributeOf(runtime, item, bound.Get(0)));
  }
  return total;
}

Value Batch(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const BoundArguments bound(runtime, "batch", arguments, {"linecount", "fill_with"}, 1);
  const int64_t n = bound.Int(0, 1);
  if (n < 1 || n > 1'000'000) return runtime.Unsupported("batches of this size");
  Items rows;
  Items row;
  for (Value& item : ItemsOf(runtime, value)) {
    if (static_cast<int64_t>(row.size()) == n) {
      rows.push_back(runtime.MakeSequence(std::move(row)));
      row.clear();
    }
    row.push_back(std::move(item));
  }
  if (!row.empty()) {
    if (bound.Has(1) && !bound.Get(1)->is_none()) row.resize(static_cast<size_t>(n), *bound.Get(1));
    rows.push_back(runtime.MakeSequence(std::move(row)));
  }
  return runtime.MakeSequence(std::move(rows), SequenceKind::kIterator);
}

Value MapAttribute(Runtime& runtime, const Value& value, const Arguments& arguments) {
  const BoundArguments bound(runtime, "map", arguments, {"attribute", "default"}, 1);
  const Value* otherwise = bound.Has(1) && !bound.Get(1)->is_none() ? bound.Get(1) : nullptr;
  Items items = ItemsOf(runtime, value);
  for (Value& item : items) item = AttributeOf(runtime, item, bound.Get(0), otherwise);
  return runtime.MakeSequence(std::move(items), SequenceKind::kIterator);
}

// The name in front of `arguments`, which it takes off; empty, and a failure, if it is no text.
std::string TakeName(Runtime& runtime, Arguments& arguments, std::string_view what) {
  const std::string* name = arguments.positional.empty() ? nullptr : arguments.positional[0].text();
  if (name == nullptr) {
    runtime.TypeError(fmt::format("expected the name of a {}", what));
    return {};
  }
  std::string taken = *name;
  arguments.positional.erase(arguments.positional.begin());
  return taken;
}

Value Map(Runtime& runtime, const Value& value, const Arguments& arguments) {
  if (arguments.positional.empty()) return MapAttribute(runtime, value, arguments);
  Arguments rest = arguments;
  const std::string name = TakeName(runtime, rest, "filter");
  Items items = ItemsOf(runtime, value);
  for (Value& item : items) item = ApplyFilter(runtime, name, item, rest);
  return runtime.MakeSequence(std::move(items), SequenceKind::kIterator);
}

template <bool keeps, bool by_attribute>
Value Select(Runtime& runtime, const Value& value, const Arguments& arguments) {
  Arguments rest = arguments;
  Value attribute(None{});
  if (by_attribute) {
    if (rest.positional.empty()) return runtime.TypeError("Missing parameter for attribute name");
    attribute = rest.positional[0];
    rest.positional.erase(rest.positional.begin());
  }
  const bool has_test = !rest.positional.empty();
  const std::string test = has_test ? TakeName(runtime, rest, "test") : "";
  Items items;
  for (Value& item : IsTrue(value) ? ItemsOf(runtime, value) : Items()) {
    const Value subject = AttributeOf(runtime, item, &attribute);
    if ((has_test ? ApplyTest(runtime, test, subject, rest) : IsTrue(subject)) == keeps) {
      items.push_back(std::move(item));
    }
    if (runtime.failed()) break;
  }
  return runtime.MakeSequence(std::move(items), SequenceKind::kIterator);
}

constexpr std::array kSequenceFilters = {
    FilterEntry{"batch", Batch},
    FilterEntry{"count", Length},
    FilterEntry{"dictsort", DictSort},
    FilterEntry{"first", First},
    FilterEntry{"items", ItemsFilter},
    FilterEntry{"join", JoinFilter},
    FilterEntry{"last", Last},
    FilterEntry{"length", Length},
    FilterEntry{"list", ListFilter},
    FilterEntry{"map", Map},
    FilterEntry{"max", Extreme<true>},
    FilterEntry{"min", Extreme<false>},
    FilterEntry{"reject", Select<false, false>},
    FilterEntry{"rejectattr", Select<false, true>},
    FilterEntry{"reverse", Reverse},
    FilterEntry{"select", Select<true, false>},
    FilterEntry{"selectattr", Select<true, true>},
    FilterEntry{"sort", Sort},
    FilterEntry{"sum", Sum},
    FilterEntry{"unique", Unique},
};

}  // namespace

std::span<const FilterEntry> SequenceFilters() { return kSequenceFilters; }

}  // namespace accllm::chat
