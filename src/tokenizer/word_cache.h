// Remembers the ids of short words; a new word takes the place of an older one.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

namespace accllm {

class WordCache {
 public:
  // The ids of `word`; empty if it is not remembered.
  std::span<const int32_t> Find(std::string_view word) const {
    if (word.size() > kMaxWordBytes || entries_.empty()) return {};
    const Key key(word);
    const Entry& entry = entries_[key.Slot()];
    if (entry.key != key) return {};
    return {entry.ids.data(), entry.n_ids};
  }

  void Insert(std::string_view word, std::span<const int32_t> ids) {
    if (word.size() > kMaxWordBytes || ids.empty() || ids.size() > kMaxIds) return;
    if (entries_.empty()) entries_.resize(kEntries);
    const Key key(word);
    Entry& entry = entries_[key.Slot()];
    entry.key = key;
    entry.n_ids = static_cast<uint32_t>(ids.size());
    std::memcpy(entry.ids.data(), ids.data(), ids.size_bytes());
  }

 private:
  static constexpr size_t kLogEntries = 15;  // two megabytes
  static constexpr size_t kEntries = size_t{1} << kLogEntries;
  static constexpr size_t kMaxWordBytes = 23;
  static constexpr size_t kMaxIds = 9;

  // The word, padded with zeros, its length in the last byte: unequal for unequal words.
  struct Key {
    std::array<uint64_t, 3> words = {};

    Key() = default;
    explicit Key(std::string_view word) {
      std::memcpy(words.data(), word.data(), word.size());
      words[2] |= static_cast<uint64_t>(word.size() + 1) << 56;
    }
    bool operator==(const Key&) const = default;

    size_t Slot() const {
      uint64_t hash = 0;
      for (const uint64_t word : words) {
        hash = (hash ^ word) * 0x9E3779B97F4A7C15;
        hash ^= hash >> 32;
      }
      return hash & (kEntries - 1);
    }
  };

  struct Entry {
    Key key;
    uint32_t n_ids = 0;
    std::array<int32_t, kMaxIds> ids;
  };

  std::vector<Entry> entries_;
};

}  // namespace accllm
