#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "accel/rtl/stall.h"

namespace accllm::rtl {

constexpr int kAxiBeatBytes = 64;
using AxiBeat = std::array<uint32_t, kAxiBeatBytes / 4>;

// Two bits of an AXI response.
enum class AxiResponse : uint8_t { kOkay = 0, kSlaveError = 2, kDecodeError = 3 };

// What a master drives in a cycle. Sizes and burst types are those that the kernel has: 64 bytes,
// INCR.
struct AxiMasterSignals {
  bool ar_valid = false;
  uint64_t ar_address = 0;
  uint32_t ar_length = 0;  // beats less one
  bool r_ready = false;
  bool aw_valid = false;
  uint64_t aw_address = 0;
  uint32_t aw_length = 0;
  bool w_valid = false;
  AxiBeat w_data = {};
  uint64_t w_strobe = 0;
  bool w_last = false;
  bool b_ready = false;
};

// What the memory drives in a cycle.
struct AxiMemorySignals {
  bool ar_ready = false;
  bool r_valid = false;
  AxiBeat r_data = {};
  AxiResponse r_response = AxiResponse::kOkay;
  bool r_last = false;
  bool aw_ready = false;
  bool w_ready = false;
  bool b_valid = false;
  AxiResponse b_response = AxiResponse::kOkay;
};

struct AxiMemoryOptions {
  uint64_t base = 0;  // byte address of its first beat
  size_t bytes = 0;   // a multiple of a beat; other addresses answer with a decode error
  int latency =
      40;  // cycles from an address to its first beat, or from the last beat to its response
  int jitter = 0;           // at most so many cycles more, at random
  bool stalls = true;       // random back-pressure and gaps on all channels
  uint32_t max_beats = 64;  // of a burst; the protocol has 256
  size_t max_bursts = 64;   // read bursts, and write bursts, under way
  uint32_t seed = 1;
};

// One AXI4 memory channel with a 512-bit port, as a slave:
//
//     const AxiMemorySignals& out = memory.Drive();  set the model's inputs from it;  Settle();
//     memory.Sample({the model's outputs});  Edge();
//
// Answers come in order. A write takes effect when its response is given, a read sees what was
// there when its address was taken: a master that does not wait for a response reads old data.
// Breaches of the protocol go to `report`, each with the cycle: an offer that is taken back or
// changed, a burst across 4 KiB or too long, a wrong WLAST, an address within a beat.
class AxiMemory {
 public:
  using Report = std::function<void(const std::string&)>;

  AxiMemory(const AxiMemoryOptions& options, Report report);

  const AxiMemorySignals& Drive();
  void Sample(const AxiMasterSignals& master);

  // Answers to this beat are slave errors from now on; a write changes nothing.
  void FailReads(uint64_t address) { failing_reads_.insert(address / kAxiBeatBytes); }
  void FailWrites(uint64_t address) { failing_writes_.insert(address / kAxiBeatBytes); }
  void HealAll();

  // The bytes, and one beat of them; `address` must be in range.
  std::vector<uint8_t>& bytes() { return bytes_; }
  const std::vector<uint8_t>& bytes() const { return bytes_; }
  AxiBeat ReadBeat(uint64_t address) const;
  void WriteBeat(uint64_t address, const AxiBeat& beat, uint64_t strobe = ~uint64_t{0});

  // Forgets everything under way, as a reset does.
  void Reset();
  bool idle() const;
  uint64_t beats_read() const { return beats_read_; }
  uint64_t beats_written() const { return beats_written_; }

 private:
  struct ReadBeatUnderWay {
    int64_t due;
    AxiBeat data;
    AxiResponse response;
    bool last;
  };
  struct WriteBurst {
    uint64_t address;
    uint32_t beats;
  };
  struct WriteBeatUnderWay {
    AxiBeat data;
    uint64_t strobe;
    bool last;
  };
  struct WriteResponse {
    int64_t due;
    WriteBurst burst;
    std::vector<WriteBeatUnderWay> beats;
  };

  void CheckOffers(const AxiMasterSignals& master);
  void CheckBurst(const char* channel, uint64_t address, uint32_t length);
  void TakeReadAddress(const AxiMasterSignals& master);
  void MatchWrites();
  AxiResponse CarryOut(const WriteResponse& write);
  AxiResponse Probe(uint64_t address, const std::set<uint64_t>& failing) const;
  int64_t Due();
  void Breach(const std::string& what);

  AxiMemoryOptions options_;
  Report report_;
  std::vector<uint8_t> bytes_;
  std::mt19937 random_;
  std::array<Stall, 5> stalls_;  // AR, R, AW, W, B
  std::set<uint64_t> failing_reads_, failing_writes_;
  int64_t cycle_ = 0;
  uint64_t beats_read_ = 0, beats_written_ = 0;

  std::deque<ReadBeatUnderWay> reads_;
  size_t read_bursts_ = 0;
  std::deque<WriteBurst> write_addresses_;
  std::deque<WriteBeatUnderWay> write_beats_;
  std::deque<WriteResponse> responses_;

  AxiMemorySignals out_;
  std::optional<AxiMasterSignals> before_;  // the last cycle's offers that were not taken
};

}  // namespace accllm::rtl
