// Pieces that stand for one byte: "<0x0A>", upper case as sentencepiece writes it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace accllm {

inline constexpr std::string_view kHexDigits = "0123456789ABCDEF";

inline std::string PieceOfByte(uint8_t byte) {
  return {'<', '0', 'x', kHexDigits[byte >> 4], kHexDigits[byte & 15], '>'};
}

inline std::optional<uint8_t> ByteOfPiece(std::string_view text) {
  if (text.size() != 6 || !text.starts_with("<0x") || text[5] != '>') return std::nullopt;
  const size_t high = kHexDigits.find(text[3]);
  const size_t low = kHexDigits.find(text[4]);
  if (high == std::string_view::npos || low == std::string_view::npos) return std::nullopt;
  return static_cast<uint8_t>(high * 16 + low);
}

}  // namespace accllm
