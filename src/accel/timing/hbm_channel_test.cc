#include "accel/timing/hbm_channel.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <array>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/split_mix64.h"

namespace accllm::accel {
namespace {

constexpr double kPeak = 14.4;                                          // GB/s
constexpr int64_t kBeatsPerRow = kHbmBeatsPerPagePair * kHbmBankPairs;  // 16 KiB of addresses
constexpr int64_t kBeatsOfChannel = (256 << 20) / kHbmBeatBytes;
constexpr Picoseconds kMicrosecond = 1'000'000;

HbmTiming WithoutRefresh() {
  HbmTiming timing;
  timing.t_refi = 0;
  return timing;
}

struct Request {
  bool write = false;
  int64_t beat = 0;
};
using Pattern = std::function<Request(int64_t index)>;

Pattern SequentialReads() {
  return [](int64_t i) { return Request{false, i}; };
}

// Bursts of so many beats, each from a random aligned address.
Pattern RandomReads(int64_t burst_beats) {
  return [burst_beats](int64_t i) {
    uint64_t state = static_cast<uint64_t>(i / burst_beats);
    const auto place = static_cast<int64_t>(SplitMix64(state) % kBeatsOfChannel);
    return Request{false, place / burst_beats * burst_beats + i % burst_beats};
  };
}

// GB/s between the first and the last answer, if the kernel issues at most a beat a cycle and has
// at most `outstanding` of them open.
double Throughput(HbmChannel& channel, int64_t n_beats, int64_t outstanding,
                  const Pattern& pattern) {
  const KernelClock clock;
  std::vector<Picoseconds> answers;
  int64_t cycle = 0;
  for (int64_t i = 0; i < n_beats; ++i) {
    if (i >= outstanding) {
      cycle = std::max(cycle, clock.CycleOf(answers[static_cast<size_t>(i - outstanding)]));
    }
    const Request request = pattern(i);
    const Picoseconds time = clock.TimeOf(cycle++);
    answers.push_back(request.write ? channel.Write(time, request.beat)
                                    : channel.Read(time, request.beat));
  }
  const auto elapsed = static_cast<double>(answers.back() - answers.front());
  return static_cast<double>((n_beats - 1) * kHbmBeatBytes) / elapsed * 1e3;
}

double Throughput(int64_t n_beats, int64_t outstanding, const Pattern& pattern,
                  const HbmTiming& timing = {}) {
  HbmChannel channel(timing);
  return Throughput(channel, n_beats, outstanding, pattern);
}

struct Rule {
  Picoseconds HbmTiming::*field;
  std::string_view name;  // as ProtocolChecker says it
};
constexpr std::array kRules = {
    Rule{&HbmTiming::t_rcd_read, "tRCD"}, Rule{&HbmTiming::t_rcd_write, "tRCD"},
    Rule{&HbmTiming::t_rp, "tRP"},        Rule{&HbmTiming::t_ras, "tRAS"},
    Rule{&HbmTiming::t_rc, "tRC"},        Rule{&HbmTiming::t_rrd, "tRRD"},
    Rule{&HbmTiming::t_faw, "tFAW"},      Rule{&HbmTiming::t_rtp, "tRTP"},
    Rule{&HbmTiming::t_wr, "tWR"},        Rule{&HbmTiming::t_wtr, "tWTR"},
    Rule{&HbmTiming::t_rfc, "tRFC"},      Rule{&HbmTiming::t_bus_turn, "bus turn"},
};

// Follows a channel from its commands alone and says which rule of the memory they break.
class ProtocolChecker {
 public:
  explicit ProtocolChecker(const HbmTiming& timing) : t_(timing) {}

  // To be called after each beat; `time` is when it was at the port.
  std::optional<std::string> Check(const HbmChannel& channel, bool write, Picoseconds time,
                                   int64_t beat, Picoseconds answer) {
    broken_.reset();
    const HbmCommands& commands = channel.last_commands();
    if (channel.statistics().refreshes != n_refreshes_) CheckRefresh(channel);
    Require(commands.bank_pair == beat / 32 % 8 && commands.row == beat / 256, "address");
    for (size_t b = 0; b < 2; ++b) CheckBank(commands, b, write, time + t_.request_latency);
    CheckColumnAndBus(commands, write, time + t_.request_latency);
    Require(answer == commands.data_end + t_.response_latency, "answer");
    const Picoseconds fastest =
        t_.request_latency + (write ? t_.t_cwl : t_.t_cl) + t_.t_beat + t_.response_latency;
    Require(answer >= time + fastest, "latency");
    return broken_;
  }

