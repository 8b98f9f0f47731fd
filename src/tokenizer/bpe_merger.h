// Joins the symbols of a word, always the pair with the lowest rank, the leftmost of equals.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace accllm {

class BpeMerger {
 public:
  struct Merge {
    int32_t left;
    int32_t right;
    int32_t rank;  // at least 0
    int32_t result;
  };

  // Memory for Apply that is worth keeping between words.
  struct Scratch {
    std::vector<int32_t> next;
    std::vector<int32_t> previous;
    std::vector<uint64_t> queue;
    std::vector<int32_t> ranks;
  };

  BpeMerger() : BpeMerger(std::vector<Merge>()) {}
  // Of merges of the same pair the last one counts.
  explicit BpeMerger(const std::vector<Merge>& merges);

  // Joins until no pair is left that has a merge: O(n log n) steps for n symbols.
  void Apply(std::vector<int32_t>* symbols, Scratch* scratch) const;

 private:
  struct Entry {
    uint64_t pair;
    int32_t rank;
    int32_t result;
  };

  size_t SlotOf(uint64_t pair) const;
  const Entry& Find(int32_t left, int32_t right) const;
  void ApplyShort(std::vector<int32_t>* symbols, std::vector<int32_t>* ranks) const;
  void ApplyLong(std::vector<int32_t>* symbols, Scratch* scratch) const;

  std::vector<Entry> table_;  // open addressing, never full
  int shift_ = 0;             // 64 - log2 of its size
};

}  // namespace accllm
