#include <algorithm>

#include "Vfp_larger.h"
#include "Vfp_larger_magnitude.h"
#include "tests/rtl/bench.h"
#include "tests/rtl/float_operands.h"

namespace accllm::rtl {
namespace {

TEST(FpLarger, PassesNanOver) {
  Bench<Vfp_larger> dut;
  for (int64_t i = 0; i < VectorsOfATest(); ++i) {
    const auto [a, b] = FloatPair(i);
    dut->a_i = a;
    dut->b_i = b;
    dut.model().eval();
    uint32_t expected = AsFloat(b) > AsFloat(a) ? b : a;
    if (std::isnan(AsFloat(a))) expected = b;
    ASSERT_TRUE(SameFloat(dut->larger_o, expected)) << std::hex << a << " " << b;
  }
}

TEST(FpLargerMagnitude, PutsNanOnTop) {
  Bench<Vfp_larger_magnitude> dut;
  for (int64_t i = 0; i < VectorsOfATest(); ++i) {
    const auto [a, b] = FloatPair(i);
    dut->a_i = a & 0x7FFFFFFFU;
    dut->b_i = b & 0x7FFFFFFFU;
    dut.model().eval();
    ASSERT_EQ(dut->larger_o, std::max(a & 0x7FFFFFFFU, b & 0x7FFFFFFFU));
  }
}

}  // namespace
}  // namespace accllm::rtl