 private:
  struct Bank {
    int64_t row = -1;
    Picoseconds activated = kNever;
    Picoseconds read = kNever;     // last column command
    Picoseconds written = kNever;  // end of the last data
  };
  static constexpr Picoseconds kNever = -kMicrosecond;

  void Require(bool condition, std::string_view rule) {
    if (!condition && !broken_) broken_ = rule;
  }

  void RequirePrecharge(const Bank& bank, Picoseconds at) {
    Require(at >= bank.activated + t_.t_ras, "tRAS");
    Require(at >= bank.read + t_.t_rtp, "tRTP");
    Require(at >= bank.written + t_.t_wr, "tWR");
  }

  void CheckRefresh(const HbmChannel& channel) {
    const int64_t more = channel.statistics().refreshes - n_refreshes_;
    const HbmRefresh& refresh = channel.last_refresh();
    n_refreshes_ += more;
    Require(refresh.begin >= n_refreshes_ * t_.t_refi + t_.refresh_offset, "refresh early");
    Require(refresh.begin > column_, "refresh before the last column");
    Picoseconds precharge = 0;
    for (Bank& bank : banks_) {
      if (bank.row >= 0 && more == 1) {
        precharge = t_.t_rp;
        RequirePrecharge(bank, refresh.begin);
      }
      bank.row = -1;
    }
    Require(refresh.end == refresh.begin + precharge + t_.t_rfc, "tRFC");
    refresh_end_ = refresh.end;
  }

  void CheckBank(const HbmCommands& commands, size_t b, bool write, Picoseconds arrival) {
    Bank& bank = banks_[static_cast<size_t>(commands.bank_pair) * 2 + b];
    const Picoseconds half = t_.t_beat / 2;
    const Picoseconds column = commands.column + (b == 0 ? 0 : half);
    if (commands.row_state == HbmRowState::kHit) {
      Require(bank.row == commands.row, "hit");
    } else {
      const Picoseconds activate = commands.activate[b];
      if (commands.row_state == HbmRowState::kMiss) {
        Require(bank.row >= 0 && bank.row != commands.row, "miss");
        Require(commands.precharge[b] >= arrival, "precharge before the request");
        RequirePrecharge(bank, commands.precharge[b]);
        Require(activate >= commands.precharge[b] + t_.t_rp, "tRP");
      } else {
        Require(bank.row == -1, "closed");
      }
      Require(activate >= arrival, "activate before the request");
      Require(activate >= refresh_end_, "activate in a refresh");
      Require(activate >= bank.activated + t_.t_rc, "tRC");
      Require(activates_.empty() || activate >= activates_.back() + t_.t_rrd, "tRRD");
      Require(activates_.size() < 4 || activate >= activates_[activates_.size() - 4] + t_.t_faw,
              "tFAW");
      activates_.push_back(activate);
      bank = {commands.row, activate, kNever, kNever};
    }
    Require(column >= bank.activated + (write ? t_.t_rcd_write : t_.t_rcd_read), "tRCD");
    if (write) {
      bank.written = commands.data_begin + (b == 0 ? half : t_.t_beat);
    } else {
      bank.read = column;
    }
  }

  void CheckColumnAndBus(const HbmCommands& commands, bool write, Picoseconds arrival) {
    Require(commands.column >= arrival, "column before the request");
    Require(commands.column >= refresh_end_, "column in a refresh");
    if (t_.t_refi > 0) {
      Require(commands.column < (n_refreshes_ + 1) * t_.t_refi + t_.refresh_offset, "refresh late");
    }
    Require(commands.data_begin == commands.column + (write ? t_.t_cwl : t_.t_cl), "data");
    Require(commands.data_end == commands.data_begin + t_.t_beat, "length of data");
    Require(commands.data_begin >= data_end_, "two beats on the bus");
    if (write && !wrote_) Require(commands.data_begin >= data_end_ + t_.t_bus_turn, "bus turn");
    if (!write && wrote_) Require(commands.column >= data_end_ + t_.t_wtr, "tWTR");
    column_ = commands.column;
    data_end_ = commands.data_end;
    wrote_ = write;
  }

