// Writes the fields of one protobuf message.
#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>

namespace accllm {

class WireWriter {
 public:
  void AddVarint(uint32_t number, uint64_t value) {
    Varint(uint64_t{number} << 3);
    Varint(value);
  }

  void AddFloat(uint32_t number, float value) {
    Varint(uint64_t{number} << 3 | 5U);
    const auto bits = std::bit_cast<uint32_t>(value);
    for (int shift = 0; shift < 32; shift += 8) message_ += static_cast<char>(bits >> shift);
  }

  // A string or a nested message.
  void AddBytes(uint32_t number, std::string_view bytes) {
    Varint(uint64_t{number} << 3 | 2U);
    Varint(bytes.size());
    message_ += bytes;
  }

  const std::string& message() const { return message_; }

 private:
  void Varint(uint64_t value) {
    for (; value >= 0x80; value >>= 7) message_ += static_cast<char>(0x80 | (value & 0x7F));
    message_ += static_cast<char>(value);
  }

  std::string message_;
};

}  // namespace accllm
