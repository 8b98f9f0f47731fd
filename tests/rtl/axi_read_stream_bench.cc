#include <bit>
#include <cstdint>
#include <deque>
#include <random>
#include <utility>
#include <vector>

#include "Vaxi_read_stream.h"
#include "accel/rtl/axi_memory.h"
#include "tests/rtl/bench.h"
#include "tests/rtl/stream.h"
#include "tests/rtl/wide.h"

namespace accllm::rtl {
namespace {

constexpr size_t kMemoryBytes = 1 << 20;
constexpr uint64_t kBase = uint64_t{3} << 32;
constexpr int64_t kRoom = ACCLLM_ROOM;
constexpr bool kIsSmall = kRoom < 64;
constexpr int64_t kCounts = 2 * std::bit_ceil(uint64_t{kRoom});

struct Command {
  uint64_t address = 0;
  uint32_t beats = 0;
};

struct StreamBeat {
  AxiBeat data = {};
  bool last = false;
  bool operator==(const StreamBeat&) const = default;
};

AxiMemoryOptions Memory(int latency, int jitter, bool stalls) {
  AxiMemoryOptions options;
  options.base = kBase;
  options.bytes = kMemoryBytes;
  options.latency = latency;
  options.jitter = jitter;
  options.stalls = stalls;
  return options;
}

class AxiReadStream : public testing::Test {
 protected:
  void Start(const AxiMemoryOptions& options, bool stalls) {
    memory_.emplace(options, [](const std::string& what) { ADD_FAILURE() << what; });
    std::mt19937 random(options.seed);
    for (uint8_t& byte : memory_->bytes()) byte = random();
    commands_.emplace(stalls ? Stall(21) : Stall::Never());
    stall_.emplace(stalls ? Stall(22) : Stall::Never());
    dut_->command_valid_i = 0;
    dut_->r_valid_i = 0;
    dut_->error_clear_i = dut_->clear_i = dut_->takes_all_i = 0;
    Reset();
  }

  void Reset() {
    dut_->freed_i = 0;
    n_freed_ = n_held_ = 0;
    dut_.Reset(2);
  }

  void Push(const Command& command) {
    commands_->Push(command);
    for (uint32_t i = 0; i < command.beats; ++i) {
      expected_.push_back({command.address + uint64_t{i} * kAxiBeatBytes, i + 1 == command.beats});
    }
  }

  void Cycle() {
    const AxiMemorySignals& out = memory_->Drive();
    dut_->command_valid_i = commands_->Valid();
    // A command may count from anywhere.
    const uint64_t from = commands_->Data().address / 3 / kAxiBeatBytes * kAxiBeatBytes;
    dut_->base_i = from;
    dut_->command_address_i = commands_->Data().address - from;
    dut_->command_beats_i = commands_->Data().beats;
    FreeSome();
    dut_->ar_ready_i = out.ar_ready;
    dut_->r_valid_i = out.r_valid;
    Assign(dut_->r_data_i, out.r_data);
    dut_->r_response_i = static_cast<uint8_t>(out.r_response);
    dut_->r_last_i = out.r_last;
    dut_.Settle();
    EXPECT_TRUE(dut_->r_ready_o);
    AxiMasterSignals master;
    master.ar_valid = dut_->ar_valid_o;
    master.ar_address = dut_->ar_address_o;
    master.ar_length = dut_->ar_length_o;
    master.r_ready = dut_->r_ready_o;
    memory_->Sample(master);
    commands_->Sample(dut_->command_ready_o);
    if (dut_->valid_o) Take({Words(dut_->data_o), bool(dut_->last_o)});
    dut_.Edge();
  }

  // Beats leave when whoever holds them likes, none or several in a cycle.
  void FreeSome() {
    if (n_held_ == 0 || holds_ || (*stall_)()) return;
    const int64_t n = frees_all_ ? n_held_ : 1;
    n_held_ -= n;
    n_freed_ += n;
    dut_->freed_i = static_cast<uint16_t>(n_freed_ % kCounts);
  }

  void Take(const StreamBeat& beat) {
    got_.push_back(beat);
    if (dut_->takes_all_i) return;
    EXPECT_LE(++n_held_, kRoom);
  }

  void RunUntilAllCame(int64_t most_cycles) {
    const int64_t end = dut_.cycles() + most_cycles;
    while (got_.size() < expected_.size() && dut_.cycles() < end) Cycle();
    ASSERT_EQ(got_.size(), expected_.size());
  }

  void CheckBeats() {
    for (size_t i = 0; i < expected_.size(); ++i) {
      const StreamBeat beat = {memory_->ReadBeat(expected_[i].first), expected_[i].second};
      ASSERT_EQ(got_[i], beat) << "beat " << i;
    }
  }

