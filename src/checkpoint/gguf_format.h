// The numbers of the GGUF format: value types of the metadata, types of the tensors.
//
// Layout (version 3, little-endian): u32 magic, u32 version, u64 number of tensors, u64 number of
// metadata entries, the entries {string key, u32 type, value}, the tensors {string name, u32 n
// dimensions, u64 dimensions (the fastest first), u32 type, u64 offset}, padding to the alignment,
// data. A string is a u64 length and its bytes; an array a u32 type, a u64 count and its elements.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace accllm {

inline constexpr uint32_t kGgufMagic = 0x46554747;  // "GGUF"
inline constexpr uint32_t kGgufVersion = 3;
inline constexpr uint64_t kGgufDefaultAlignment = 32;
inline constexpr std::string_view kGgufAlignmentKey = "general.alignment";

inline tl::unexpected<Error> CorruptGguf(std::string message) {
  return Fail(ErrorCode::kCorrupt, std::move(message), "fetch the file again");
}

enum class GgufType : uint32_t {
  kUint8 = 0,
  kInt8 = 1,
  kUint16 = 2,
  kInt16 = 3,
  kUint32 = 4,
  kInt32 = 5,
  kFloat32 = 6,
  kBool = 7,
  kString = 8,
  kArray = 9,
  kUint64 = 10,
  kInt64 = 11,
  kFloat64 = 12,
};

// Bytes of a value in the file; 0 for strings, arrays and unknown types.
constexpr size_t GgufTypeBytes(GgufType type) {
  switch (type) {
    case GgufType::kUint8:
    case GgufType::kInt8:
    case GgufType::kBool:
      return 1;
    case GgufType::kUint16:
    case GgufType::kInt16:
      return 2;
    case GgufType::kUint32:
    case GgufType::kInt32:
    case GgufType::kFloat32:
      return 4;
    case GgufType::kUint64:
    case GgufType::kInt64:
    case GgufType::kFloat64:
      return 8;
    case GgufType::kString:
    case GgufType::kArray:
      return 0;
  }
  return 0;
}

// The tensor types whose values can be read here; a file may have others.
enum class GgmlType : uint32_t { kF32 = 0, kF16 = 1, kQ8_0 = 8, kBF16 = 30 };

// How a tensor type lies in a file: a row is cut into blocks of equal size.
struct GgmlTypeInfo {
  uint32_t number;
  std::string_view name;
  uint32_t block_elements;
  uint32_t block_bytes;
};

// nullptr for a number that no known format version has.
const GgmlTypeInfo* FindGgmlType(uint32_t number);

// nullptr for an unknown name.
const GgmlTypeInfo* FindGgmlType(std::string_view name);

}  // namespace accllm
