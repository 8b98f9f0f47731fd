// Conversions between binary16 and binary32.
#include "Vfp_to_half.h"
#include "Vhalf_to_fp.h"
#include "base/fp16.h"
#include "tests/rtl/bench.h"
#include "tests/rtl/float_operands.h"

namespace accllm::rtl {
namespace {

bool IsNan(uint16_t half) { return (half & 0x7FFFU) > 0x7C00U; }

TEST(HalfToFp, EqualsTheHostForEveryHalf) {
  Bench<Vhalf_to_fp> dut;
  for (uint32_t half = 0; half <= 0xFFFF; ++half) {
    dut->half_i = half;
    dut.model().eval();
    ASSERT_TRUE(SameFloat(dut->result_o, AsBits(HalfToFloat(static_cast<uint16_t>(half))))) << half;
  }
}

// About a half: the number itself, the middle to the next, their neighbours; or any number.
uint32_t Operand(int64_t i) {
  Vector vector(i);
  const auto half = static_cast<uint16_t>(vector.Bits());
  const uint32_t exact = AsBits(HalfToFloat(half));
  const uint32_t middle = AsBits((HalfToFloat(half) + HalfToFloat(half + 1)) / 2);
  switch (vector.Below(3)) {
    case 0:
      return exact + vector.Below(3) - 1;
    case 1:
      return middle + vector.Below(3) - 1;
    default:
      return AnyFloat(vector);
  }
}

TEST(FpToHalf, EqualsTheHost) {
  Bench<Vfp_to_half> dut;
  for (int64_t i = 0; i < VectorsOfATest(); ++i) {
    const uint32_t x = i < kSpecials ? Special(i) : Operand(i);
    dut->x_i = x;
    dut.model().eval();
    uint16_t expected = FloatToHalf(AsFloat(x));
    if (ACCLLM_SATURATE && expected == 0x7C00U) expected = FloatToHalf(65504.0F);
    if (ACCLLM_SATURATE && expected == 0xFC00U) expected = FloatToHalf(-65504.0F);
    const auto half = static_cast<uint16_t>(dut->half_o);
    ASSERT_TRUE(half == expected || (IsNan(half) && IsNan(expected)))
        << std::hex << x << " = " << expected << ", not " << half;
  }
}

}  // namespace
}  // namespace accllm::rtl
