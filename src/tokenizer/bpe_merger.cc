#include "tokenizer/bpe_merger.h"

#include <algorithm>
#include <bit>
#include <functional>

namespace accllm {
namespace {

constexpr int32_t kNoMerge = INT32_MAX;
constexpr uint64_t kEmpty = UINT64_MAX;
// Up to here looking at all pairs is faster than a queue.
constexpr size_t kShortWord = 32;

uint64_t PairOf(int32_t left, int32_t right) {
  return uint64_t{static_cast<uint32_t>(left)} << 32 | static_cast<uint32_t>(right);
}

}  // namespace

BpeMerger::BpeMerger(const std::vector<Merge>& merges) {
  const size_t size = std::bit_ceil(2 * merges.size() + 2);
  shift_ = 64 - std::countr_zero(size);
  table_.assign(size, {kEmpty, kNoMerge, 0});
  for (const Merge& merge : merges) {
    const uint64_t pair = PairOf(merge.left, merge.right);
    table_[SlotOf(pair)] = {pair, merge.rank, merge.result};
  }
}

// Where the pair is, or the free slot where it belongs.
size_t BpeMerger::SlotOf(uint64_t pair) const {
  // Fibonacci hashing of both halves mixed.
  size_t slot = (pair ^ pair >> 29) * 0x9E3779B97F4A7C15 >> shift_;
  while (table_[slot].pair != pair && table_[slot].pair != kEmpty) {
    slot = (slot + 1) & (table_.size() - 1);
  }
  return slot;
}

const BpeMerger::Entry& BpeMerger::Find(int32_t left, int32_t right) const {
  return table_[SlotOf(PairOf(left, right))];
}

void BpeMerger::Apply(std::vector<int32_t>* symbols, Scratch* scratch) const {
  if (symbols->size() <= kShortWord) {
    ApplyShort(symbols, &scratch->ranks);
  } else {
    ApplyLong(symbols, scratch);
  }
}

void BpeMerger::ApplyShort(std::vector<int32_t>* symbols, std::vector<int32_t>* ranks) const {
  std::vector<int32_t>& s = *symbols;
  std::vector<int32_t>& r = *ranks;  // r[i] of the pair s[i], s[i + 1]
  if (s.size() < 2) return;
  r.resize(s.size() - 1);
  for (size_t i = 0; i < r.size(); ++i) r[i] = Find(s[i], s[i + 1]).rank;
  while (!r.empty()) {
    const auto best = std::ranges::min_element(r);
    if (*best == kNoMerge) return;
    const auto i = static_cast<size_t>(best - r.begin());
    s[i] = Find(s[i], s[i + 1]).result;
    s.erase(s.begin() + (best - r.begin()) + 1);
    r.erase(best);
    if (i > 0) r[i - 1] = Find(s[i - 1], s[i]).rank;
    if (i < r.size()) r[i] = Find(s[i], s[i + 1]).rank;
  }
}

// The queue holds rank and position of every pair there ever was; what no longer is, is skipped.
void BpeMerger::ApplyLong(std::vector<int32_t>* symbols, Scratch* scratch) const {
  std::vector<int32_t>& s = *symbols;
  const auto n = static_cast<int32_t>(s.size());
  std::vector<int32_t>& next = scratch->next;
  std::vector<int32_t>& previous = scratch->previous;
  std::vector<uint64_t>& queue = scratch->queue;
  next.resize(s.size());
  previous.resize(s.size());
  queue.clear();
  const auto rank_at = [&](int32_t i) {
    const int32_t j = next[static_cast<size_t>(i)];
    return j == n ? kNoMerge : Find(s[static_cast<size_t>(i)], s[static_cast<size_t>(j)]).rank;
  };
  const auto entry_at = [&](int32_t i, int32_t rank) { return PairOf(rank, i); };
  for (int32_t i = 0; i < n; ++i) {
    next[static_cast<size_t>(i)] = i + 1;
    previous[static_cast<size_t>(i)] = i - 1;
  }
  for (int32_t i = 0; i < n; ++i) {
    if (const int32_t rank = rank_at(i); rank != kNoMerge) queue.push_back(entry_at(i, rank));
  }
  std::ranges::make_heap(queue, std::greater());
  const auto push = [&](int32_t i) {
    const int32_t rank = rank_at(i);
    if (rank == kNoMerge) return;
    queue.push_back(entry_at(i, rank));
    std::ranges::push_heap(queue, std::greater());
  };
  while (!queue.empty()) {
    std::ranges::pop_heap(queue, std::greater());
    const uint64_t entry = queue.back();
    queue.pop_back();
    const auto at = static_cast<size_t>(entry & UINT32_MAX);
    if (s[at] < 0 || rank_at(static_cast<int32_t>(at)) != static_cast<int32_t>(entry >> 32)) {
      continue;
    }
    const auto right = static_cast<size_t>(next[at]);
    s[at] = Find(s[at], s[right]).result;
    s[right] = -1;
    next[at] = next[right];
    if (next[at] != n) previous[static_cast<size_t>(next[at])] = static_cast<int32_t>(at);
    push(static_cast<int32_t>(at));
    if (previous[at] >= 0) push(previous[at]);
  }
  std::erase(s, -1);
}

}  // namespace accllm