  HbmTiming t_;
  std::optional<std::string> broken_;
  std::array<Bank, 16> banks_;
  std::vector<Picoseconds> activates_;
  Picoseconds refresh_end_ = kNever;
  Picoseconds column_ = kNever;
  Picoseconds data_end_ = kNever;
  int64_t n_refreshes_ = 0;
  bool wrote_ = false;
};

TEST(KernelClock, CyclesBeginWhereTimeOfSays) {
  for (const int64_t kilohertz : {225'000, 300'000, 450'000, 123'457}) {
    const KernelClock clock{kilohertz};
    for (const int64_t cycle : {int64_t{0}, int64_t{1}, int64_t{2}, int64_t{9}, kilohertz,
                                kilohertz + 1, int64_t{1'000'000'000'007}}) {
      EXPECT_EQ(clock.CycleOf(clock.TimeOf(cycle)), cycle) << kilohertz;
      EXPECT_EQ(clock.CycleOf(clock.TimeOf(cycle) + 1), cycle + 1) << kilohertz;
    }
  }
  EXPECT_EQ(KernelClock().CycleOf(4444), 1);
  EXPECT_EQ(KernelClock().CycleOf(4445), 2);
  EXPECT_EQ(KernelClock().CycleOf(1'000'000'000'000), 225'000'000);
  EXPECT_EQ(KernelClock().TimeOf(225'000'000), 1'000'000'000'000);
}

TEST(KernelClock, BeatsOfAChannelNeverShareACycle) {
  const KernelClock clock;
  const HbmTiming timing;
  for (Picoseconds time = 0; time < 100'000; ++time) {
    ASSERT_LT(clock.CycleOf(time), clock.CycleOf(time + timing.t_beat)) << time;
  }
}

TEST(HbmChannel, SequentialReadsReachThePublishedRate) {
  HbmChannel channel;
  const double rate = Throughput(channel, 200'000, 64, SequentialReads());
  EXPECT_GT(rate, 13.2);
  EXPECT_LT(rate, 13.4);
  EXPECT_NEAR(rate / kPeak, 0.92, 0.01);
  EXPECT_NEAR(rate * 32, 425, 4);  // all channels; published by Shuhai
  // Each page pair is opened once, and again after a refresh.
  const HbmStatistics& statistics = channel.statistics();
  EXPECT_GE(statistics.activates, 2 * (200'000 / 32));
  EXPECT_LE(statistics.activates, 2 * (200'000 / 32 + statistics.refreshes));
  EXPECT_EQ(channel.last_commands().row, 199'999 / kBeatsPerRow);
}

TEST(HbmChannel, FewOutstandingRequestsAreBoundByTheLatency) {
  const double rate = Throughput(50'000, 8, SequentialReads());
  EXPECT_LT(rate, 8 * 64 / 106.7);
  EXPECT_GT(rate, 0.85 * 8 * 64 / 111.2);  // cycles rounded up; refreshes, new pages
}

TEST(HbmChannel, RandomBeatsDeliverLessThanHalf) {
  HbmChannel channel;
  const double rate = Throughput(channel, 50'000, 64, RandomReads(1));
  EXPECT_LT(rate, 0.5 * kPeak);
  EXPECT_NEAR(rate, 3.3, 0.15);
  EXPECT_LT(channel.statistics().row_hits, 50);
}

TEST(HbmChannel, ActivatesBoundTheBestScatteredBeats) {
  // Another pair each time, so that no bank is busy: two activates a beat, t_rrd apart.
  const auto spread = [](int64_t i) { return Request{false, i * (kBeatsPerRow + 32)}; };
  EXPECT_NEAR(Throughput(50'000, 64, spread, WithoutRefresh()), 64 / 8.89, 0.05);
  EXPECT_LT(Throughput(50'000, 64, spread), 0.5 * kPeak * 0.94);
  // Always the same pair: t_rc.
  const auto same = [](int64_t i) { return Request{false, i * kBeatsPerRow}; };
  EXPECT_NEAR(Throughput(5'000, 64, same, WithoutRefresh()), 64 / 47.8, 0.01);
}

TEST(HbmChannel, LongerBurstsDeliverMore) {
  const double sequential = Throughput(100'000, 64, SequentialReads());
  double last = 0;
  // At 1 beat ... 16 beats = 1 KiB; see the header for what AMD measured.
  const std::vector<std::pair<int64_t, double>> expected = {
      {1, 3.3}, {2, 6.6}, {4, 10.2}, {8, 12.0}, {16, 12.6}};
  for (const auto& [beats, gigabytes] : expected) {
    const double rate = Throughput(64'000, 64, RandomReads(beats));
    EXPECT_NEAR(rate, gigabytes, 0.15) << beats;
    EXPECT_GT(rate, 1.04 * last) << beats;
    EXPECT_LT(rate, sequential) << beats;
    last = rate;
  }
}

TEST(HbmChannel, IdleLatenciesAreThePublishedOnes) {
  HbmChannel channel;
  const auto latency = [&](Picoseconds time, int64_t beat) {
    return static_cast<double>(channel.Read(time, beat) - time) / 1e3;
  };
  const double closed = latency(kMicrosecond, 0);
  EXPECT_EQ(channel.last_commands().row_state, HbmRowState::kClosed);
  const double hit = latency(2 * kMicrosecond, 1);
  EXPECT_EQ(channel.last_commands().row_state, HbmRowState::kHit);
  const double miss = latency(3 * kMicrosecond, kBeatsPerRow);
  EXPECT_EQ(channel.last_commands().row_state, HbmRowState::kMiss);
  EXPECT_NEAR(hit, 106.7, 0.05);  // by construction
  EXPECT_NEAR(closed, 122.2, 0.02 * 122.2);
  EXPECT_NEAR(miss, 137.8, 0.02 * 137.8);
  // The kernel sees an idle page hit 24 cycles of its own after the request.
  const KernelClock clock;
  const int64_t cycle = clock.CycleOf(3'500'000);
  EXPECT_NEAR(clock.CycleOf(channel.Read(clock.TimeOf(cycle), kBeatsPerRow + 1)) - cycle, 24, 1);
}

TEST(HbmChannel, RefreshCostsItsShare) {
  const HbmTiming timing;
  EXPECT_NEAR(static_cast<double>(timing.t_rfc), 260e3, 10);
  EXPECT_NEAR(static_cast<double>(timing.t_refi), 3900e3, 10);
  const double share = static_cast<double>(timing.t_rfc) / static_cast<double>(timing.t_refi);

  const double off = Throughput(200'000, 64, SequentialReads(), WithoutRefresh());
  EXPECT_GE(off / kPeak, 0.98);
  EXPECT_LE(off / kPeak, 1.0);

  HbmChannel channel;
  const double on = Throughput(channel, 200'000, 64, SequentialReads());
  const HbmStatistics& statistics = channel.statistics();
  const auto elapsed = static_cast<double>(channel.last_commands().data_end);
  EXPECT_NEAR(static_cast<double>(statistics.refreshes), elapsed / 3.9e6, 1);
  EXPECT_NEAR(static_cast<double>(statistics.stalled_by_refresh) / elapsed, share, 0.005);
  // What is lost beyond that is the time to open a row again.
  const Picoseconds reopen = timing.t_rcd_read + timing.t_rrd - timing.t_beat / 2;
  EXPECT_NEAR(static_cast<double>(statistics.stalled_by_rows),
              static_cast<double>(statistics.refreshes * reopen), 0.01 * elapsed * share);
  EXPECT_NEAR(1 - on / off, share, 0.01);
  EXPECT_GT(1 - on / off, share);
}

TEST(HbmChannel, RefreshesPassWhileIdle) {
  HbmChannel channel;
  channel.Read(0, 0);
  // An hour later the same row: closed, and as fast as after any refresh.
  const Picoseconds hour = 3'600'000'000 * kMicrosecond;
  const HbmTiming timing;
  const Picoseconds time = hour / timing.t_refi * timing.t_refi + timing.t_refi / 2;
  const Picoseconds answer = channel.Read(time, 1);
  EXPECT_EQ(channel.last_commands().row_state, HbmRowState::kClosed);
  EXPECT_NEAR(static_cast<double>(answer - time), 122.2e3, 2.5e3);
  EXPECT_EQ(channel.statistics().refreshes, time / timing.t_refi);
  EXPECT_EQ(channel.statistics().stalled_by_refresh, 0);
}

TEST(HbmChannel, ARequestWaitsForTheRefreshThatIsDueBeforeIt) {
  HbmTiming timing;
  timing.refresh_offset = -3 * kMicrosecond;  // the first at 900 ns
  HbmChannel channel(timing);
  const Picoseconds due = timing.t_refi + timing.refresh_offset;
  // Its activate would fit before the refresh, but not its read.
  const Picoseconds arrival = due - timing.t_rcd_read;
  channel.Read(arrival - timing.request_latency, 0);
  EXPECT_EQ(channel.last_refresh().begin, due);
  EXPECT_EQ(channel.last_commands().activate[0], due + timing.t_rfc);
  EXPECT_GT(channel.statistics().stalled_by_refresh, timing.t_rfc);
  // The next is an interval later.
  channel.Read(due + timing.t_refi, 1);
  EXPECT_EQ(channel.last_refresh().begin, due + timing.t_refi);
  EXPECT_EQ(channel.statistics().refreshes, 2);
}

TEST(HbmChannel, LongRunsAmortiseTheTurnaround) {
  const auto rate = [](int64_t run) {
    return Throughput(100'000, 64, [run](int64_t i) { return Request{i / run % 2 != 0, i}; });
  };
  // A change to writes costs t_cl - t_cwl + t_bus_turn = 12 clocks, to reads t_cwl + t_wtr = 15;
  // a beat takes 4.
  const double refreshed = Throughput(100'000, 64, SequentialReads()) / kPeak;
  for (const int64_t run : {1, 2, 4, 16, 64, 256}) {
    const double share = 8.0 * static_cast<double>(run) / (8.0 * static_cast<double>(run) + 27);
    EXPECT_NEAR(rate(run) / kPeak, share * refreshed, 0.02) << run;
  }
  EXPECT_LT(rate(1), 0.25 * kPeak);
  EXPECT_GT(rate(256), 0.97 * refreshed * kPeak);
  EXPECT_NEAR(Throughput(100'000, 64,
                         [](int64_t i) {
                           return Request{true, i};
                         }),
              refreshed * kPeak, 0.02 * kPeak);
}

TEST(HbmChannel, StallsAndDataFillTheBus) {
  // Always more requests than the bus can serve: so column commands are a beat and its stalls
  // apart.
  HbmChannel channel;
  uint64_t state = 1;
  channel.Read(0, 0);
  const HbmStatistics before = channel.statistics();
  const Picoseconds first = channel.last_commands().column;
  for (int i = 0; i < 20'000; ++i) {
    const auto beat = static_cast<int64_t>(SplitMix64(state) % 5'000);
    SplitMix64(state) % 4 == 0 ? channel.Write(0, beat) : channel.Read(0, beat);
  }
  const HbmStatistics& after = channel.statistics();
  EXPECT_EQ(channel.last_commands().column - first,
            after.bus_busy - before.bus_busy + after.stalled_by_turnaround +
                after.stalled_by_refresh + after.stalled_by_rows - before.stalled_by_rows);
  EXPECT_GT(after.stalled_by_turnaround, 0);
  EXPECT_GT(after.stalled_by_refresh, 0);
  EXPECT_GT(after.stalled_by_rows, 0);
  EXPECT_EQ(after.beats_read + after.beats_written, 20'001);
  EXPECT_EQ(after.row_hits + after.row_closed + after.row_misses, 20'001);
  EXPECT_EQ(after.activates, 2 * (after.row_closed + after.row_misses));
}

TEST(HbmChannel, AnEarlierTimeCountsAsThatOfTheCallBefore) {
  HbmChannel one;
  HbmChannel other;
  for (HbmChannel* channel : {&one, &other}) {
    channel->Read(100'000, 7);
    channel->Read(500'000, 8);
  }
  // A row that could have been opened long before.
  EXPECT_EQ(one.Read(0, 32), other.Read(500'000, 32));
  EXPECT_EQ(one.Write(499'999, 64), other.Write(500'000, 64));
}

// Random streams: sequential runs and jumps, near and far, with and without pauses.
RC_GTEST_PROP(HbmChannel, KeepsEveryRuleOfTheMemory, ()) {
  HbmTiming timing;
  timing.refresh_offset = *rc::gen::inRange<Picoseconds>(-3'000'000, 1'000'000);
  if (*rc::gen::inRange(0, 5) == 0) timing.t_refi = 0;
  if (*rc::gen::arbitrary<bool>()) {
    // Another memory, where other constraints bind.
    for (const auto& rule : kRules) {
      timing.*rule.field = timing.*rule.field * *rc::gen::inRange<Picoseconds>(25, 200) / 100;
    }
  }
  const auto span = int64_t{1} << *rc::gen::inRange(1, 23);
  const auto jumps = *rc::gen::inRange<uint64_t>(1, 100);      // percent of the beats
  const auto turns = *rc::gen::inRange<uint64_t>(0, 100);      // percent of the beats
  const auto pauses = *rc::gen::inRange<uint64_t>(0, 100);     // percent of the beats
  const auto pause = uint64_t{1} << *rc::gen::inRange(4, 25);  // the longest: up to 33 us
  auto state = *rc::gen::arbitrary<uint64_t>();
  const auto percent = [&] { return SplitMix64(state) % 100; };

  HbmChannel channel(timing);
  HbmChannel twin(timing);
  ProtocolChecker checker(timing);
  Picoseconds time = 0;
  Picoseconds last_answer = 0;
  int64_t beat = 0;
  bool write = false;
  for (int i = 0; i < 2'000; ++i) {
    beat = percent() < jumps ? static_cast<int64_t>(SplitMix64(state)) & (span - 1) : beat + 1;
    if (percent() < turns) write = !write;
    if (percent() < pauses) time += static_cast<Picoseconds>(SplitMix64(state) % pause);
    const Picoseconds answer = write ? channel.Write(time, beat) : channel.Read(time, beat);
    const auto broken = checker.Check(channel, write, time, beat, answer);
    if (broken) RC_FAIL(fmt::format("beat {}: {}", i, *broken));
    RC_ASSERT(answer >= last_answer + timing.t_beat || i == 0);
    RC_ASSERT(answer == (write ? twin.Write(time, beat) : twin.Read(time, beat)));
    last_answer = answer;
  }
}

// The checker itself: a channel with one constraint shortened breaks just that rule.
TEST(HbmChannel, TheCheckerSeesEveryShortenedConstraint) {
  for (const auto& [field, name] : kRules) {
    HbmTiming strict;
    strict.*field += 30'000;                // so that no other constraint hides it
    if (name != "tRFC") strict.t_refi = 0;  // the length of a refresh has t_rp in it too
    HbmTiming loose = strict;
    loose.*field -= 2'000;
    HbmChannel channel(loose);
    ProtocolChecker checker(strict);
    uint64_t state = 5;
    std::vector<std::string> found;
    for (int i = 0; i < 5'000; ++i) {
      const auto beat = static_cast<int64_t>(SplitMix64(state) % 2'000);
      const bool write = SplitMix64(state) % 3 == 0;
      const Picoseconds answer = write ? channel.Write(0, beat) : channel.Read(0, beat);
      const auto broken = checker.Check(channel, write, 0, beat, answer);
      if (broken) found.push_back(*broken);
    }
    EXPECT_NE(std::find(found.begin(), found.end(), name), found.end()) << name;
    EXPECT_EQ(std::count(found.begin(), found.end(), name), std::ssize(found)) << name;
  }
}

}  // namespace
}  // namespace accllm::accel
