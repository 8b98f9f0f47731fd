#include <random>

#include "Vmux_wide.h"
#include "accel/rtl/field.h"
#include "tests/rtl/bench.h"

namespace accllm::rtl {
namespace {

constexpr int kInputs = ACCLLM_INPUTS, kWidth = 5;

// The described form and the primitive's.
TEST(MuxWide, GivesTheSelectedWord) {
  Bench<Vmux_wide> dut;
  std::mt19937 random(1);
  for (int i = 0; i < 20000; ++i) {
    Randomize(dut->data_i, kWidth * kInputs, random);
    dut->select_i = random() % kInputs;
    dut.model().eval();
    ASSERT_EQ(dut->data_o, Field(dut->data_i, kWidth * dut->select_i, kWidth));
  }
}

}  // namespace
}  // namespace accllm::rtl
