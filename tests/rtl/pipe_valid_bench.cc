#include <cstdint>
#include <deque>
#include <random>
#include <utility>

#include "Vpipe_valid.h"
#include "tests/rtl/bench.h"

namespace accllm::rtl {
namespace {

constexpr size_t kStages = 5;

TEST(PipeValid, DelaysByStagesOfEnabledCycles) {
  Bench<Vpipe_valid> dut;
  dut->en_i = 0;
  dut->valid_i = 0;
  dut.Reset();
  std::mt19937 random(5);
  std::deque<std::pair<bool, uint32_t>> inside(kStages);
  for (int i = 0; i < 5000; ++i) {
    dut->en_i = random() % 4 != 0;
    dut->valid_i = random() % 2;
    dut->data_i = random();
    dut.Settle();
    ASSERT_EQ(dut->valid_o, inside.front().first);
    if (dut->valid_o) {
      ASSERT_EQ(dut->data_o, inside.front().second);
    }
    dut.Edge();
    if (dut->en_i) {
      inside.emplace_back(dut->valid_i, dut->data_i);
      inside.pop_front();
    }
  }
}

TEST(PipeValid, AResetEmptiesIt) {
  Bench<Vpipe_valid> dut;
  dut->en_i = 1;
  dut->valid_i = 1;
  for (size_t i = 0; i < kStages; ++i) {
    dut->rst_ni = 1;
    dut.Settle();
    dut.Edge();
  }
  dut->en_i = 0;
  dut.Reset(1);
  dut->en_i = 1;
  dut->valid_i = 0;
  for (size_t i = 0; i < kStages; ++i) {
    dut.Settle();
    EXPECT_FALSE(dut->valid_o);
    dut.Edge();
  }
}

}  // namespace
}  // namespace accllm::rtl
