#include "runtime/ngram_index.h"

#include <algorithm>

#include "base/split_mix64.h"

namespace accllm {

void NgramIndex::Append(int32_t token) {
  if (text_.size() == kMaxTokens) {
    const std::vector<int32_t> recent(text_.begin() + kMaxTokens / 2, text_.end());
    Clear();
    for (const int32_t kept : recent) Add(kept);
  }
  Add(token);
}

void NgramIndex::Add(int32_t token) {
  text_.push_back(token);
  for (size_t i = 0; i < kSizes.size(); ++i) {
    const auto n = static_cast<size_t>(kSizes[i]);
    earlier_[i] = 0;
    if (text_.size() < n) continue;
    uint64_t hash = 0;
    for (size_t k = text_.size() - n; k < text_.size(); ++k) {
      hash ^= static_cast<uint32_t>(text_[k]);
      hash = SplitMix64(hash);
    }
    size_t& place = places_[i][hash];
    earlier_[i] = place;
    place = text_.size();
  }
}

// Of the text's end and what lies before `next`.
int64_t NgramIndex::MatchLength(size_t next) const {
  int64_t length = 0;
  while (length < kMaxLength && static_cast<size_t>(length) < next) {
    const auto back = static_cast<size_t>(length + 1);
    if (text_[next - back] != text_[text_.size() - back]) break;
    ++length;
  }
  return length;
}

NgramIndex::Match NgramIndex::Lookup(int64_t n) const {
  Match match;
  for (size_t i = 0; i < kSizes.size() && match.length == 0; ++i) {
    const size_t next = earlier_[i];
    if (next == 0 || MatchLength(next) < kSizes[i]) continue;  // none, or two n-grams of one hash
    match.length = MatchLength(next);
    const size_t period = text_.size() - next;
    for (size_t k = 0; k < static_cast<size_t>(n); ++k) {
      match.next.push_back(text_[next + k % period]);
    }
  }
  return match;
}

void NgramIndex::Clear() {
  text_.clear();
  for (auto& places : places_) places.clear();
  earlier_ = {};
}

}  // namespace accllm
