#include "base/json_fields.h"

#include <cmath>
#include <exception>
#include <map>
#include <nlohmann/json.hpp>
#include <span>
#include <utility>
#include <variant>

namespace accllm {

struct JsonNode {
  using Array = std::vector<JsonNode>;
  using Object = std::map<std::string, JsonNode, std::less<>>;
  // uint64_t holds only what int64_t cannot.
  std::variant<std::nullptr_t, bool, int64_t, uint64_t, double, std::string, Array, Object> value;
};

namespace {

constexpr size_t kExcerptLength = 60;

// Builds JsonNodes from parser events; a false return stops the parser, `error` says why.
class TreeBuilder {
 public:
  explicit TreeBuilder(const JsonLimits& limits) : limits_(limits) {}

  // The event names and signatures are fixed by nlohmann::json::sax_parse.
  bool null() { return Add(nullptr) != nullptr; }
  bool boolean(bool value) { return Add(value) != nullptr; }
  bool number_integer(int64_t value) { return Add(value) != nullptr; }
  bool number_unsigned(uint64_t value) {
    if (value <= uint64_t{INT64_MAX}) return Add(static_cast<int64_t>(value)) != nullptr;
    return Add(value) != nullptr;
  }
  bool number_float(double value, const std::string&) { return Add(value) != nullptr; }
  bool string(std::string& value) { return Add(std::move(value)) != nullptr; }
  bool binary(nlohmann::json::binary_t&) { return Stop("binary values are not JSON"); }
  bool start_object(size_t) { return Enter(JsonNode::Object()); }
  bool end_object() { return Leave(); }
  bool start_array(size_t) { return Enter(JsonNode::Array()); }
  bool end_array() { return Leave(); }
  bool key(std::string& name) {
    const auto& object = std::get<JsonNode::Object>(open_.back()->value);
    if (object.contains(name)) return Stop(fmt::format("the key '{}' appears twice", name));
    key_ = std::move(name);
    return true;
  }
  bool parse_error(size_t position, const std::string&, const nlohmann::detail::exception&) {
    return Stop(fmt::format("not valid JSON near byte {}", position));
  }

  JsonNode TakeRoot() { return std::move(root_); }
  const std::string& error() const { return error_; }

 private:
  bool Stop(std::string message) {
    error_ = std::move(message);
    return false;
  }

  template <typename Value>
  JsonNode* Add(Value&& value) {
    if (++n_values_ > limits_.max_values) {
      Stop(fmt::format("more than {} values", limits_.max_values));
      return nullptr;
    }
    JsonNode node{std::forward<Value>(value)};
    if (open_.empty()) {
      root_ = std::move(node);
      return &root_;
    }
    if (auto* array = std::get_if<JsonNode::Array>(&open_.back()->value)) {
      return &array->emplace_back(std::move(node));
    }
    auto& object = std::get<JsonNode::Object>(open_.back()->value);
    return &object.emplace(std::move(key_), std::move(node)).first->second;
  }

  template <typename Container>
  bool Enter(Container&& container) {
    if (open_.size() >= limits_.max_depth) {
      return Stop(fmt::format("nested deeper than {} levels", limits_.max_depth));
    }
    JsonNode* node = Add(std::forward<Container>(container));
    if (node == nullptr) return false;
    open_.push_back(node);
    return true;
  }

  bool Leave() {
    open_.pop_back();
    return true;
  }

