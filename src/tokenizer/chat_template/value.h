// The values of a template: Python's, as far as a chat template can see them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace accllm::chat {

class Value;
struct Stmt;

// What a name that does not exist gives. Most operations on it fail with `reason`.
struct Undefined {
  std::shared_ptr<const std::string> reason;
};

struct None {};

struct Text {
  std::shared_ptr<const std::string> bytes;  // valid UTF-8
  bool is_markup = false;                    // marked as safe: `+` escapes what is added to it
};

enum class SequenceKind { kList, kTuple, kRange, kIterator, kDictItems, kDictKeys, kDictValues };

// Containers never change after they were made, so they can be shared and hold no cycle.
struct Sequence {
  std::vector<Value> items;
  SequenceKind kind = SequenceKind::kList;
  int depth = 1;  // of the containers nested in it
};

struct Mapping {
  std::vector<std::pair<Value, Value>> entries;  // in the order of insertion
  int depth = 1;
};

// The one thing that can be assigned to; owned by the rendering, so it may hold itself.
struct Namespace {
  std::vector<std::pair<std::string, Value>> attributes;
};

// The variable `loop`.
struct LoopState {
  std::shared_ptr<const Sequence> items;
  size_t index = 0;  // from 0
};

struct Macro {
  const Stmt* definition = nullptr;
  std::vector<std::pair<std::string, Value>> closure;  // what was visible beside globals
  int depth = 1;
};

enum class Builtin { kRange, kDict, kNamespace, kRaiseException, kStrftimeNow };

// A method together with its object: the value of `text.strip`.
struct Method;

class Value {
 public:
  using Storage =
      std::variant<Undefined, None, bool, int64_t, double, Text, std::shared_ptr<const Sequence>,
                   std::shared_ptr<const Mapping>, Namespace*, std::shared_ptr<LoopState>,
                   std::shared_ptr<const Macro>, Builtin, std::shared_ptr<const Method>>;

  Value() = default;  // undefined
  template <typename T>
  requires(!std::is_same_v<std::remove_cvref_t<T>, Value> &&
           std::is_constructible_v<Storage, T>) explicit Value(T&& content)
      : storage_(std::forward<T>(content)) {}

  template <typename T>
  const T* As() const {
    return std::get_if<T>(&storage_);
  }
  template <typename T>
  bool Is() const {
    return std::holds_alternative<T>(storage_);
  }

  // Null if it is something else.
  const std::string* text() const {
    const Text* text = As<Text>();
    return text == nullptr ? nullptr : text->bytes.get();
  }
  const Sequence* sequence() const {
    const auto* pointer = As<std::shared_ptr<const Sequence>>();
    return pointer == nullptr ? nullptr : pointer->get();
  }
  const Mapping* mapping() const {
    const auto* pointer = As<std::shared_ptr<const Mapping>>();
    return pointer == nullptr ? nullptr : pointer->get();
  }
  bool is_undefined() const { return Is<Undefined>(); }
  bool is_none() const { return Is<None>(); }
  bool is_number() const { return Is<bool>() || Is<int64_t>() || Is<double>(); }
  bool is_callable() const;

  const Storage& storage() const { return storage_; }

 private:
  Storage storage_;
};

struct Method {
  Value self;
  std::string name;
};

// Containers nested in `value`; 0 for a scalar.
int DepthOf(const Value& value);

bool IsTrue(const Value& value);

// The value of an integer or boolean; null for everything else.
const int64_t* AsInteger(const Value& value, int64_t& storage);

// Any number as a double.
double AsDouble(const Value& value);

// Python's name of the type, for messages: "str", "NoneType".
std::string_view TypeName(const Value& value);

// Null if there is no such key. Only for text keys.
const Value* FindKey(const Mapping& mapping, std::string_view key);

}  // namespace accllm::chat
