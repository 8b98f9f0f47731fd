// Finds where a text has said the same before: the draft of prompt-lookup decoding (Saxena 2023,
// apoorvumang/prompt-lookup-decoding; LLMA, arXiv 2304.04487).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

namespace accllm {

class NgramIndex {
 public:
  struct Match {
    std::vector<int32_t> next;  // what followed there; goes round where it reaches the text's end
    int64_t length = 0;  // how many of the last tokens are the same there, at most kMaxLength
  };

  static constexpr int64_t kMaxLength = 32;

  void Append(int32_t token);

  // What followed the last place that ended like the text does now, by the longest of the n-grams
  // that are looked up; at most n tokens. Empty if there is none.
  Match Lookup(int64_t n) const;

  void Clear();

 private:
  static constexpr std::array<int64_t, 3> kSizes = {6, 3, 2};  // of the n-grams
  // Memory is bounded: of a longer text the older half is forgotten.
  static constexpr size_t kMaxTokens = size_t{1} << 17;

  void Add(int32_t token);
  int64_t MatchLength(size_t next) const;

  std::vector<int32_t> text_;
  // By the hash of an n-gram: the place behind its last occurrence.
  std::array<std::unordered_map<uint64_t, size_t>, kSizes.size()> places_;
  // Behind the last occurrence but one of the n-gram that ends the text; 0: none.
  std::array<size_t, kSizes.size()> earlier_ = {};
};

}  // namespace accllm
