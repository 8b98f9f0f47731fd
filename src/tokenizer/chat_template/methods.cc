#include "tokenizer/chat_template/methods.h"

#include <algorithm>
#include <array>
#include <span>

#include "tokenizer/chat_template/format_value.h"
#include "tokenizer/chat_template/operators.h"
#include "tokenizer/chat_template/text_format.h"
#include "tokenizer/chat_template/unicode_text.h"

namespace accllm::chat {
namespace {

using MethodBody = Value (*)(Runtime&, const Value& self, const Arguments&);

struct MethodEntry {
  std::string_view name;
  MethodBody body;  // null: Python has it, we do not
};

Value ListOfTexts(Runtime& runtime, const std::vector<std::string_view>& parts,
                  SequenceKind kind = SequenceKind::kList) {
  std::vector<Value> items;
  items.reserve(parts.size());
  for (const std::string_view part : parts) items.push_back(runtime.MakeText(std::string(part)));
  return runtime.MakeSequence(std::move(items), kind);
}

template <Side side>
Value StripMethod(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const BoundArguments bound(runtime, "strip", arguments, {"chars"});
  const bool has_chars = bound.Has(0) && !bound.Get(0)->is_none();
  const std::string chars = has_chars ? bound.Text(0, "") : "";
  return runtime.MakeText(std::string(Strip(*self.text(), side, has_chars ? &chars : nullptr)));
}

template <std::string (*change)(std::string_view)>
Value ChangeMethod(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const BoundArguments bound(runtime, "the method", arguments, {});
  return runtime.MakeText(change(*self.text()));
}

// At most `max` pieces off the left (or right) of `text`.
std::vector<std::string_view> SplitAt(std::string_view text, std::string_view separator,
                                      int64_t max, bool from_right) {
  std::vector<std::string_view> parts;
  while (max < 0 || static_cast<int64_t>(parts.size()) < max) {
    const size_t at = from_right ? text.rfind(separator) : text.find(separator);
    if (at == std::string_view::npos) break;
    const std::string_view behind = text.substr(at + separator.size());
    parts.push_back(from_right ? behind : text.substr(0, at));
    text = from_right ? text.substr(0, at) : behind;
  }
  parts.push_back(text);
  if (from_right) std::reverse(parts.begin(), parts.end());
  return parts;
}

template <bool from_right>
Value SplitMethod(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const BoundArguments bound(runtime, "split", arguments, {"sep", "maxsplit"});
  const int64_t max = bound.Int(1, -1);
  if (!runtime.SpendBytes(self.text()->size())) return {};
  if (bound.Has(0) && !bound.Get(0)->is_none()) {
    const std::string separator = bound.Text(0, " ");
    if (separator.empty()) return runtime.TypeError("empty separator");
    return ListOfTexts(runtime, SplitAt(*self.text(), separator, max, from_right));
  }
  if (from_right && max >= 0) return runtime.Unsupported("rsplit at white space with a maximum");
  return ListOfTexts(runtime, SplitAtSpace(*self.text(), max));
}

Value SplitLinesMethod(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const BoundArguments bound(runtime, "splitlines", arguments, {"keepends"});
  if (bound.Bool(0, false)) return runtime.Unsupported("splitlines(keepends=True)");
  return ListOfTexts(runtime, SplitLines(*self.text()));
}

template <bool from_right>
Value PartitionMethod(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const BoundArguments bound(runtime, "partition", arguments, {"sep"}, 1);
  const std::string separator = bound.Text(0, " ");
  if (separator.empty()) return runtime.TypeError("empty separator");
  const std::string_view text = *self.text();
  const size_t at = from_right ? text.rfind(separator) : text.find(separator);
  std::vector<std::string_view> parts;
  if (at != std::string_view::npos) {
    parts = {text.substr(0, at), separator, text.substr(at + separator.size())};
  } else if (from_right) {
    parts = {"", "", text};
  } else {
    parts = {text, "", ""};
  }
  return ListOfTexts(runtime, parts, SequenceKind::kTuple);
}

template <bool at_end>
Value HasAffixMethod(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const BoundArguments bound(runtime, at_end ? "endswith" : "startswith", arguments, {"affix"}, 1);
  if (!bound.Has(0)) return {};
  const auto matches = [&](const Value& affix) {
    if (const std::string* text = affix.text()) {
      return at_end ? self.text()->ends_with(*text) : self.text()->starts_with(*text);
    }
    runtime.TypeError(
        fmt::format("startswith and endswith take str or a tuple of str, not {}", TypeName(affix)));
    return false;
  };
  const Sequence* sequence = bound.Get(0)->sequence();
  if (sequence == nullptr || sequence->kind != SequenceKind::kTuple) {
    return Value(matches(*bound.Get(0)));
  }
  return Value(std::any_of(sequence->items.begin(), sequence->items.end(), matches));
}

template <bool at_end>
Value RemoveAffixMethod(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const BoundArguments bound(runtime, "remove", arguments, {"affix"}, 1);
  const std::string affix = bound.Text(0, "");
  std::string_view text = *self.text();
  if (at_end && text.ends_with(affix)) text.remove_suffix(affix.size());
  if (!at_end && text.starts_with(affix)) text.remove_prefix(affix.size());
  return runtime.MakeText(std::string(text));
}

Value ReplaceMethod(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const BoundArguments bound(runtime, "replace", arguments, {"old", "new", "count"}, 2);
  return Replace(runtime, *self.text(), bound.Text(0, ""), bound.Text(1, ""), bound.Int(2, -1));
}

enum class Search { kFind, kRightFind, kIndex };

template <Search search>
Value FindMethod(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const BoundArguments bound(runtime, "find", arguments, {"sub"}, 1);
  const std::string part = bound.Text(0, "");
  const std::string_view text = *self.text();
  const size_t at = search == Search::kRightFind ? text.rfind(part) : text.find(part);
  if (at != std::string_view::npos) {
    return Value(static_cast<int64_t>(CountCodePoints(text.substr(0, at))));
  }
  if (search == Search::kIndex) return runtime.TypeError("substring not found");
  return Value(int64_t{-1});
}

Value CountMethod(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const BoundArguments bound(runtime, "count", arguments, {"sub"}, 1);
  const std::string part = bound.Text(0, "");
  const std::string_view text = *self.text();
  if (part.empty()) return Value(static_cast<int64_t>(CountCodePoints(text)) + 1);
  int64_t n = 0;
  for (size_t at = text.find(part); at != std::string_view::npos;
       at = text.find(part, at + part.size())) {
    ++n;
  }
  return Value(n);
}

Value JoinMethod(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const BoundArguments bound(runtime, "join", arguments, {"iterable"}, 1);
  return bound.Has(0) ? Join(runtime, *self.text(), *bound.Get(0), true) : Value();
}

Value FormatMethod(Runtime& runtime, const Value& self, const Arguments& arguments) {
  return FormatBraces(runtime, *self.text(), arguments);
}

Value IsSpaceMethod(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const BoundArguments bound(runtime, "isspace", arguments, {});
  return Value(!self.text()->empty() && Strip(*self.text(), Side::kBoth).empty());
}

Value IsDigitMethod(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const BoundArguments bound(runtime, "isdigit", arguments, {});
  const std::string& text = *self.text();
  const bool is_ascii = std::all_of(text.begin(), text.end(),
                                    [](char c) { return static_cast<signed char>(c) >= 0; });
  if (!is_ascii) return runtime.Unsupported("isdigit on a text that is not ASCII");
  return Value(!text.empty() &&
               std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; }));
}

