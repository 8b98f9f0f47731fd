#include "tokenizer/chars_map.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "tokenizer/utf8.h"

namespace accllm {
namespace {

constexpr size_t kSizeBytes = 4;
constexpr size_t kMaxBlobBytes = size_t{4} << 20;  // the largest published map has 0.3 MB
// sentencepiece collects the matches of one lookup in an array of 32 without checking its end.
constexpr uint8_t kMaxMatches = 32;
// One input character must not grow without bound; NFKC's longest replacement has 33 bytes.
constexpr size_t kMaxReplacementBytes = 256;

uint32_t ReadU32(std::span<const uint8_t> bytes) {
  return uint32_t{bytes[0]} | uint32_t{bytes[1]} << 8 | uint32_t{bytes[2]} << 16 |
         uint32_t{bytes[3]} << 24;
}

// Fields of a Darts-clone unit.
bool HasLeaf(uint32_t unit) { return (unit >> 8 & 1) != 0; }
uint32_t Value(uint32_t unit) { return unit & 0x7FFFFFFF; }
uint32_t Label(uint32_t unit) { return unit & 0x800000FF; }
uint32_t Offset(uint32_t unit) { return (unit >> 10) << ((unit & 0x200) >> 6); }

// Visits every unit that some key can reach, each once.
class TrieChecker {
 public:
  TrieChecker(std::span<const uint8_t> trie, std::span<const uint8_t> replacements)
      : replacements_(replacements) {
    for (size_t at = 0; at < trie.size(); at += sizeof(uint32_t)) {
      units_.push_back(ReadU32(trie.subspan(at)));
    }
    matches_.assign(units_.size(), kUnseen);
  }

  // Nothing, or what is wrong.
  std::string_view Check();

 private:
  static constexpr uint8_t kUnseen = 255;
  static constexpr uint8_t kOpen = 254;  // on the path from the root to the current unit

  struct Visit {
    uint32_t position;
    uint32_t base;  // of its children
    uint32_t next_label = 0;
    uint8_t matches_below = 0;
  };

  std::string_view Enter(uint32_t position);
  std::string_view CheckReplacement(uint32_t value) const;
  std::string_view Step();

  std::vector<uint32_t> units_;
  std::span<const uint8_t> replacements_;
  // Most matches on any path from this unit down, itself included; the trie shares subtrees.
  std::vector<uint8_t> matches_;
  std::vector<Visit> path_;
};

std::string_view TrieChecker::CheckReplacement(uint32_t value) const {
  if (value >= replacements_.size()) return "a rule points outside the replacements";
  auto tail = replacements_.subspan(value);
  if (tail.size() > kMaxReplacementBytes + 1) tail = tail.first(kMaxReplacementBytes + 1);
  const auto end = std::ranges::find(tail, uint8_t{0});
  if (end == tail.end()) return "a replacement is too long";
  const auto size = static_cast<size_t>(end - tail.begin());
  if (!IsValidUtf8({reinterpret_cast<const char*>(tail.data()), size})) {
    return "a replacement is not UTF-8";
  }
  return {};
}

std::string_view TrieChecker::Enter(uint32_t position) {
  const uint32_t unit = units_[position];
  const uint32_t base = position ^ Offset(unit);
  if ((base | 0xFF) >= units_.size()) return "the trie points outside itself";
  const bool is_root = path_.empty();
  if (HasLeaf(unit) && !is_root) {
    const std::string_view error = CheckReplacement(Value(units_[base]));
    if (!error.empty()) return error;
  }
  matches_[position] = kOpen;
  path_.push_back({position, base});
  return {};
}

// Goes one edge down, or leaves the unit if all its edges are done.
std::string_view TrieChecker::Step() {
  Visit& visit = path_.back();
  while (visit.next_label < 256) {
    const uint32_t label = visit.next_label++;
    const uint32_t child = visit.base ^ label;
    if (Label(units_[child]) != label) continue;
    if (matches_[child] == kOpen) return "the trie has a cycle";
    if (matches_[child] == kUnseen) {
      --visit.next_label;  // come back for its result
      return Enter(child);
    }
    visit.matches_below = std::max(visit.matches_below, matches_[child]);
  }
  const bool is_root = path_.size() == 1;
  const bool is_match = HasLeaf(units_[visit.position]) && !is_root;
  const auto total = static_cast<uint8_t>(visit.matches_below + (is_match ? 1 : 0));
  if (total > kMaxMatches) return "too many rules match one text";
  matches_[visit.position] = total;
  path_.pop_back();
  return {};
}

std::string_view TrieChecker::Check() {
  if (units_.empty()) return "the trie is empty";
  std::string_view error = Enter(0);
  while (error.empty() && !path_.empty()) error = Step();
  return error;
}

}  // namespace

Status CheckCharsMap(std::span<const uint8_t> blob, const std::string& where) {
  const auto corrupt = [&where](std::string_view what) {
    return Fail(ErrorCode::kCorrupt, fmt::format("{}: normalisation rules: {}", where, what),
                "restore the file");
  };
  if (blob.size() > kMaxBlobBytes) return corrupt("larger than 4 MiB");
  if (blob.size() <= kSizeBytes) return corrupt("truncated");
  const size_t trie_bytes = ReadU32(blob);
  const auto body = blob.subspan(kSizeBytes);
  if (trie_bytes >= body.size() || trie_bytes % sizeof(uint32_t) != 0) {
    return corrupt(fmt::format("trie of {} bytes does not fit", trie_bytes));
  }
  const auto replacements = body.subspan(trie_bytes);
  if (replacements.back() != 0) return corrupt("the last replacement is not terminated");
  const std::string_view error = TrieChecker(body.first(trie_bytes), replacements).Check();
  if (!error.empty()) return corrupt(error);
  return {};
}

CharsMap::CharsMap(std::string_view blob) {
  if (blob.empty()) return;
  const std::span<const uint8_t> bytes(reinterpret_cast<const uint8_t*>(blob.data()), blob.size());
  units_.resize(ReadU32(bytes) / sizeof(uint32_t));
  for (size_t i = 0; i < units_.size(); ++i) {
    units_[i] = ReadU32(bytes.subspan(kSizeBytes + i * sizeof(uint32_t)));
  }
  replacements_ = blob.substr(kSizeBytes + units_.size() * sizeof(uint32_t));
}

CharsMap::Match CharsMap::Longest(std::string_view text) const {
  Match match;
  if (units_.empty()) return match;
  uint32_t base = Offset(units_[0]);
  for (size_t i = 0; i < text.size(); ++i) {
    const auto label = static_cast<uint8_t>(text[i]);
    const uint32_t position = base ^ label;
    const uint32_t unit = units_[position];
    if (Label(unit) != label) break;
    base = position ^ Offset(unit);
    if (HasLeaf(unit)) match = {i + 1, replacements_.data() + Value(units_[base])};
  }
  return match;
}

}  // namespace accllm
