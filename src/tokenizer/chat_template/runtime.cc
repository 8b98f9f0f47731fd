#include "tokenizer/chat_template/runtime.h"

#include <algorithm>

#include "tokenizer/chat_template/unicode_text.h"

namespace accllm::chat {
namespace {

constexpr size_t kExcerptBytes = 60;

// The line around `offset`, at most kExcerptBytes from there on.
std::string_view ExcerptAt(std::string_view source, size_t offset) {
  offset = std::min(offset, source.size());
  const size_t line_end = std::min(source.find('\n', offset), source.size());
  size_t end = std::min(line_end, offset + kExcerptBytes);
  while (end < line_end && (static_cast<uint8_t>(source[end]) & 0xC0U) == 0x80U) --end;
  return source.substr(offset, end - offset);
}

}  // namespace

std::string DescribePlace(std::string_view source, const std::string& path, size_t offset,
                          std::string_view message) {
  const std::string_view before = source.substr(0, offset);
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  return fmt::format("{}:{}: {} at '{}'", path, line, message, ExcerptAt(source, offset));
}

Value Runtime::Fail(ErrorCode code, std::string_view message) {
  return FailWith({code, DescribePlace(source_, path_, at_, message), {}});
}

Value Runtime::FailWith(Error error) {
  if (!error_) error_ = std::move(error);
  return {};
}

Value Runtime::UndefinedError(const Value& undefined) {
  const Undefined* value = undefined.As<Undefined>();
  return TypeError(value != nullptr && value->reason != nullptr ? *value->reason
                                                                : "the value is undefined");
}

bool Runtime::Spend(int64_t n) {
  if (failed()) return false;
  steps_ += n;
  if (steps_ > limits_.max_steps) {
    Unsupported(fmt::format("the template takes more than {} steps", limits_.max_steps));
  }
  return !failed();
}

bool Runtime::SpendBytes(size_t n) {
  if (failed()) return false;
  if (n > static_cast<size_t>(limits_.max_bytes - bytes_)) {
    Unsupported(fmt::format("the template makes more than {} bytes of values", limits_.max_bytes));
    return false;
  }
  bytes_ += static_cast<int64_t>(n);
  return true;
}

Value Runtime::MakeText(std::string text, bool is_markup) {
  if (!SpendBytes(text.size() + sizeof(std::string))) return {};
  return Value(Text{std::make_shared<const std::string>(std::move(text)), is_markup});
}

Value Runtime::MakeSequence(std::vector<Value> items, SequenceKind kind) {
  if (!SpendBytes((items.size() + 1) * sizeof(Value))) return {};
  int depth = 0;
  for (const Value& item : items) depth = std::max(depth, DepthOf(item));
  if (depth >= limits_.max_depth) return Unsupported("lists are nested too deep");
  return Value(std::make_shared<const Sequence>(Sequence{std::move(items), kind, depth + 1}));
}

Value Runtime::MakeMapping(std::vector<std::pair<Value, Value>> entries) {
  if (!SpendBytes((entries.size() + 1) * 2 * sizeof(Value))) return {};
  int depth = 0;
  for (const auto& [key, value] : entries) {
    depth = std::max({depth, DepthOf(key), DepthOf(value)});
  }
  if (depth >= limits_.max_depth) return Unsupported("dicts are nested too deep");
  return Value(std::make_shared<const Mapping>(Mapping{std::move(entries), depth + 1}));
}

Namespace* Runtime::MakeNamespace() {
  SpendBytes(sizeof(Namespace));
  return &namespaces_.emplace_back();
}

Value UndefinedBecause(std::string reason) {
  return Value(Undefined{std::make_shared<const std::string>(std::move(reason))});
}

bool TextBuffer::Append(std::string_view text) {
  if (runtime_.failed()) return false;
  if (text.size() > runtime_.limits().max_text_bytes - text_.size()) {
    runtime_.Unsupported(
        fmt::format("a text of more than {} bytes", runtime_.limits().max_text_bytes));
    return false;
  }
  text_ += text;
  return true;
}

BoundArguments::BoundArguments(Runtime& runtime, std::string_view callee,
                               const Arguments& arguments,
                               std::initializer_list<std::string_view> names, size_t n_required)
    : runtime_(runtime), callee_(callee), names_(names), values_(names.size(), nullptr) {
  if (arguments.positional.size() > names.size()) {
    runtime.TypeError(fmt::format("{} takes at most {} arguments", callee, names.size()));
    return;
  }
  for (size_t i = 0; i < arguments.positional.size(); ++i) values_[i] = &arguments.positional[i];
  for (const auto& [name, value] : arguments.keywords) {
    const auto found = std::find(names_.begin(), names_.end(), name);
    const auto i = static_cast<size_t>(found - names_.begin());
    if (found == names_.end() || values_[i] != nullptr) {
      runtime.TypeError(fmt::format("{} got an unexpected argument '{}'", callee, name));
      return;
    }
    values_[i] = &value;
  }
  for (size_t i = 0; i < n_required; ++i) {
    if (values_[i] == nullptr) {
      runtime.TypeError(fmt::format("{} misses its argument '{}'", callee, names_[i]));
    }
  }
}

int64_t BoundArguments::Int(size_t i, int64_t otherwise) const {
  if (!Has(i)) return otherwise;
  int64_t storage = 0;
  const int64_t* number = AsInteger(*values_[i], storage);
  if (number != nullptr) return *number;
  runtime_.TypeError(fmt::format("argument '{}' of {} must be an integer, not {}", names_[i],
                                 callee_, TypeName(*values_[i])));
  return otherwise;
}

bool BoundArguments::Bool(size_t i, bool otherwise) const {
  return Has(i) ? IsTrue(*values_[i]) : otherwise;
}

std::string BoundArguments::Text(size_t i, std::string_view otherwise) const {
  if (!Has(i)) return std::string(otherwise);
  if (const std::string* text = values_[i]->text()) return *text;
  runtime_.TypeError(fmt::format("argument '{}' of {} must be a text, not {}", names_[i], callee_,
                                 TypeName(*values_[i])));
  return std::string(otherwise);
}

}  // namespace accllm::chat