  const JsonLimits& limits_;
  JsonNode root_;
  std::vector<JsonNode*> open_;  // stable: a container does not grow while a child is open
  std::string key_;
  size_t n_values_ = 0;
  std::string error_;
};

std::string_view TypeName(const JsonNode& node) {
  constexpr std::string_view kNames[] = {"null",     "a boolean", "an integer", "an integer",
                                         "a number", "a string",  "an array",   "an object"};
  return kNames[node.value.index()];
}

void AppendExcerpt(const JsonNode& node, std::string* out) {
  if (out->size() > kExcerptLength) return;
  if (const auto* text = std::get_if<std::string>(&node.value)) {
    *out += '"' + text->substr(0, kExcerptLength) + '"';
  } else if (const auto* flag = std::get_if<bool>(&node.value)) {
    *out += *flag ? "true" : "false";
  } else if (const auto* number = std::get_if<int64_t>(&node.value)) {
    *out += std::to_string(*number);
  } else if (const auto* big = std::get_if<uint64_t>(&node.value)) {
    *out += std::to_string(*big);
  } else if (const auto* real = std::get_if<double>(&node.value)) {
    *out += fmt::format("{}", *real);
  } else if (const auto* array = std::get_if<JsonNode::Array>(&node.value)) {
    *out += '[';
    for (size_t i = 0; i < array->size() && out->size() <= kExcerptLength; ++i) {
      if (i > 0) *out += ", ";
      AppendExcerpt((*array)[i], out);
    }
    *out += ']';
  } else if (std::holds_alternative<JsonNode::Object>(node.value)) {
    *out += "an object";
  } else {
    *out += "null";
  }
}

tl::unexpected<Error> WrongType(const std::string& where, std::string_view wanted,
                                const JsonNode& node) {
  return Fail(ErrorCode::kCorrupt,
              fmt::format("{} must be {}, found {}", where, wanted, TypeName(node)));
}

Result<double> CheckedNumber(const JsonNode& node, const std::string& where) {
  if (const auto* number = std::get_if<int64_t>(&node.value)) return static_cast<double>(*number);
  if (const auto* big = std::get_if<uint64_t>(&node.value)) return static_cast<double>(*big);
  const auto* real = std::get_if<double>(&node.value);
  if (real == nullptr) return WrongType(where, "a number", node);
  if (!std::isfinite(*real)) {
    return Fail(ErrorCode::kCorrupt, fmt::format("{} is not finite", where));
  }
  return *real;
}

Result<int64_t> CheckedInt(const JsonNode& node, IntRange range, const std::string& where) {
  const bool is_big = std::holds_alternative<uint64_t>(node.value);
  const auto* number = std::get_if<int64_t>(&node.value);
  if (number == nullptr && !is_big) return WrongType(where, "an integer", node);
  if (is_big || *number < range.min || *number > range.max) {
    std::string found;
    AppendExcerpt(node, &found);
    return Fail(ErrorCode::kCorrupt,
                fmt::format("{} is {}, must lie in [{}, {}]", where, found, range.min, range.max));
  }
  return *number;
}

}  // namespace

Result<JsonObject> JsonObject::Parse(std::string_view text, const std::string& path,
                                     const JsonLimits& limits) {
  const auto corrupt = [&path](std::string_view what) {
    return Fail(ErrorCode::kCorrupt, fmt::format("{}: {}", path, what), "restore the file");
  };
  if (text.size() > limits.max_bytes) {
    return corrupt(
        fmt::format("JSON of {} bytes, at most {} are accepted", text.size(), limits.max_bytes));
  }
  TreeBuilder builder(limits);
  try {
    if (!nlohmann::json::sax_parse(text.begin(), text.end(), &builder)) {
      return corrupt(builder.error());
    }
  } catch (const std::exception& e) {  // out of memory
    return Fail(ErrorCode::kOutOfMemory, fmt::format("{}: cannot parse JSON: {}", path, e.what()));
  }
  JsonObject object;
  object.root_ = std::make_shared<const JsonNode>(builder.TakeRoot());
  object.node_ = object.root_.get();
  object.path_ = path;
  if (!std::holds_alternative<JsonNode::Object>(object.node_->value)) {
    return corrupt(fmt::format("must be a JSON object, found {}", TypeName(*object.node_)));
  }
  return object;
}

const JsonNode* JsonObject::Find(std::string_view key) const {
  const auto& object = std::get<JsonNode::Object>(node_->value);
  const auto it = object.find(key);
  if (it == object.end() || std::holds_alternative<std::nullptr_t>(it->second.value)) {
    return nullptr;
  }
  return &it->second;
}

Result<const JsonNode*> JsonObject::Require(std::string_view key) const {
  const JsonNode* node = Find(key);
  if (node == nullptr) {
    return Fail(ErrorCode::kNotFound, fmt::format("{} is missing", Where(key)));
  }
  return node;
}

std::string JsonObject::Where(std::string_view key) const {
  return fmt::format("{}: field '{}{}'", path_, prefix_, key);
}

bool JsonObject::Has(std::string_view key) const { return Find(key) != nullptr; }

bool JsonObject::IsArray(std::string_view key) const {
  const JsonNode* node = Find(key);
  return node != nullptr && std::holds_alternative<JsonNode::Array>(node->value);
}

std::vector<std::string> JsonObject::Keys() const {
  std::vector<std::string> keys;
  for (const auto& [key, node] : std::get<JsonNode::Object>(node_->value)) keys.push_back(key);
  return keys;
}

std::string JsonObject::Excerpt(std::string_view key) const {
  const JsonNode* node = Find(key);
  if (node == nullptr) return "nothing";
  std::string excerpt;
  AppendExcerpt(*node, &excerpt);
  return excerpt;
}

Result<bool> JsonObject::Bool(std::string_view key) const {
  ACCLLM_ASSIGN_OR_RETURN(const JsonNode* node, Require(key));
  const auto* value = std::get_if<bool>(&node->value);
  if (value == nullptr) return WrongType(Where(key), "a boolean", *node);
  return *value;
}

Result<int64_t> JsonObject::Int(std::string_view key, IntRange range) const {
  ACCLLM_ASSIGN_OR_RETURN(const JsonNode* node, Require(key));
  return CheckedInt(*node, range, Where(key));
}

Result<double> JsonObject::Number(std::string_view key) const {
  ACCLLM_ASSIGN_OR_RETURN(const JsonNode* node, Require(key));
  return CheckedNumber(*node, Where(key));
}

Result<std::string> JsonObject::String(std::string_view key) const {
  ACCLLM_ASSIGN_OR_RETURN(const JsonNode* node, Require(key));
  const auto* value = std::get_if<std::string>(&node->value);
  if (value == nullptr) return WrongType(Where(key), "a string", *node);
  return *value;
}

Result<JsonObject> JsonObject::Object(std::string_view key) const {
  ACCLLM_ASSIGN_OR_RETURN(const JsonNode* node, Require(key));
  if (!std::holds_alternative<JsonNode::Object>(node->value)) {
    return WrongType(Where(key), "an object", *node);
  }
  return ObjectAt(node, std::string(key));
}

JsonObject JsonObject::ObjectAt(const JsonNode* node, const std::string& name) const {
  JsonObject object = *this;
  object.node_ = node;
  object.prefix_ = fmt::format("{}{}.", prefix_, name);
  return object;
}

Result<std::vector<JsonObject>> JsonObject::Objects(std::string_view key) const {
  ACCLLM_ASSIGN_OR_RETURN(const JsonNode* node, Require(key));
  const auto* array = std::get_if<JsonNode::Array>(&node->value);
  if (array == nullptr) return WrongType(Where(key), "an array of objects", *node);
  std::vector<JsonObject> objects;
  for (const JsonNode& element : *array) {
    if (!std::holds_alternative<JsonNode::Object>(element.value)) {
      return WrongType(Where(key) + " (an element)", "an object", element);
    }
    objects.push_back(ObjectAt(&element, fmt::format("{}[{}]", key, objects.size())));
  }
  return objects;
}

Result<std::vector<std::vector<std::string>>> JsonObject::StringTuples(std::string_view key) const {
  ACCLLM_ASSIGN_OR_RETURN(const JsonNode* node, Require(key));
  const auto* array = std::get_if<JsonNode::Array>(&node->value);
  if (array == nullptr) return WrongType(Where(key), "an array", *node);
  std::vector<std::vector<std::string>> tuples;
  tuples.reserve(array->size());
  for (const JsonNode& element : *array) {
    const auto* parts = std::get_if<JsonNode::Array>(&element.value);
    const std::span<const JsonNode> nodes =
        parts == nullptr ? std::span(&element, 1) : std::span(*parts);
    std::vector<std::string>& tuple = tuples.emplace_back();
    for (const JsonNode& part : nodes) {
      const auto* text = std::get_if<std::string>(&part.value);
      if (text == nullptr) return WrongType(Where(key) + " (an element)", "a string", part);
      tuple.push_back(*text);
    }
  }
  return tuples;
}

Result<std::vector<int64_t>> JsonObject::Ints(std::string_view key, IntRange range) const {
  ACCLLM_ASSIGN_OR_RETURN(const JsonNode* node, Require(key));
  const auto* array = std::get_if<JsonNode::Array>(&node->value);
  if (array == nullptr) return WrongType(Where(key), "an array of integers", *node);
  std::vector<int64_t> values;
  for (const JsonNode& element : *array) {
    ACCLLM_ASSIGN_OR_RETURN(const int64_t value,
                            CheckedInt(element, range, Where(key) + " (an element)"));
    values.push_back(value);
  }
  return values;
}

Result<std::vector<double>> JsonObject::Numbers(std::string_view key) const {
  ACCLLM_ASSIGN_OR_RETURN(const JsonNode* node, Require(key));
  const auto* array = std::get_if<JsonNode::Array>(&node->value);
  if (array == nullptr) return WrongType(Where(key), "an array of numbers", *node);
  std::vector<double> values;
  for (const JsonNode& element : *array) {
    ACCLLM_ASSIGN_OR_RETURN(const double value,
                            CheckedNumber(element, Where(key) + " (an element)"));
    values.push_back(value);
  }
  return values;
}

Result<std::vector<std::string>> JsonObject::Strings(std::string_view key) const {
  ACCLLM_ASSIGN_OR_RETURN(const JsonNode* node, Require(key));
  const auto* array = std::get_if<JsonNode::Array>(&node->value);
  if (array == nullptr) return WrongType(Where(key), "an array of strings", *node);
  std::vector<std::string> values;
  for (const JsonNode& element : *array) {
    const auto* value = std::get_if<std::string>(&element.value);
    if (value == nullptr) return WrongType(Where(key) + " (an element)", "a string", element);
    values.push_back(*value);
  }
  return values;
}

}  // namespace accllm