  Bench<Vaxi_read_stream> dut_;
  std::optional<AxiMemory> memory_;
  std::optional<Source<Command>> commands_;
  std::optional<Stall> stall_;
  bool frees_all_ = false;  // at once
  bool holds_ = false;      // all beats
  std::vector<StreamBeat> got_;
  int64_t n_held_ = 0, n_freed_ = 0;
  std::vector<std::pair<uint64_t, bool>> expected_;  // address, last
};

// From one beat to several bursts, from any beat of a page.
Command RandomCommand(std::mt19937& random) {
  const uint32_t most = random() % 2 ? 4 : 300;
  const uint32_t beats = random() % (most + 1);
  const uint64_t first = random() % (kMemoryBytes / kAxiBeatBytes - beats);
  return {kBase + first * kAxiBeatBytes, beats};
}

TEST_F(AxiReadStream, GivesTheBeatsOfRandomCommandsUnderRandomStalls) {
  Start(Memory(30, 50, true), true);
  std::mt19937 random(4);
  for (int i = 0; i < 400; ++i) Push(RandomCommand(random));
  RunUntilAllCame(1'000'000);
  CheckBeats();
  for (int i = 0; i < 20; ++i) Cycle();
  EXPECT_TRUE(dut_->idle_o);
  EXPECT_FALSE(dut_->error_o);
}

TEST_F(AxiReadStream, RoomMayComeAllAtOnce) {
  Start(Memory(30, 50, true), true);
  frees_all_ = true;
  std::mt19937 random(4);
  for (int i = 0; i < 100; ++i) Push(RandomCommand(random));
  RunUntilAllCame(1'000'000);
  CheckBeats();
}

TEST_F(AxiReadStream, NothingComesWithoutRoomUnlessAllIsTaken) {
  Start(Memory(10, 0, false), false);
  holds_ = true;
  Push({kBase, static_cast<uint32_t>(kRoom) + 100});
  for (int i = 0; i < 2000; ++i) Cycle();
  EXPECT_LE(static_cast<int64_t>(got_.size()), kRoom);
  EXPECT_GT(static_cast<int64_t>(got_.size()), kRoom - 64);
  EXPECT_FALSE(dut_->idle_o);
  dut_->takes_all_i = 1;
  RunUntilAllCame(2'000);
  CheckBeats();
  // What was taken then counts for nothing, and all else can be forgotten.
  EXPECT_TRUE(dut_->idle_o);
  dut_->takes_all_i = 0;
  dut_->clear_i = 1;
  dut_->freed_i = 0;
  n_freed_ = n_held_ = 0;
  Cycle();
  dut_->clear_i = 0;
  holds_ = false;
  Push({kBase + 64 * 100, static_cast<uint32_t>(kRoom) + 100});
  RunUntilAllCame(5'000);
  CheckBeats();
}

TEST_F(AxiReadStream, KeepsABeatACycleDespiteLatency) {
  if (kIsSmall) GTEST_SKIP() << "too few beats under way";
  Start(Memory(128, 0, false), false);
  for (int i = 0; i < 40; ++i) Push({kBase + 64 * 37 * i, 250});
  RunUntilAllCame(11'000);
  // 10,000 beats; a reset, latencies of memory and queue, and the way of the first command.
  EXPECT_LE(dut_.cycles(), 10'000 + 3 + 128 + 10);
  CheckBeats();
}

TEST_F(AxiReadStream, TakesACommandOfOneBeatACycle) {
  if (kIsSmall) GTEST_SKIP() << "too few beats under way";
  Start(Memory(20, 0, false), false);
  for (int i = 0; i < 1000; ++i) Push({kBase + 64 * (997 * i % 4096), 1});
  RunUntilAllCame(2'000);
  EXPECT_LE(dut_.cycles(), 1'000 + 3 + 20 + 10);
  CheckBeats();
}

TEST_F(AxiReadStream, GoesOnAfterAnErrorAndTellsOfIt) {
  Start(Memory(20, 20, true), true);
  memory_->FailReads(kBase + 64 * 10);
  Push({kBase, 200});
  while (got_.size() < 11 && dut_.cycles() < 10'000) Cycle();
  EXPECT_TRUE(dut_->error_o);
  RunUntilAllCame(10'000);
  EXPECT_TRUE(dut_->error_o) << "it must stay";
  EXPECT_TRUE(got_.back().last);
  memory_->HealAll();
  dut_->error_clear_i = 1;
  Cycle();
  dut_->error_clear_i = 0;
  const size_t before = got_.size();
  Push({kBase + 64 * 10, 3});
  RunUntilAllCame(10'000);
  EXPECT_FALSE(dut_->error_o);
  EXPECT_EQ(got_[before].data, memory_->ReadBeat(kBase + 64 * 10));
}

TEST_F(AxiReadStream, ReportsAddressesOutsideTheMemory) {
  Start(Memory(20, 0, false), false);
  Push({kBase + kMemoryBytes - 64, 2});
  RunUntilAllCame(1'000);
  EXPECT_TRUE(dut_->error_o);
}

TEST_F(AxiReadStream, StartsAnewAfterAResetInMidOperation) {
  Start(Memory(30, 10, true), true);
  Push({kBase, 300});
  for (int i = 0; i < 150; ++i) Cycle();
  dut_->command_valid_i = 0;
  dut_->r_valid_i = 0;
  Reset();
  memory_->Reset();
  commands_.emplace(Stall(5));
  stall_.emplace(Stall(6));
  expected_.clear();
  got_.clear();
  Push({kBase + 64 * 500, 100});
  RunUntilAllCame(10'000);
  CheckBeats();
}

}  // namespace
}  // namespace accllm::rtl