constexpr std::array kTextMethods = {
    MethodEntry{"capitalize", ChangeMethod<Capitalize>},
    MethodEntry{"count", CountMethod},
    MethodEntry{"endswith", HasAffixMethod<true>},
    MethodEntry{"find", FindMethod<Search::kFind>},
    MethodEntry{"format", FormatMethod},
    MethodEntry{"index", FindMethod<Search::kIndex>},
    MethodEntry{"isdigit", IsDigitMethod},
    MethodEntry{"isspace", IsSpaceMethod},
    MethodEntry{"join", JoinMethod},
    MethodEntry{"lower", ChangeMethod<Lower>},
    MethodEntry{"lstrip", StripMethod<Side::kLeft>},
    MethodEntry{"partition", PartitionMethod<false>},
    MethodEntry{"removeprefix", RemoveAffixMethod<false>},
    MethodEntry{"removesuffix", RemoveAffixMethod<true>},
    MethodEntry{"replace", ReplaceMethod},
    MethodEntry{"rfind", FindMethod<Search::kRightFind>},
    MethodEntry{"rpartition", PartitionMethod<true>},
    MethodEntry{"rsplit", SplitMethod<true>},
    MethodEntry{"rstrip", StripMethod<Side::kRight>},
    MethodEntry{"split", SplitMethod<false>},
    MethodEntry{"splitlines", SplitLinesMethod},
    MethodEntry{"startswith", HasAffixMethod<false>},
    MethodEntry{"strip", StripMethod<Side::kBoth>},
    MethodEntry{"title", ChangeMethod<Title>},
    MethodEntry{"upper", ChangeMethod<Upper>},
    MethodEntry{"casefold", nullptr},
    MethodEntry{"center", nullptr},
    MethodEntry{"encode", nullptr},
    MethodEntry{"expandtabs", nullptr},
    MethodEntry{"format_map", nullptr},
    MethodEntry{"isalnum", nullptr},
    MethodEntry{"isalpha", nullptr},
    MethodEntry{"isascii", nullptr},
    MethodEntry{"isdecimal", nullptr},
    MethodEntry{"isidentifier", nullptr},
    MethodEntry{"islower", nullptr},
    MethodEntry{"isnumeric", nullptr},
    MethodEntry{"isprintable", nullptr},
    MethodEntry{"istitle", nullptr},
    MethodEntry{"isupper", nullptr},
    MethodEntry{"ljust", nullptr},
    MethodEntry{"maketrans", nullptr},
    MethodEntry{"rindex", nullptr},
    MethodEntry{"rjust", nullptr},
    MethodEntry{"swapcase", nullptr},
    MethodEntry{"translate", nullptr},
    MethodEntry{"zfill", nullptr},
};

