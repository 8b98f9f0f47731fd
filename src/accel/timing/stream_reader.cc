#include "accel/timing/stream_reader.h"

#include <algorithm>
#include <limits>

#include "base/index.h"
#include "spec/accelerator.h"

namespace accllm::accel {

StreamReader::StreamReader(const MachineTiming& timing, KernelClock clock, int64_t n_lanes)
    : clock_(clock), burst_beats_(timing.burst_beats), taken_(Index(timing.stream_beats)) {
  for (int64_t lane = 0; lane < n_lanes; ++lane) {
    HbmTiming hbm = timing.hbm;
    hbm.refresh_offset = hbm.t_refi * lane / n_lanes;
    channels_.emplace_back(hbm);
    bursts_.push_back({std::vector<Picoseconds>(Index(timing.bursts_in_flight)), 0});
  }
}

int64_t StreamReader::Take(int64_t stripe, int64_t n_lanes, int64_t earliest) {
  const size_t at = Index(n_taken_) % taken_.size();
  const int64_t room = std::ssize(taken_) <= n_taken_ ? taken_[at] : 0;
  last_issue_ = std::max(last_issue_ + 1, room);
  RunPending(last_issue_);
  const Picoseconds issue = clock_.TimeOf(last_issue_);
  const bool has_bursts = burst_beats_ > 0;
  const bool is_new_burst =
      has_bursts && (stripe % burst_beats_ == 0 || stripe != last_stripe_ + 1);
  Picoseconds there = 0;
  for (int64_t lane = 0; lane < n_lanes; ++lane) {
    Picoseconds asked = issue;
    Bursts& bursts = bursts_[Index(lane)];
    if (is_new_burst) {
      bursts.newest = (bursts.newest + 1) % bursts.there.size();
      asked = std::max(asked, bursts.there[bursts.newest]);
    }
    const Picoseconds arrival = channels_[Index(lane)].Read(asked, stripe);
    if (has_bursts) bursts.there[bursts.newest] = arrival;
    there = std::max(there, arrival);
  }
  last_stripe_ = stripe;
  taken_[at] = std::max(earliest, clock_.CycleOf(there));
  ++n_taken_;
  return taken_[at];
}

void StreamReader::RunPending(int64_t until) {
  auto late = pending_.begin();
  for (; late != pending_.end() && late->cycle <= until; ++late) {
    for (HbmChannel& channel : channels_) {
      const Picoseconds time = clock_.TimeOf(late->cycle);
      Picoseconds written = time;
      for (int64_t i = 0; i < late->n; ++i) written = channel.Write(time, late->stripe + i);
      last_written_ = std::max(last_written_, clock_.CycleOf(written));
    }
  }
  pending_.erase(pending_.begin(), late);
}

int64_t StreamReader::Drain() {
  RunPending(std::numeric_limits<int64_t>::max());
  return last_written_;
}

}  // namespace accllm::accel
