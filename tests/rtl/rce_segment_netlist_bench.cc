#include <gtest/gtest.h>

#include <random>

#include "Vrce_segment.h"
#include "Vrce_segment_netlist.h"
#include "accel/rtl/field.h"

namespace accllm::rtl {
namespace {

constexpr int kSlots = 2;
constexpr int kEntries = 32;

// Random inputs of both models, the same, and the edge after them.
class Pair {
 public:
  void Cycle(int cycle) {
    std::mt19937 again = random_;
    Drive(described_, cycle, again);
    Drive(netlist_, cycle, random_);
  }
  void Compare() {
    for (int slot = 0; slot < kSlots; ++slot) {
      ASSERT_EQ(Field(described_.sum_o, 48 * slot, 48), Field(netlist_.sum_o, 48 * slot, 48));
      ASSERT_EQ(Field(described_.pcout_o, 48 * slot, 48), Field(netlist_.pcout_o, 48 * slot, 48));
    }
  }

 private:
  template <class Model>
  static void Drive(Model& dut, int cycle, std::mt19937& random) {
    // All entries and registers get values first; then what was summed comes into the feedback.
    const bool starts = cycle < 2 * kEntries;
    dut.clear_i = cycle < 4;
    dut.control_i = random() & 0x7FFF;
    dut.choices_i = random();
    Randomize(dut.word_i, 64, random);
    dut.key_i = random() % 16;
    dut.we_i = starts || random() % 2 == 0;
    dut.waddr_i = starts ? cycle % kEntries : random() % kEntries;
    Randomize(dut.wdata_i, 16 * kSlots * 8, random);
    Randomize(dut.factor_i, 15 * kSlots / 2, random);
    Randomize(dut.zero_term_i, 48 * kSlots / 2, random);
    Randomize(dut.pcin_i, 48 * kSlots, random);
    dut.cascade_i = random() % 2;
    dut.feedback_i = !starts && random() % 2 == 0;
    if (starts) dut.control_i |= 1 << 3;  // loads multipliers
    dut.clk_i = 0;
    dut.eval();
    dut.clk_i = 1;
    dut.eval();
  }

  Vrce_segment described_;
  Vrce_segment_netlist netlist_;
  std::mt19937 random_{7};
};

TEST(RceSegment, NetlistEqualsTheDescription) {
  Pair pair;
  for (int cycle = 0; cycle < 5000; ++cycle) {
    pair.Cycle(cycle);
    if (cycle < 4 * kEntries) continue;
    pair.Compare();
    if (testing::Test::HasFatalFailure()) FAIL() << "cycle " << cycle;
  }
}

}  // namespace
}  // namespace accllm::rtl
