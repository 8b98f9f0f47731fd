#include "accel/timing/hbm_channel.h"

#include <algorithm>
#include <cassert>
#include <limits>

namespace accllm::accel {
namespace {

constexpr int64_t kNoRow = -1;
// A second before the start: no constraint reaches that far.
constexpr Picoseconds kLongAgo = -1'000'000'000'000;

}  // namespace

HbmChannel::HbmChannel(const HbmTiming& timing)
    : timing_(timing),
      next_refresh_(timing.t_refi == 0 ? std::numeric_limits<Picoseconds>::max()
                                       : timing.t_refi + timing.refresh_offset),
      last_column_(kLongAgo) {
  assert(timing.t_refi == 0 || timing.t_refi >= 2 * timing.t_rfc);
  pairs_.fill({kNoRow, {kLongAgo, kLongAgo}, {kLongAgo, kLongAgo}});
  activates_.fill(kLongAgo);
}

Picoseconds HbmChannel::Read(Picoseconds time, int64_t beat) {
  ++statistics_.beats_read;
  return Serve(Direction::kRead, time, beat);
}

Picoseconds HbmChannel::Write(Picoseconds time, int64_t beat) {
  ++statistics_.beats_written;
  return Serve(Direction::kWrite, time, beat);
}

Picoseconds HbmChannel::Serve(Direction direction, Picoseconds time, int64_t beat) {
  assert(time >= 0 && beat >= 0);
  last_time_ = std::max(last_time_, time);
  const Picoseconds arrival = last_time_ + timing_.request_latency;
  const Picoseconds wanted = std::max(arrival, last_column_ + timing_.t_beat);
  const Picoseconds turned = std::max(wanted, AfterTurnaround(direction));

  RefreshUntil(turned);
  Plan plan = MakePlan(direction, beat, arrival, turned);
  // No row is opened for a column command that would come after a refresh is due.
  while (plan.commands.column >= next_refresh_) {
    Refresh();
    plan = MakePlan(direction, beat, arrival, turned);
  }

  const Picoseconds refreshed = std::max(turned, refresh_.end);
  statistics_.stalled_by_turnaround += turned - wanted;
  statistics_.stalled_by_refresh += refreshed - turned;
  statistics_.stalled_by_rows += plan.commands.column - refreshed;
  Commit(direction, plan);
  return last_.data_end + timing_.response_latency;
}

// The earliest column command if the last beat went the other way.
Picoseconds HbmChannel::AfterTurnaround(Direction direction) const {
  if (direction == last_direction_) return kLongAgo;
  if (direction == Direction::kRead) {
    return last_column_ + timing_.t_cwl + timing_.t_beat + timing_.t_wtr;
  }
  return last_column_ + timing_.t_cl + timing_.t_beat + timing_.t_bus_turn - timing_.t_cwl;
}

// The commands of a beat that is at the controller at `arrival` and whose column command may be
// given from `bus_free` on, if no refresh comes between.
HbmChannel::Plan HbmChannel::MakePlan(Direction direction, int64_t beat, Picoseconds arrival,
                                      Picoseconds bus_free) const {
  Plan plan = {{}, activates_};
  HbmCommands& commands = plan.commands;
  commands.bank_pair = beat / kHbmBeatsPerPagePair % kHbmBankPairs;
  commands.row = beat / (kHbmBeatsPerPagePair * kHbmBankPairs);
  const BankPair& pair = pairs_[static_cast<size_t>(commands.bank_pair)];
  std::array<Picoseconds, 2> activated = pair.activated;
  if (pair.row != commands.row) {
    OpenRow(pair, arrival, plan);
    activated = commands.activate;
  }
  const bool is_read = direction == Direction::kRead;
  const Picoseconds t_rcd = is_read ? timing_.t_rcd_read : timing_.t_rcd_write;
  commands.column =
      std::max({bus_free, activated[0] + t_rcd, activated[1] + t_rcd - timing_.t_beat / 2});
  return plan;
}

void HbmChannel::OpenRow(const BankPair& pair, Picoseconds arrival, Plan& plan) const {
  HbmCommands& commands = plan.commands;
  commands.row_state = pair.row == kNoRow ? HbmRowState::kClosed : HbmRowState::kMiss;
  for (size_t bank = 0; bank < 2; ++bank) {
    Picoseconds activate = std::max(arrival, refresh_.end);
    if (commands.row_state == HbmRowState::kMiss) {
      commands.precharge[bank] = std::max(arrival, pair.precharge_from[bank]);
      activate = commands.precharge[bank] + timing_.t_rp;
    }
    activate =
        std::max({activate, pair.activated[bank] + timing_.t_rc,
                  plan.activates.front() + timing_.t_rrd, plan.activates.back() + timing_.t_faw});
    std::shift_right(plan.activates.begin(), plan.activates.end(), 1);
    plan.activates.front() = activate;
    commands.activate[bank] = activate;
  }
}

void HbmChannel::Commit(Direction direction, const Plan& plan) {
  const bool is_read = direction == Direction::kRead;
  last_ = plan.commands;
  last_.data_begin = last_.column + (is_read ? timing_.t_cl : timing_.t_cwl);
  last_.data_end = last_.data_begin + timing_.t_beat;
  last_column_ = last_.column;
  last_direction_ = direction;
  statistics_.bus_busy += timing_.t_beat;

  BankPair& pair = pairs_[static_cast<size_t>(last_.bank_pair)];
  if (last_.row_state == HbmRowState::kHit) {
    ++statistics_.row_hits;
  } else {
    ++(last_.row_state == HbmRowState::kMiss ? statistics_.row_misses : statistics_.row_closed);
    statistics_.activates += 2;
    activates_ = plan.activates;
    pair.row = last_.row;
    pair.activated = last_.activate;
  }
  for (size_t bank = 0; bank < 2; ++bank) {
    const Picoseconds burst_end = timing_.t_beat / (bank == 0 ? 2 : 1);
    const Picoseconds column = last_.column + burst_end - timing_.t_beat / 2;
    const Picoseconds used =
        is_read ? column + timing_.t_rtp : last_.data_begin + burst_end + timing_.t_wr;
    // The earlier beats of the row count too: t_wr may outlast a read that follows the write.
    pair.precharge_from[bank] =
        std::max({pair.precharge_from[bank], used, pair.activated[bank] + timing_.t_ras});
  }
}

// The refresh that is due next: all banks are precharged together as soon as each allows it.
void HbmChannel::Refresh() {
  refresh_.begin = next_refresh_;
  Picoseconds precharge = 0;
  for (BankPair& pair : pairs_) {
    if (pair.row == kNoRow) continue;
    precharge = timing_.t_rp;
    refresh_.begin = std::max({refresh_.begin, pair.precharge_from[0], pair.precharge_from[1]});
    pair.row = kNoRow;
  }
  refresh_.end = refresh_.begin + precharge + timing_.t_rfc;
  next_refresh_ += timing_.t_refi;
  ++statistics_.refreshes;
}

// All that are due up to `time`, however many: after the first all banks are closed.
void HbmChannel::RefreshUntil(Picoseconds time) {
  if (next_refresh_ > time) return;
  Refresh();
  if (next_refresh_ > time) return;
  const int64_t more = (time - next_refresh_) / timing_.t_refi + 1;
  statistics_.refreshes += more;
  next_refresh_ += more * timing_.t_refi;
  refresh_.begin = next_refresh_ - timing_.t_refi;
  refresh_.end = refresh_.begin + timing_.t_rfc;
}

}  // namespace accllm::accel
