// Walks the fields of one protobuf message without trusting a byte of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace accllm {

enum class WireType : uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

struct WireField {
  uint32_t number = 0;
  WireType type = WireType::kVarint;
  uint64_t value = 0;              // kVarint, kFixed32, kFixed64
  std::span<const uint8_t> bytes;  // kBytes

  std::string_view text() const {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
};

class WireReader {
 public:
  // `where` starts every error: the file and the message, "tokenizer.model: piece 7".
  WireReader(std::span<const uint8_t> message, std::string where)
      : rest_(message), where_(std::move(where)) {}

  bool AtEnd() const { return rest_.empty(); }

  // The next field. Errors: kCorrupt if it is truncated, malformed or a group.
  Result<WireField> Next();

  // Error unless the field has the wire type that its number calls for.
  Status Expect(const WireField& field, WireType type, std::string_view name) const;

  const std::string& where() const { return where_; }

 private:
  Result<uint64_t> Varint();
  Result<uint64_t> Fixed(size_t n_bytes);

  std::span<const uint8_t> rest_;
  std::string where_;
};

}  // namespace accllm
