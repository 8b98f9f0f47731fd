#include <cstdint>
#include <optional>

#include "Vspill_register.h"
#include "tests/rtl/bench.h"
#include "tests/rtl/stream.h"

namespace accllm::rtl {
namespace {

// Sends words through and returns the cycles that they took.
int64_t CyclesOf(uint32_t words, Stall source_stall, Stall sink_stall) {
  Bench<Vspill_register> dut;
  Source<uint32_t> source(std::move(source_stall));
  Sink<uint32_t> sink(std::move(sink_stall));
  for (uint32_t i = 0; i < words; ++i) source.Push(i * 2654435761U);
  dut->valid_i = 0;
  dut->ready_i = 0;
  dut.Reset();
  const int64_t start = dut.cycles();
  while (sink.items().size() < words && dut.cycles() < 20 * words) {
    dut->valid_i = source.Valid();
    dut->data_i = source.Data();
    dut->ready_i = sink.Ready();
    dut.Settle();
    source.Sample(dut->ready_o);
    sink.Sample(dut->valid_o, dut->data_o);
    dut.Edge();
  }
  EXPECT_EQ(sink.items().size(), words);
  for (uint32_t i = 0; i < sink.items().size(); ++i) EXPECT_EQ(sink.items()[i], i * 2654435761U);
  return dut.cycles() - start;
}

TEST(SpillRegister, GivesWordsInOrderUnderRandomStalls) { CyclesOf(20000, Stall(1), Stall(2)); }

TEST(SpillRegister, TakesAWordEveryCycleWithoutStalls) {
  EXPECT_EQ(CyclesOf(1000, Stall::Never(), Stall::Never()), 1001);
}

TEST(SpillRegister, CutsAllCombinationalPaths) {
  Bench<Vspill_register> dut;
  dut->valid_i = 0;
  dut->ready_i = 0;
  dut.Reset();
  std::mt19937 random(3);
  for (int i = 0; i < 1000; ++i) {
    dut.Settle();
    const auto before = std::tuple(bool(dut->ready_o), bool(dut->valid_o), uint32_t(dut->data_o));
    dut->valid_i = random() % 2;
    dut->ready_i = random() % 2;
    dut->data_i = random();
    dut.Settle();
    ASSERT_EQ(std::tuple(bool(dut->ready_o), bool(dut->valid_o), uint32_t(dut->data_o)), before);
    dut.Edge();
  }
}

}  // namespace
}  // namespace accllm::rtl
