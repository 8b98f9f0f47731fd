// When the parts of the vector unit are ready: tiles of scales and floats that come in the streams,
// sums of squares, scalars. All in cycles; see docs/reference/rtl-vector.md.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "accel/timing/rtl_stages.h"

namespace accllm::accel {

// The lanes' one way in for beats of scales and floats.
class SideWay {
 public:
  explicit SideWay(int64_t tiles_of_scales, int64_t tiles_of_floats)
      : kinds_{Kind{tiles_of_scales}, Kind{tiles_of_floats}} {}
  enum Of { kScales, kFloats };

  // The cycle from which the next beat may come; it does.
  int64_t Ready(Of of) const {
    const Kind& kind = kinds_[of];
    const int64_t needed = kind.tiles * (kind.n_beats + 1 - kBeats);  // used up before
    return std::max(next_, needed > 0 ? kind.used[(needed - 1) % kRing] + 1 : 0);
  }
  void Beat(Of of, int64_t cycle) {
    Kind& kind = kinds_[of];
    kind.there[kind.n_beats++ % kBeats] = cycle + kWords + 1;
    next_ = cycle + kWords;
  }
  // From when on the oldest tile can be used; it is used up.
  int64_t Tile(Of of) const {
    const Kind& kind = kinds_[of];
    return kind.there[kind.n_used / kind.tiles % kBeats];
  }
  void UseUp(Of of, int64_t cycle) {
    Kind& kind = kinds_[of];
    kind.used[kind.n_used++ % kRing] = cycle;
  }

 private:
  static constexpr int64_t kBeats = 4;  // that there is room for
  static constexpr int64_t kWords = 8;  // of a beat
  static constexpr int64_t kRing = 64;
  struct Kind {
    int64_t tiles;  // of a beat
    int64_t n_beats = 0;
    int64_t n_used = 0;
    std::array<int64_t, kBeats> there = {};
    std::array<int64_t, kRing> used = {};
  };
  std::array<Kind, 2> kinds_;
  int64_t next_ = 0;
};

// The sum of squares of one token's vector: rows in groups of four, two lanes a cycle.
class SquareSum {
 public:
  explicit SquareSum(int64_t n_lanes) : cycles_(n_lanes / 2 * kTurns) {}

  // The cycle from which a row may be issued.
  int64_t Ready() const {
    const int64_t needed = (n_rows_ - kDepth + 2 + kTurns - 1) / kTurns;  // groups that are done
    return needed > 0 ? ends_[needed % kRing] + 2 : 0;
  }
  void Issue(int64_t cycle) {
    if (++n_rows_ % kTurns != 0) return;
    const int64_t complete = cycle + rtl::kWriteStage;
    last_ = std::max({complete, last_, settled_ - 1}) + cycles_;
    ends_[n_rows_ / kTurns % kRing] = last_;
  }
  // All rows have been issued: the cycle from which the sum is there.
  int64_t Settle() { return settled_ = last_ + kTreeCycles; }

 private:
  static constexpr int64_t kTurns = 4;
  static constexpr int64_t kDepth = 32;
  static constexpr int64_t kRing = 16;  // groups
  // From a vector's last group: squares, their sum, 16 partial sums through the tree.
  static constexpr int64_t kTreeCycles = 52;

  int64_t cycles_;  // of a group
  int64_t n_rows_ = 0;
  int64_t last_ = 0;
  int64_t settled_ = 0;
  std::array<int64_t, kRing> ends_ = {};
};

// scalar_unit: the cycle from which a request's results can be read.
inline int64_t InverseRmsReady(int64_t start, const std::vector<int64_t>& sums, int64_t n_tokens) {
  int64_t enters = start + rtl::kFromIntLatency;
  int64_t root = 0;
  for (int64_t t = 0; t < n_tokens; ++t) {
    enters = std::max(enters + 1, sums[static_cast<size_t>(t)]);
    // A division, eps, a queue; then roots follow each other.
    root = std::max(enters + rtl::kDivLatency + rtl::kAddLatency + 2, root + 28);
  }
  return root + 58;  // a root of 27 cycles, and 1 divided by it
}
inline int64_t A8Ready(int64_t start, int64_t n_tokens) { return start + 37 + 2 * (n_tokens - 1); }

// operand_feed: blocks of operands on their way from an activation buffer to the lanes.
class OperandFeed {
 public:
  // A layer's operands may be fed from `cycle` on.
  void Start(int64_t cycle) { next_ = std::max(next_, cycle) + 1; }
  // The cycle from which the next place can be used.
  int64_t Fill() {
    next_ = std::max(next_, freed_[n_filled_++ % rtl::kOperandPlaces]) + kWords;
    return next_ - kWords + kFillStages;
  }
  // The oldest place is used for the last time.
  void Free(int64_t cycle) {
    freed_[n_freed_++ % rtl::kOperandPlaces] = cycle + rtl::kFreeDelay + 1;
  }

 private:
  static constexpr int64_t kWords = 8;
  static constexpr int64_t kFillStages = kWords + 2;  // two cycles from a read to its write
  int64_t next_ = 0;
  int64_t n_filled_ = 0, n_freed_ = 0;
  std::array<int64_t, rtl::kOperandPlaces> freed_ = {};
};

}  // namespace accllm::accel
