#include "tokenizer/chat_template/value.h"

#include <algorithm>

namespace accllm::chat {
namespace {

template <typename... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};
template <typename... Fs>
Overloaded(Fs...) -> Overloaded<Fs...>;

std::string_view NameOfKind(SequenceKind kind) {
  switch (kind) {
    case SequenceKind::kList:
      return "list";
    case SequenceKind::kTuple:
      return "tuple";
    case SequenceKind::kRange:
      return "range";
    case SequenceKind::kIterator:
      return "generator";
    case SequenceKind::kDictItems:
      return "dict_items";
    case SequenceKind::kDictKeys:
      return "dict_keys";
    case SequenceKind::kDictValues:
      return "dict_values";
  }
  return "list";
}

}  // namespace

bool Value::is_callable() const {
  return Is<Builtin>() || Is<std::shared_ptr<const Macro>>() || Is<std::shared_ptr<const Method>>();
}

int DepthOf(const Value& value) {
  return std::visit(
      Overloaded{[](const std::shared_ptr<const Sequence>& p) { return p->depth; },
                 [](const std::shared_ptr<const Mapping>& p) { return p->depth; },
                 [](const std::shared_ptr<LoopState>& p) { return p->items->depth + 1; },
                 [](const std::shared_ptr<const Macro>& p) { return p->depth; },
                 [](const std::shared_ptr<const Method>& p) { return DepthOf(p->self) + 1; },
                 [](const auto&) { return 0; }},
      value.storage());
}

bool IsTrue(const Value& value) {
  return std::visit(
      Overloaded{[](const Undefined&) { return false; }, [](const None&) { return false; },
                 [](bool flag) { return flag; }, [](int64_t number) { return number != 0; },
                 [](double number) { return number != 0; },
                 [](const Text& text) { return !text.bytes->empty(); },
                 [](const std::shared_ptr<const Sequence>& p) {
                   return p->kind == SequenceKind::kIterator || !p->items.empty();
                 },
                 [](const std::shared_ptr<const Mapping>& p) { return !p->entries.empty(); },
                 [](const auto&) { return true; }},
      value.storage());
}

const int64_t* AsInteger(const Value& value, int64_t& storage) {
  if (const auto* number = value.As<int64_t>()) return number;
  const auto* flag = value.As<bool>();
  if (flag == nullptr) return nullptr;
  storage = *flag ? 1 : 0;
  return &storage;
}

double AsDouble(const Value& value) {
  if (const auto* real = value.As<double>()) return *real;
  int64_t storage = 0;
  const int64_t* integer = AsInteger(value, storage);
  return integer == nullptr ? 0 : static_cast<double>(*integer);
}

std::string_view TypeName(const Value& value) {
  return std::visit(
      Overloaded{
          [](const Undefined&) -> std::string_view { return "Undefined"; },
          [](const None&) -> std::string_view { return "NoneType"; },
          [](bool) -> std::string_view { return "bool"; },
          [](int64_t) -> std::string_view { return "int"; },
          [](double) -> std::string_view { return "float"; },
          [](const Text&) -> std::string_view { return "str"; },
          [](const std::shared_ptr<const Sequence>& p) { return NameOfKind(p->kind); },
          [](const std::shared_ptr<const Mapping>&) -> std::string_view { return "dict"; },
          [](Namespace*) -> std::string_view { return "Namespace"; },
          [](const std::shared_ptr<LoopState>&) -> std::string_view { return "LoopContext"; },
          [](const std::shared_ptr<const Macro>&) -> std::string_view { return "Macro"; },
          [](const auto&) -> std::string_view { return "function"; }},
      value.storage());
}

const Value* FindKey(const Mapping& mapping, std::string_view key) {
  for (const auto& [name, value] : mapping.entries) {
    if (name.text() != nullptr && *name.text() == key) return &value;
  }
  return nullptr;
}

}  // namespace accllm::chat
