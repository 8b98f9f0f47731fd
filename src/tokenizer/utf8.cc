#include "tokenizer/utf8.h"

#include <cstdint>
#include <cstring>

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
  if (text.empty()) return {Utf8State::kIncomplete, 0, 0};
  const LeadByte lead = ClassifyLead(static_cast<uint8_t>(text[0]));
  if (lead.first_min > lead.first_max) return {Utf8State::kInvalid, 1, 1};
  for (size_t i = 1; i <= lead.n_following; ++i) {
    if (i == text.size()) return {Utf8State::kIncomplete, i, i};
    const auto byte = static_cast<uint8_t>(text[i]);
    const uint8_t min = i == 1 ? lead.first_min : 0x80;
    const uint8_t max = i == 1 ? lead.first_max : 0xBF;
    if (byte < min || byte > max) return {Utf8State::kInvalid, 1, i};
  }
  return {Utf8State::kComplete, lead.n_following + 1, lead.n_following + 1};
}

namespace {

// Bytes of ASCII at the start of `text`, in steps of eight.
size_t SkipAscii(std::string_view text) {
  size_t at = 0;
  for (; at + sizeof(uint64_t) <= text.size(); at += sizeof(uint64_t)) {
    uint64_t word = 0;
    std::memcpy(&word, text.data() + at, sizeof(word));
    if ((word & 0x8080808080808080) != 0) break;
  }
  return at;
}

// Bytes of valid UTF-8 at the start of `text`.
size_t ValidPrefix(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    at += SkipAscii(text.substr(at));
    if (at == text.size()) break;
    const Utf8Step step = FirstCodePoint(text.substr(at));
    if (step.state != Utf8State::kComplete) break;
    at += step.length;
  }
  return at;
}

}  // namespace

bool IsValidUtf8(std::string_view text) { return ValidPrefix(text) == text.size(); }

std::string_view RepairUtf8(std::string_view text, std::string* storage) {
  size_t valid = ValidPrefix(text);
  if (valid == text.size()) return text;
  storage->clear();
  while (true) {
    storage->append(text.substr(0, valid));
    if (valid == text.size()) return *storage;
    storage->append(kReplacementCharacter);
    text.remove_prefix(valid + 1);
    valid = ValidPrefix(text);
  }
}

uint32_t DecodeUtf8(std::string_view text) {
  const size_t length = Utf8Length(text[0]);
  const auto lead = static_cast<uint8_t>(text[0]);
  if (length == 1) return lead;
  uint32_t code_point = lead & (0x7FU >> length);
  for (size_t i = 1; i < length; ++i) {
    code_point = code_point << 6 | (static_cast<uint8_t>(text[i]) & 63U);
  }
  return code_point;
}

void AppendUtf8(uint32_t code_point, std::string* text) {
  if (code_point < 0x80) {
    text->push_back(static_cast<char>(code_point));
    return;
  }
  const uint32_t n_following = code_point < 0x800 ? 1 : code_point < 0x10000 ? 2 : 3;
  constexpr uint32_t kLeads[] = {0, 0xC0, 0xE0, 0xF0};
  text->push_back(static_cast<char>(kLeads[n_following] | code_point >> (6 * n_following)));
  for (uint32_t i = n_following; i-- > 0;) {
    text->push_back(static_cast<char>(0x80 | (code_point >> (6 * i) & 63)));
  }
}

}  // namespace accllm
