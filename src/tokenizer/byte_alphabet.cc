#include "tokenizer/byte_alphabet.h"

#include <array>
#include <cstdint>

#include "tokenizer/utf8.h"

namespace accllm {
namespace {

constexpr uint32_t kFirstSubstitute = 256;

// Bytes that print as themselves in Latin-1.
bool IsPrintable(uint32_t byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) ||
         (byte >= 0xAE && byte <= 0xFF);
}

// The others, in order; code point kFirstSubstitute + i stands for element i.
struct Substituted {
  std::array<char, 256> bytes = {};
  uint32_t n = 0;

  Substituted() {
    for (uint32_t byte = 0; byte < 256; ++byte) {
      if (!IsPrintable(byte)) bytes[n++] = static_cast<char>(byte);
    }
  }
};

}  // namespace

std::optional<std::string> BytesOfSpelling(std::string_view spelling) {
  static const Substituted kSubstituted;
  std::string bytes;
  while (!spelling.empty()) {
    const uint32_t c = DecodeUtf8(spelling);
    if (c < kFirstSubstitute && IsPrintable(c)) {
      bytes.push_back(static_cast<char>(c));
    } else if (c >= kFirstSubstitute && c - kFirstSubstitute < kSubstituted.n) {
      bytes.push_back(kSubstituted.bytes[c - kFirstSubstitute]);
    } else {
      return std::nullopt;
    }
    spelling.remove_prefix(Utf8Length(spelling[0]));
  }
  return bytes;
}

}  // namespace accllm
