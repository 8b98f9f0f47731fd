#include "tokenizer/utf8.h"

#include <cstdint>

namespace accllm {
namespace {

// What may follow a lead byte: the number of continuation bytes and the range of the first of them
// (the others are 80..BF). Unicode standard, table 3-7.
struct LeadByte {
  size_t n_following;
  uint8_t first_min;
  uint8_t first_max;
};

LeadByte ClassifyLead(uint8_t byte) {
  if (byte < 0x80) return {0, 0, 0};
  if (byte >= 0xC2 && byte <= 0xDF) return {1, 0x80, 0xBF};
  if (byte == 0xE0) return {2, 0xA0, 0xBF};
  if (byte == 0xED) return {2, 0x80, 0x9F};
  if (byte >= 0xE1 && byte <= 0xEF) return {2, 0x80, 0xBF};
  if (byte == 0xF0) return {3, 0x90, 0xBF};
  if (byte >= 0xF1 && byte <= 0xF3) return {3, 0x80, 0xBF};
  if (byte == 0xF4) return {3, 0x80, 0x8F};
  return {1, 1, 0};  // never a lead byte: an empty range
}

}  // namespace

Utf8Step FirstCodePoint(std::string_view text) {
  if (text.empty()) return {Utf8State::kIncomplete, 0};
  const LeadByte lead = ClassifyLead(static_cast<uint8_t>(text[0]));
  if (lead.first_min > lead.first_max) return {Utf8State::kInvalid, 1};
  for (size_t i = 1; i <= lead.n_following; ++i) {
    if (i == text.size()) return {Utf8State::kIncomplete, i};
    const auto byte = static_cast<uint8_t>(text[i]);
    const uint8_t min = i == 1 ? lead.first_min : 0x80;
    const uint8_t max = i == 1 ? lead.first_max : 0xBF;
    if (byte < min || byte > max) return {Utf8State::kInvalid, 1};
  }
  return {Utf8State::kComplete, lead.n_following + 1};
}

bool IsValidUtf8(std::string_view text) {
  while (!text.empty()) {
    const Utf8Step step = FirstCodePoint(text);
    if (step.state != Utf8State::kComplete) return false;
    text.remove_prefix(step.length);
  }
  return true;
}

}  // namespace accllm
