#include "accel/timing/lane_stream.h"

#include <algorithm>
#include <cassert>
#include <limits>

#include "base/index.h"

namespace accllm::accel {
namespace {

constexpr int64_t kOutstanding = 32;  // bursts, as axi_read_stream has them
// Cycles from one stage to the next: a burst is offered to memory, a beat in the buffer can be
// taken, room in the buffer is seen.
constexpr int64_t kOfferStages = 1;
constexpr int64_t kBufferStages = 2;
constexpr int64_t kRoomStages = 2;
constexpr int64_t kSegments = 8;  // of a beat; the last ones of beats that have left are to be read

}  // namespace

LaneStream::LaneStream(const MachineTiming& timing, KernelClock clock, int64_t n_lanes)
    : clock_(clock),
      burst_beats_(timing.read_burst_beats),
      freed_(Index(timing.stream_beats - kSegments)),
      complete_(Index(kOutstanding)) {
  for (int64_t lane = 0; lane < n_lanes; ++lane) {
    HbmTiming hbm = timing.hbm;
    hbm.refresh_offset = hbm.t_refi * lane / n_lanes;
    channels_.emplace_back(hbm);
  }
}

void LaneStream::Begin(int64_t cycle) {
  runs_.clear();
  arrivals_.clear();
  releases_.clear();
  run_ = {};
  n_issued_ = n_freed_ = n_bursts_ = 0;
  accepted_ = cut_ = issued_ = cycle;
}

int64_t LaneStream::Fetch(int64_t stripe, int64_t n, int64_t cycle) {
  int64_t taken = 0;
  // A command, its first burst, the burst's offer.
  const Picoseconds asked = clock_.TimeOf(cycle + 2 + kOfferStages);
  for (int64_t i = 0; i < n; ++i) {
    const Picoseconds there = channels_.front().Read(asked, stripe + i);
    taken = std::max(taken + 1, clock_.CycleOf(there));
  }
  return taken;
}

bool LaneStream::TakeRun() {
  if (run_.n > 0) return true;
  if (runs_.empty() || runs_.front().n_releases > std::ssize(releases_)) return false;
  run_ = runs_.front();
  runs_.pop_front();
  accepted_ = std::max(accepted_ + run_.walker_cycles, cut_);
  if (run_.n_releases > 0) {
    accepted_ = std::max(accepted_, releases_[Index(run_.n_releases - 1)] + 1);
  }
  return true;
}

bool LaneStream::Issue(int64_t until) {
  if (!TakeRun()) return false;
  const int64_t n = std::min(run_.n, burst_beats_ - run_.stripe % burst_beats_);
  const int64_t cut = std::max({accepted_ + 1, cut_ + 1, issued_});
  int64_t issue = std::max(cut, issued_) + 1;
  const int64_t behind = n_issued_ + n - std::ssize(freed_);  // beats that must be free
  if (behind > n_freed_) return false;
  if (behind > 0) {
    issue = std::max(issue, freed_[Index((behind - 1) % std::ssize(freed_))] + kRoomStages);
  }
  const size_t place = Index(n_bursts_ % kOutstanding);
  if (n_bursts_ >= kOutstanding) issue = std::max(issue, complete_[place] + 1);
  if (issue > until) return false;
  WriteUntil(issue);
  const Picoseconds asked = clock_.TimeOf(issue + kOfferStages);
  int64_t there = 0;
  for (int64_t i = 0; i < n; ++i) {
    for (HbmChannel& channel : channels_) {
      there = std::max(there, clock_.CycleOf(channel.Read(asked, run_.stripe + i)));
    }
    arrivals_.push_back(there);
  }
  complete_[place] = there;
  cut_ = cut;
  issued_ = issue;
  n_issued_ += n;
  ++n_bursts_;
  run_.stripe += n;
  run_.n -= n;
  return true;
}

int64_t LaneStream::Next() {
  while (arrivals_.empty() && Issue(std::numeric_limits<int64_t>::max())) {
  }
  assert(!arrivals_.empty());  // there is room for all that is taken twice
  const int64_t there = arrivals_.front() + kBufferStages;
  arrivals_.pop_front();
  return there;
}

void LaneStream::Free(int64_t cycle) {
  freed_[Index(n_freed_ % std::ssize(freed_))] = cycle;
  ++n_freed_;
}

void LaneStream::WriteUntil(int64_t cycle) {
  for (; !writes_.empty() && writes_.front().cycle <= cycle; writes_.pop_front()) {
    const BeatWrite& write = writes_.front();
    const Picoseconds time = clock_.TimeOf(write.cycle);
    for (int64_t l = 0; l < std::ssize(channels_); ++l) {
      if (write.lane >= 0 && l != write.lane) continue;
      written_ = std::max(written_, clock_.CycleOf(channels_[Index(l)].Write(time, write.stripe)));
    }
  }
}

int64_t LaneStream::Written() {
  while (!writes_.empty()) {
    const int64_t cycle = writes_.front().cycle;
    while (Issue(cycle)) {
    }
    WriteUntil(cycle);
  }
  return written_;
}

MemoryTraffic LaneStream::traffic() const { return MemoryTraffic::Of(channels_); }

}  // namespace accllm::accel
