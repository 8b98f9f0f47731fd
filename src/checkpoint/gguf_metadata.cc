#include "checkpoint/gguf_metadata.h"

#include <cmath>
#include <optional>

namespace accllm {
namespace {

constexpr uint64_t kMaxEntries = 1 << 16;
constexpr uint64_t kMaxKeyBytes = 65535;
constexpr uint64_t kMaxStringBytes = uint64_t{64} << 20;
constexpr uint64_t kMinEntryBytes = 8 + 1 + 4 + 1;  // length, one letter, type, one byte of value
constexpr uint64_t kTextLengthBytes = 8;
constexpr uint64_t kArrayHeadBytes = 4 + 8;
constexpr int kMaxDepth = 4;  // arrays of arrays; no known key nests at all

// Fewest bytes that a value of the type takes.
uint64_t MinBytes(GgufType type) {
  if (type == GgufType::kString) return kTextLengthBytes;
  if (type == GgufType::kArray) return kArrayHeadBytes;
  return GgufTypeBytes(type);
}

bool IsKnown(GgufType type) { return type <= GgufType::kFloat64; }

std::string_view AsText(std::span<const uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Result<std::span<const uint8_t>> TakeString(ByteCursor& cursor, const std::string& what,
                                            uint64_t max_bytes) {
  ACCLLM_ASSIGN_OR_RETURN(const auto length, cursor.Number<uint64_t>(what));
  if (length > max_bytes) {
    return CorruptGguf(fmt::format("{}: {} is a string of {} bytes, at most {} are allowed",
                                   cursor.path(), what, length, max_bytes));
  }
  return cursor.Take(length, what);
}

Result<GgufType> TakeType(ByteCursor& cursor, const std::string& what) {
  ACCLLM_ASSIGN_OR_RETURN(const auto type, cursor.Number<GgufType>(what));
  if (!IsKnown(type)) {
    return CorruptGguf(fmt::format("{}: {} has the unknown value type {}", cursor.path(), what,
                                   static_cast<uint32_t>(type)));
  }
  return type;
}

class ValueParser {
 public:
  ValueParser(ByteCursor& cursor, const std::string& what) : cursor_(cursor), what_(what) {}

  Result<GgufValue> Value(GgufType type, int depth) {
    GgufValue value;
    value.type = type;
    if (type == GgufType::kArray) {
      ACCLLM_RETURN_IF_ERROR(Array(&value, depth + 1));
    } else if (type == GgufType::kString) {
      ACCLLM_ASSIGN_OR_RETURN(value.bytes, TakeString(cursor_, what_, kMaxStringBytes));
    } else {
      ACCLLM_ASSIGN_OR_RETURN(value.bytes, cursor_.Take(GgufTypeBytes(type), what_));
      ACCLLM_RETURN_IF_ERROR(CheckBools(type, value.bytes));
    }
    return value;
  }

 private:
  Status Array(GgufValue* value, int depth) {
    if (depth > kMaxDepth) {
      return CorruptGguf(
          fmt::format("{}: {} nests arrays deeper than {}", cursor_.path(), what_, kMaxDepth));
    }
    ACCLLM_ASSIGN_OR_RETURN(value->element_type, TakeType(cursor_, what_));
    ACCLLM_ASSIGN_OR_RETURN(value->count, cursor_.Number<uint64_t>(what_));
    if (value->count > cursor_.n_left() / MinBytes(value->element_type)) {
      return CorruptGguf(fmt::format("{}: {} claims {} elements, the file has {} bytes left",
                                     cursor_.path(), what_, value->count, cursor_.n_left()));
    }
    const size_t begin = cursor_.position();
    if (const size_t size = GgufTypeBytes(value->element_type); size > 0) {
      ACCLLM_ASSIGN_OR_RETURN(value->bytes, cursor_.Take(value->count * size, what_));
      return CheckBools(value->element_type, value->bytes);
    }
    for (uint64_t i = 0; i < value->count; ++i) {
      ACCLLM_RETURN_IF_ERROR(Value(value->element_type, depth));
    }
    value->bytes = cursor_.bytes().subspan(begin, cursor_.position() - begin);
    return {};
  }

  Status CheckBools(GgufType type, std::span<const uint8_t> bytes) const {
    if (type != GgufType::kBool) return {};
    for (const uint8_t byte : bytes) {
      if (byte > 1) {
        return CorruptGguf(
            fmt::format("{}: {} holds {}, a bool is 0 or 1", cursor_.path(), what_, byte));
      }
    }
    return {};
  }

  ByteCursor& cursor_;
  const std::string& what_;
};

template <typename T>
T Load(const uint8_t* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof(T));
  return value;
}

// nullopt for types that are no integers and for values beyond int64_t.
std::optional<int64_t> AsInt(GgufType type, const uint8_t* bytes) {
  switch (type) {
    case GgufType::kUint8:
      return Load<uint8_t>(bytes);
    case GgufType::kInt8:
      return Load<int8_t>(bytes);
    case GgufType::kUint16:
      return Load<uint16_t>(bytes);
    case GgufType::kInt16:
      return Load<int16_t>(bytes);
    case GgufType::kUint32:
      return Load<uint32_t>(bytes);
    case GgufType::kInt32:
      return Load<int32_t>(bytes);
    case GgufType::kUint64: {
      const auto value = Load<uint64_t>(bytes);
      if (value > uint64_t{INT64_MAX}) return std::nullopt;
      return static_cast<int64_t>(value);
    }
    case GgufType::kInt64:
      return Load<int64_t>(bytes);
    default:
      return std::nullopt;
  }
}

std::optional<double> AsFloat(GgufType type, const uint8_t* bytes) {
  if (type == GgufType::kFloat32) return Load<float>(bytes);
  if (type == GgufType::kFloat64) return Load<double>(bytes);
  return std::nullopt;
}

}  // namespace

Result<GgufMetadata> GgufMetadata::Parse(ByteCursor& cursor, uint64_t n_entries) {
  GgufMetadata metadata;
  metadata.path_ = cursor.path();
  if (n_entries > kMaxEntries || n_entries > cursor.n_left() / kMinEntryBytes) {
    return CorruptGguf(fmt::format("{}: {} metadata entries do not fit the {} bytes that follow",
                                   cursor.path(), n_entries, cursor.n_left()));
  }
  for (uint64_t i = 0; i < n_entries; ++i) {
    const std::string entry = fmt::format("metadata entry {}", i);
    ACCLLM_ASSIGN_OR_RETURN(const auto key_bytes, TakeString(cursor, entry, kMaxKeyBytes));
    const std::string key(AsText(key_bytes));
    const std::string what = fmt::format("key '{}'", key);
    ACCLLM_ASSIGN_OR_RETURN(const GgufType type, TakeType(cursor, what));
    ValueParser parser(cursor, what);
    ACCLLM_ASSIGN_OR_RETURN(const GgufValue value, parser.Value(type, 0));
    if (!metadata.values_.emplace(key, value).second) {
      return CorruptGguf(fmt::format("{}: {} stands there twice", cursor.path(), what));
    }
  }
  return metadata;
}

const GgufValue* GgufMetadata::Find(std::string_view key) const {
  const auto it = values_.find(key);
  return it == values_.end() ? nullptr : &it->second;
}

bool GgufMetadata::IsArray(std::string_view key) const {
  const GgufValue* value = Find(key);
  return value != nullptr && value->type == GgufType::kArray;
}

std::string GgufMetadata::Where(std::string_view key) const {
  return fmt::format("{}: key '{}'", path_, key);
}

Result<const GgufValue*> GgufMetadata::Require(std::string_view key) const {
  const GgufValue* value = Find(key);
  if (value == nullptr) {
    return Fail(ErrorCode::kNotFound, fmt::format("{} is missing", Where(key)),
                "convert the checkpoint again");
  }
  return value;
}

tl::unexpected<Error> GgufMetadata::WrongType(std::string_view key,
                                              std::string_view expected) const {
  return CorruptGguf(fmt::format("{} must be {}", Where(key), expected));
}

Result<const GgufValue*> GgufMetadata::RequireArray(std::string_view key) const {
  ACCLLM_ASSIGN_OR_RETURN(const GgufValue* value, Require(key));
  if (value->type != GgufType::kArray) return WrongType(key, "an array");
  return value;
}

Result<int64_t> GgufMetadata::Int(std::string_view key, IntRange range) const {
  ACCLLM_ASSIGN_OR_RETURN(const GgufValue* value, Require(key));
  const auto number = AsInt(value->type, value->bytes.data());
  if (!number) return WrongType(key, "an integer");
  if (*number < range.min || *number > range.max) {
    return CorruptGguf(
        fmt::format("{} is {}, must lie in [{}, {}]", Where(key), *number, range.min, range.max));
  }
  return *number;
}

Result<double> GgufMetadata::Number(std::string_view key) const {
  ACCLLM_ASSIGN_OR_RETURN(const GgufValue* value, Require(key));
  if (const auto integer = AsInt(value->type, value->bytes.data())) {
    return static_cast<double>(*integer);
  }
  const auto number = AsFloat(value->type, value->bytes.data());
  if (!number) return WrongType(key, "a number");
  if (!std::isfinite(*number)) return CorruptGguf(fmt::format("{} is not finite", Where(key)));
  return *number;
}

Result<bool> GgufMetadata::Bool(std::string_view key) const {
  ACCLLM_ASSIGN_OR_RETURN(const GgufValue* value, Require(key));
  if (value->type != GgufType::kBool) return WrongType(key, "a bool");
  return value->bytes[0] != 0;
}

Result<std::string> GgufMetadata::String(std::string_view key) const {
  ACCLLM_ASSIGN_OR_RETURN(const GgufValue* value, Require(key));
  if (value->type != GgufType::kString) return WrongType(key, "a string");
  return std::string(AsText(value->bytes));
}

Result<std::vector<std::string_view>> GgufMetadata::Strings(std::string_view key) const {
  ACCLLM_ASSIGN_OR_RETURN(const GgufValue* value, RequireArray(key));
  if (value->element_type != GgufType::kString) return WrongType(key, "an array of strings");
  std::vector<std::string_view> texts;
  texts.reserve(static_cast<size_t>(value->count));
  ByteCursor cursor(value->bytes, path_);
  const std::string what = fmt::format("key '{}'", key);
  while (cursor.n_left() > 0) {
    ACCLLM_ASSIGN_OR_RETURN(const auto bytes, TakeString(cursor, what, kMaxStringBytes));
    texts.push_back(AsText(bytes));
  }
  return texts;
}

Result<std::vector<int64_t>> GgufMetadata::Ints(std::string_view key, IntRange range) const {
  ACCLLM_ASSIGN_OR_RETURN(const GgufValue* value, RequireArray(key));
  const size_t size = GgufTypeBytes(value->element_type);
  std::vector<int64_t> numbers;
  for (size_t i = 0; i < value->count; ++i) {
    const auto number =
        size == 0 ? std::nullopt : AsInt(value->element_type, value->bytes.data() + i * size);
    if (!number) return WrongType(key, "an array of integers");
    if (*number < range.min || *number > range.max) {
      return CorruptGguf(fmt::format("{} holds {}, must lie in [{}, {}]", Where(key), *number,
                                     range.min, range.max));
    }
    numbers.push_back(*number);
  }
  return numbers;
}

Result<std::vector<float>> GgufMetadata::Floats(std::string_view key) const {
  ACCLLM_ASSIGN_OR_RETURN(const GgufValue* value, RequireArray(key));
  const size_t size = GgufTypeBytes(value->element_type);
  std::vector<float> numbers;
  for (size_t i = 0; i < value->count; ++i) {
    const auto number =
        size == 0 ? std::nullopt : AsFloat(value->element_type, value->bytes.data() + i * size);
    if (!number) return WrongType(key, "an array of floats");
    const auto as_float = static_cast<float>(*number);
    if (!std::isfinite(as_float)) {
      return CorruptGguf(fmt::format("{} is not finite at index {}", Where(key), i));
    }
    numbers.push_back(as_float);
  }
  return numbers;
}

}  // namespace accllm
