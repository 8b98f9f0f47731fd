// One HBM2 pseudo-channel of an Alveo U280 and its controller: when a beat of 64 bytes is there.
//
// Modelled: an in-order queue, so columns and activates go in the order of the requests; 16 banks
// of 1 KiB pages that stay open until another row is wanted (open page) or a refresh closes all;
// the bank, activate, data-bus and turnaround constraints of HbmTiming; precharge and activate as
// soon as a request is at the controller, while older beats still use the bus (LOOKAHEAD_PCH and
// LOOKAHEAD_ACT of AMD's controller). How far that looks ahead is up to the caller, who limits the
// outstanding requests.
//
// Addresses: the map of AMD's controller with interleaved bank groups (USER_MC0_ADDR_BIT; RGBCG in
// Shuhai), from bit 5 of the byte address up: 1 bit of bank group, 5 of column, 2 of bank, 1 of
// bank group, 14 of row. So a beat is two bursts of 32 bytes, one in each of two bank groups, where
// the same row is open; 2 KiB fill this pair of pages, then the next of the 8 pairs follows. A
// sequential stream never waits for the long column-to-column delay within a bank group, and has
// 142 ns to open the next pair. A random beat costs two activates: t_rrd alone limits random beats
// to half of the peak, which is what AMD lets users enter below 75 % page hits (UG1556).
//
// Not modelled: reordering of requests; single-bank and postponed refreshes, and the higher rate
// when hot; ECC; the AXI switch, so a channel is reached from its own port only; slots of the
// command buses; power-down. The port is as fast as the channel: a kernel clock below 225 MHz is
// the caller's limit.
//
// Sequential reads: 13.31 GB/s with at least 32 beats outstanding; Shuhai's 425 GB/s are 13.28 a
// channel. Random reads of 64, 128, 256, 512 and 1024 bytes: 3.3, 6.6, 10.2, 12.0 and 12.6 GB/s.
// AMD measured 4.8, 9.6, 12.6, 13.1 and 13.2 (Vitis Tutorials XD099, "Random Accesses", one port on
// its channel): the model is pessimistic for short random bursts, whose bank conflicts a controller
// that reorders can hide.
#pragma once

#include <array>
#include <cstdint>

#include "accel/timing/hbm_timing.h"

namespace accllm::accel {

inline constexpr int64_t kHbmBeatBytes = 64;
inline constexpr int64_t kHbmBeatsPerPagePair = 32;
inline constexpr int64_t kHbmBankPairs = 8;

struct HbmStatistics {
  int64_t beats_read = 0;
  int64_t beats_written = 0;
  int64_t row_hits = 0;    // beats that found their row open,
  int64_t row_closed = 0;  // no row open,
  int64_t row_misses = 0;  // or another one
  int64_t activates = 0;   // of single banks
  int64_t refreshes = 0;   // up to the last beat

  Picoseconds bus_busy = 0;  // data on the bus
  // While a beat waited at the controller and the data bus was not taken by an older one.
  Picoseconds stalled_by_turnaround = 0;
  Picoseconds stalled_by_refresh = 0;  // until banks can be activated again
  Picoseconds stalled_by_rows = 0;     // precharge and activate, also those after a refresh
};

enum class HbmRowState { kHit, kClosed, kMiss };

// What the controller did for a beat. Index 0 is the bank of the first burst.
struct HbmCommands {
  int64_t bank_pair = 0;
  int64_t row = 0;
  HbmRowState row_state = HbmRowState::kHit;
  std::array<Picoseconds, 2> precharge = {};  // for kMiss
  std::array<Picoseconds, 2> activate = {};   // for kClosed and kMiss
  Picoseconds column = 0;                     // of the first burst; the second is half a beat later
  Picoseconds data_begin = 0;                 // on the bus
  Picoseconds data_end = 0;
};

// From the precharge of all banks until they can be activated.
struct HbmRefresh {
  Picoseconds begin = 0;
  Picoseconds end = 0;
};

class HbmChannel {
 public:
  explicit HbmChannel(const HbmTiming& timing = {});

  // One beat, which is at the port at `time` (a write with its data), 0 or later. Beats are served
  // in the order of the calls; one whose time is before that of the previous call counts as
  // simultaneous with it. `beat` is the byte address within the channel / 64.
  // Read: when the data are at the port. Write: when the response is. Answers are at least t_beat
  // apart and in the order of the calls.
  Picoseconds Read(Picoseconds time, int64_t beat);
  Picoseconds Write(Picoseconds time, int64_t beat);

  const HbmStatistics& statistics() const { return statistics_; }
  // For traces and checks: of the last beat, and the last refresh before it (0, 0 if none).
  const HbmCommands& last_commands() const { return last_; }
  const HbmRefresh& last_refresh() const { return refresh_; }

 private:
  enum class Direction { kRead, kWrite };

  struct BankPair {
    int64_t row;
    std::array<Picoseconds, 2> activated;
    std::array<Picoseconds, 2> precharge_from;  // the earliest time
  };
  struct Plan {
    HbmCommands commands;
    std::array<Picoseconds, 4> activates;  // the last four of the channel, the latest first
  };

  Picoseconds Serve(Direction direction, Picoseconds time, int64_t beat);
  Plan MakePlan(Direction direction, int64_t beat, Picoseconds arrival, Picoseconds bus_free) const;
  void OpenRow(const BankPair& pair, Picoseconds arrival, Plan& plan) const;
  Picoseconds AfterTurnaround(Direction direction) const;
  void Commit(Direction direction, const Plan& plan);
  void Refresh();
  void RefreshUntil(Picoseconds time);

  HbmTiming timing_;
  HbmStatistics statistics_;
  std::array<BankPair, kHbmBankPairs> pairs_;
  std::array<Picoseconds, 4> activates_;  // as in Plan
  HbmCommands last_;
  HbmRefresh refresh_;
  Picoseconds next_refresh_;
  Picoseconds last_time_ = 0;
  Picoseconds last_column_;
  Direction last_direction_ = Direction::kRead;
};

}  // namespace accllm::accel
