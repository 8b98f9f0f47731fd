// Conversions between binary16 and binary32.
#include "Vfp_to_half.h"
#include "Vhalf_to_fp.h"
#include "base/fp16.h"
#include "tests/rtl/bench.h"
#include "tests/rtl/float_operands.h"
#include "tests/rtl/pipelined_unit.h"

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

uint16_t Expected(float x) {
  const uint16_t half = FloatToHalf(x);
  if (ACCLLM_SATURATE && (half & 0x7FFFU) == 0x7C00U)
    return FloatToHalf(std::copysign(65504.0F, x));
  return half;
}

TEST(FpToHalf, EqualsTheHost) {
  Bench<Vfp_to_half> dut;
  const auto operand = [](int64_t i) { return i < kSpecials ? Special(i) : Operand(i); };
  const auto drive = [&](Vfp_to_half& model, int64_t i) { model.x_i = operand(i); };
  const auto check = [&](const Vfp_to_half& model, int64_t i) {
    const uint16_t expected = Expected(AsFloat(operand(i)));
    const auto half = static_cast<uint16_t>(model.half_o);
    if (half == expected || (IsNan(half) && IsNan(expected))) return true;
    ADD_FAILURE() << std::hex << operand(i) << " = " << expected << ", not " << half;
    return false;
  };
  RunPipelined(dut, 2, VectorsOfATest(), drive, check);
}

}  // namespace
}  // namespace accllm::rtl
