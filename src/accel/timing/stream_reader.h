// The lanes' streams out of memory: what is prefetched when, and when all lanes have a beat.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "accel/timing/hbm_channel.h"
#include "accel/timing/machine_timing.h"
#include "accel/timing/memory_traffic.h"

namespace accllm::accel {

// All lanes take beats together. Each has a channel and a buffer of its own, so a channel that is
// refreshed holds the others up only once its buffer is empty. Where a channel is read in bursts,
// only so many are on their way at a time: the next is asked for when the first of them is there.
class StreamReader {
 public:
  // Channels refresh one after another, evenly spread over the refresh interval.
  StreamReader(const MachineTiming& timing, KernelClock clock, int64_t n_lanes);

  // The first `n_lanes` lanes take the beat of `stripe`, the next of their streams, at `earliest`
  // or later; returns the cycle. It is asked for as soon as the buffer has room.
  int64_t Take(int64_t stripe, int64_t n_lanes, int64_t earliest);

  // Nothing is asked for before.
  void HoldUntil(int64_t cycle) { last_issue_ = std::max(last_issue_, cycle - 1); }

  // The cycle in which the last beat was asked for; -1: none was.
  int64_t last_issue() const { return last_issue_; }

  // n beats of every lane are written at `cycle` or later, beside the streams.
  void Write(int64_t stripe, int64_t n, int64_t cycle) { pending_.push_back({stripe, n, cycle}); }

  // Completes all writes; returns the cycle in which the last is in memory.
  int64_t Drain();

  // Of all channels so far.
  MemoryTraffic traffic() const { return MemoryTraffic::Of(channels_); }

 private:
  struct Pending {
    int64_t stripe;
    int64_t n;
    int64_t cycle;
  };

  // The bursts of a lane that are on their way: when the last beat of each is there.
  struct Bursts {
    std::vector<Picoseconds> there;  // a ring
    size_t newest = 0;
  };

  void RunPending(int64_t until);

  KernelClock clock_;
  std::vector<HbmChannel> channels_;
  int64_t burst_beats_;         // 0: no bursts
  std::vector<Bursts> bursts_;  // of each channel
  int64_t last_stripe_ = -1;
  std::vector<Pending> pending_;
  std::vector<int64_t> taken_;  // cycles of the last stream_beats beats, a ring
  int64_t n_taken_ = 0;
  int64_t last_issue_ = -1;
  int64_t last_written_ = 0;  // cycle
};

}  // namespace accllm::accel