Value DictItems(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const BoundArguments bound(runtime, "items", arguments, {});
  std::vector<Value> items;
  for (const auto& [key, value] : self.mapping()->entries) {
    items.push_back(runtime.MakeSequence({key, value}, SequenceKind::kTuple));
  }
  return runtime.MakeSequence(std::move(items), SequenceKind::kDictItems);
}

template <bool takes_keys>
Value DictColumn(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const BoundArguments bound(runtime, takes_keys ? "keys" : "values", arguments, {});
  std::vector<Value> items;
  for (const auto& [key, value] : self.mapping()->entries)
    items.push_back(takes_keys ? key : value);
  return runtime.MakeSequence(std::move(items),
                              takes_keys ? SequenceKind::kDictKeys : SequenceKind::kDictValues);
}

Value DictGet(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const BoundArguments bound(runtime, "get", arguments, {"key", "default"}, 1);
  if (!bound.Has(0)) return {};
  for (const auto& [key, value] : self.mapping()->entries) {
    if (Equals(runtime, key, *bound.Get(0))) return value;
  }
  return bound.Has(1) ? *bound.Get(1) : Value(None{});
}

Value CopyMethod(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const BoundArguments bound(runtime, "copy", arguments, {});
  return self;
}

constexpr std::array kDictMethods = {
    MethodEntry{"copy", CopyMethod},          MethodEntry{"get", DictGet},
    MethodEntry{"items", DictItems},          MethodEntry{"keys", DictColumn<true>},
    MethodEntry{"values", DictColumn<false>}, MethodEntry{"fromkeys", nullptr},
};

Value ListIndex(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const BoundArguments bound(runtime, "index", arguments, {"value"}, 1);
  if (!bound.Has(0)) return {};
  const std::vector<Value>& items = self.sequence()->items;
  for (size_t i = 0; i < items.size(); ++i) {
    if (Equals(runtime, items[i], *bound.Get(0))) return Value(static_cast<int64_t>(i));
  }
  return runtime.TypeError("the value is not in the list");
}

Value ListCount(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const BoundArguments bound(runtime, "count", arguments, {"value"}, 1);
  if (!bound.Has(0)) return {};
  const std::vector<Value>& items = self.sequence()->items;
  return Value(int64_t{std::count_if(items.begin(), items.end(), [&](const Value& item) {
    return Equals(runtime, item, *bound.Get(0));
  })});
}

constexpr std::array kListMethods = {MethodEntry{"copy", CopyMethod},
                                     MethodEntry{"count", ListCount},
                                     MethodEntry{"index", ListIndex}};

// loop.cycle("a", "b")
Value LoopCycle(Runtime& runtime, const Value& self, const Arguments& arguments) {
  if (arguments.positional.empty() || !arguments.keywords.empty()) {
    return runtime.TypeError("cycle takes items to cycle through");
  }
  const LoopState& loop = **self.As<std::shared_ptr<LoopState>>();
  return arguments.positional[loop.index % arguments.positional.size()];
}

