// The streams of the kernel's lanes: runs of stripes that are asked for in bursts, buffers in front
// of the lanes.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "accel/timing/hbm_channel.h"
#include "accel/timing/machine_timing.h"
#include "accel/timing/memory_traffic.h"

namespace accllm::accel {

// All lanes take beats together: a beat is there when the last channel has given it.
class LaneStream {
 public:
  LaneStream(const MachineTiming& timing, KernelClock clock, int64_t n_lanes);

  // A pass begins: nothing is under way. Its runs are asked for from `cycle` on.
  void Begin(int64_t cycle);
  // Beats of the first channel alone; returns the cycle in which the last one is taken.
  int64_t Fetch(int64_t stripe, int64_t n, int64_t cycle);

  // A run of stripes behind those before, at least so many cycles after the one before it was
  // accepted, and when so many releases have come.
  void Ask(int64_t stripe, int64_t n, int64_t walker_cycles, int64_t n_releases = 0) {
    runs_.push_back({stripe, n, walker_cycles, n_releases});
  }
  void Release(int64_t cycle) { releases_.push_back(cycle); }

  // The cycle from which the next beat can be taken.
  int64_t Next();
  // The oldest beat that is not free is taken for the last time.
  void Free(int64_t cycle);

  // A beat of one channel, or (lane < 0) of all, is written; cycles must ascend.
  void Write(int64_t stripe, int64_t lane, int64_t cycle) {
    writes_.push_back({stripe, lane, cycle});
  }
  // The cycle of the last response to all writes.
  int64_t Written();

  int64_t last_issue() const { return issued_; }
  MemoryTraffic traffic() const;

 private:
  struct Run {
    int64_t stripe;
    int64_t n;
    int64_t walker_cycles;
    int64_t n_releases;
  };

  struct BeatWrite {
    int64_t stripe;
    int64_t lane;
    int64_t cycle;
  };

  // Writes that come no later.
  void WriteUntil(int64_t cycle);
  // Asks for the next burst, but not if that would be after `until`; whether it did.
  bool Issue(int64_t until);
  bool TakeRun();

  KernelClock clock_;
  std::vector<HbmChannel> channels_;
  int64_t burst_beats_;

  std::deque<Run> runs_;
  std::vector<int64_t> releases_;
  Run run_ = {};  // what is left of it
  int64_t accepted_ = 0, cut_ = 0, issued_ = 0;

  std::deque<BeatWrite> writes_;
  int64_t written_ = 0;

  std::deque<int64_t> arrivals_;   // of beats that have not been taken
  std::vector<int64_t> freed_;     // of the last stream_beats beats, a ring
  std::vector<int64_t> complete_;  // bursts: the cycle of the last beat, a ring of those under way
  int64_t n_issued_ = 0, n_freed_ = 0, n_bursts_ = 0;
};

}  // namespace accllm::accel
