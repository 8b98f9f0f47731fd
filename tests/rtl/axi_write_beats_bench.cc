#include <algorithm>
#include <cstdint>
#include <optional>
#include <random>
#include <vector>

#include "Vaxi_write_beats.h"
#include "accel/rtl/axi_memory.h"
#include "tests/rtl/bench.h"
#include "tests/rtl/stream.h"
#include "tests/rtl/wide.h"

namespace accllm::rtl {
namespace {

constexpr size_t kMemoryBytes = 1 << 14;  // small, so that beats are written again and again
constexpr uint64_t kBase = uint64_t{5} << 33;

struct Write {
  uint64_t address = 0;
  AxiBeat data = {};
  uint64_t strobe = 0;
};

class AxiWriteBeats : public testing::Test {
 protected:
  void Start(int latency, bool stalls) {
    AxiMemoryOptions options;
    options.base = kBase;
    options.bytes = kMemoryBytes;
    options.latency = latency;
    options.jitter = stalls ? 30 : 0;
    options.stalls = stalls;
    options.max_beats = 1;
    memory_.emplace(options, [](const std::string& what) { ADD_FAILURE() << what; });
    source_.emplace(stalls ? Stall(31) : Stall::Never());
    expected_.assign(kMemoryBytes, 0);
    dut_->valid_i = 0;
    dut_->b_valid_i = 0;
    dut_->error_clear_i = 0;
    dut_.Reset();
  }

  void Push(const Write& write) {
    source_->Push(write);
    for (int i = 0; i < kAxiBeatBytes; ++i) {
      if (write.strobe >> i & 1) {
        expected_[write.address - kBase + i] = write.data[i / 4] >> 8 * (i % 4);
      }
    }
  }

  void Cycle() {
    const AxiMemorySignals& out = memory_->Drive();
    dut_->valid_i = source_->Valid();
    const Write offered = source_->Data();
    dut_->address_i = offered.address;
    Assign(dut_->data_i, offered.data);
    dut_->strobe_i = offered.strobe;
    dut_->aw_ready_i = out.aw_ready;
    dut_->w_ready_i = out.w_ready;
    dut_->b_valid_i = out.b_valid;
    dut_->b_response_i = static_cast<uint8_t>(out.b_response);
    dut_.Settle();
    AxiMasterSignals master;
    master.aw_valid = dut_->aw_valid_o;
    master.aw_address = dut_->aw_address_o;
    master.w_valid = dut_->w_valid_o;
    master.w_data = Words(dut_->w_data_o);
    master.w_strobe = dut_->w_strobe_o;
    master.w_last = true;
    master.b_ready = dut_->b_ready_o;
    memory_->Sample(master);
    source_->Sample(dut_->ready_o);
    dut_.Edge();
  }

  void RunUntilIdle(int64_t most_cycles) {
    const int64_t end = dut_.cycles() + most_cycles;
    do {
      Cycle();
      dut_.Settle();
    } while (!(source_->empty() && dut_->idle_o) && dut_.cycles() < end);
    ASSERT_TRUE(source_->empty() && dut_->idle_o);
  }

  Bench<Vaxi_write_beats> dut_;
  std::optional<AxiMemory> memory_;
  std::optional<Source<Write>> source_;
  std::vector<uint8_t> expected_;
};

Write RandomWrite(std::mt19937& random) {
  const uint64_t strobe = uint64_t{random()} << 32 | random();
  return {kBase + random() % (kMemoryBytes / kAxiBeatBytes) * kAxiBeatBytes,
          RandomWords<kAxiBeatBytes / 4>(random), random() % 2 ? strobe : ~uint64_t{0}};
}

TEST_F(AxiWriteBeats, WritesBytesUnderRandomStalls) {
  Start(20, true);
  std::mt19937 random(2);
  for (int i = 0; i < 5000; ++i) Push(RandomWrite(random));
  RunUntilIdle(200'000);
  EXPECT_EQ(memory_->bytes(), expected_);
  EXPECT_FALSE(dut_->error_o);
}

TEST_F(AxiWriteBeats, IsNotIdleBeforeAllIsAcknowledged) {
  Start(50, false);
  std::mt19937 random(2);
  Push(RandomWrite(random));
  Cycle();
  for (int i = 0; i < 50; ++i) {
    dut_.Settle();
    EXPECT_FALSE(dut_->idle_o) << i;
    Cycle();
  }
  RunUntilIdle(10);
  EXPECT_EQ(memory_->bytes(), expected_);
}

TEST_F(AxiWriteBeats, TakesABeatACycle) {
  Start(20, false);
  std::mt19937 random(2);
  for (int i = 0; i < 1000; ++i) Push(RandomWrite(random));
  RunUntilIdle(2'000);
  EXPECT_LE(dut_.cycles(), 1'000 + 3 + 20 + 5);
}

TEST_F(AxiWriteBeats, TellsOfAnErrorUntilItIsCleared) {
  Start(20, true);
  memory_->FailWrites(kBase + 64);
  Push({kBase + 64, AxiBeat{1}, ~uint64_t{0}});
  Push({kBase + 128, AxiBeat{2}, ~uint64_t{0}});
  RunUntilIdle(5'000);
  EXPECT_TRUE(dut_->error_o);
  EXPECT_EQ(memory_->ReadBeat(kBase + 128), AxiBeat{2});
  dut_->error_clear_i = 1;
  Cycle();
  dut_->error_clear_i = 0;
  Cycle();
  EXPECT_FALSE(dut_->error_o);
}

}  // namespace
}  // namespace accllm::rtl