constexpr std::array kLoopMethods = {MethodEntry{"cycle", LoopCycle},
                                     MethodEntry{"changed", nullptr}};

constexpr std::array<MethodEntry, 6> kNumberMethods = {
    MethodEntry{"is_integer", nullptr}, MethodEntry{"bit_length", nullptr},
    MethodEntry{"real", nullptr},       MethodEntry{"imag", nullptr},
    MethodEntry{"numerator", nullptr},  MethodEntry{"denominator", nullptr}};

std::span<const MethodEntry> MethodsOf(const Value& self) {
  if (self.text() != nullptr) return kTextMethods;
  if (self.mapping() != nullptr) return kDictMethods;
  if (self.is_number()) return kNumberMethods;
  if (self.Is<std::shared_ptr<LoopState>>()) return kLoopMethods;
  const Sequence* sequence = self.sequence();
  if (sequence == nullptr) return {};
  const bool is_list = sequence->kind == SequenceKind::kList;
  if (is_list || sequence->kind == SequenceKind::kTuple) {
    return std::span(kListMethods).subspan(is_list ? 0 : 1);
  }
  return {};
}

bool ChangesItsObject(const Value& self, std::string_view name) {
  static constexpr std::array<std::string_view, 8> kOfList = {
      "append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort"};
  static constexpr std::array<std::string_view, 5> kOfDict = {"clear", "pop", "popitem",
                                                              "setdefault", "update"};
  const Sequence* sequence = self.sequence();
  if (sequence != nullptr && sequence->kind == SequenceKind::kList) {
    return std::find(kOfList.begin(), kOfList.end(), name) != kOfList.end();
  }
  return self.mapping() != nullptr &&
         std::find(kOfDict.begin(), kOfDict.end(), name) != kOfDict.end();
}

const MethodEntry* FindMethod(const Value& self, std::string_view name) {
  const std::span<const MethodEntry> methods = MethodsOf(self);
  const auto found = std::find_if(methods.begin(), methods.end(),
                                  [&](const MethodEntry& entry) { return entry.name == name; });
  return found == methods.end() ? nullptr : &*found;
}

}  // namespace

Value BindMethod(Runtime& runtime, const Value& self, std::string_view name) {
  if (ChangesItsObject(self, name) || name.starts_with("__")) {
    return UndefinedBecause(
        fmt::format("access to attribute '{}' of '{}' object is unsafe", name, TypeName(self)));
  }
  const MethodEntry* entry = FindMethod(self, name);
  if (entry == nullptr) return {};
  if (entry->body == nullptr) {
    return runtime.Unsupported(fmt::format("{}.{} is not supported", TypeName(self), name));
  }
  return Value(std::make_shared<const Method>(Method{self, std::string(name)}));
}

Value CallMethod(Runtime& runtime, const Method& method, const Arguments& arguments) {
  const MethodEntry* entry = FindMethod(method.self, method.name);
  return entry->body(runtime, method.self, arguments);
}

Value Replace(Runtime& runtime, std::string_view text, std::string_view old, std::string_view by,
              int64_t count) {
  TextBuffer out(runtime);
  while (count != 0 && runtime.Spend()) {
    const size_t at = text.find(old);
    if (at == std::string_view::npos) break;
    out.Append(text.substr(0, at));
    out.Append(by);
    text.remove_prefix(at + old.size());
    --count;
    if (old.empty()) {
      if (text.empty()) break;
      const size_t length = CodePointLength(text[0]);
      out.Append(text.substr(0, length));
      text.remove_prefix(length);
    }
  }
  out.Append(text);
  return runtime.MakeText(out.Take());
}

Value Join(Runtime& runtime, std::string_view separator, const Value& items, bool is_strict) {
  const auto sequence = Iterate(runtime, items);
  if (sequence == nullptr) return {};
  TextBuffer out(runtime);
  for (size_t i = 0; i < sequence->items.size() && runtime.Spend(); ++i) {
    if (i > 0) out.Append(separator);
    const Value& item = sequence->items[i];
    if (is_strict && item.text() == nullptr) {
      return runtime.TypeError(
          fmt::format("sequence item {}: expected str instance, {} found", i, TypeName(item)));
    }
    AppendText(runtime, item, out);
  }
  return runtime.MakeText(out.Take());
}

}  // namespace accllm::chat
