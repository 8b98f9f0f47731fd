#include "Vexp2_argument.h"
#include "Vexp2_float.h"
#include "Vexp2_neg_q30.h"
#include "kernels/exp2/exp2.h"
#include "tests/rtl/float_operands.h"
#include "tests/rtl/pipelined_unit.h"

namespace accllm::rtl {
namespace {

// Every argument; of a netlist, which is slow, every 97th.
constexpr int64_t kStride = kVectors < 1'000'000 ? 97 : 1;

TEST(Exp2NegQ30, EqualsTheKernelForEveryArgument) {
  Bench<Vexp2_neg_q30> dut;
  const auto drive = [](Vexp2_neg_q30& model, int64_t i) {
    model.x_i = static_cast<uint32_t>(i * kStride) & 0x3FFFFFU;
  };
  const auto check = [](const Vexp2_neg_q30& model, int64_t i) {
    return model.power_o == kernels::Exp2NegQ30(static_cast<uint32_t>(i * kStride));
  };
  RunPipelined(dut, 9, ((int64_t{32} << 16) + 256) / kStride, drive, check);
}

// The float is made from what the other unit gives a cycle before the power.
TEST(Exp2Float, EqualsThePowerAsAFloatForEveryArgument) {
  constexpr int64_t kCount = ((int64_t{32} << 16) + 256) / kStride;
  constexpr int64_t kLatency = 12;
  Bench<Vexp2_neg_q30> power;
  Bench<Vexp2_float> dut;
  uint64_t random = 1;
  const auto step = [&](int64_t i, bool enabled) {
    power->en_i = enabled;
    power->x_i = static_cast<uint32_t>(i * kStride) & 0x3FFFFFU;
    power.Settle();
    dut->en_i = enabled;
    dut->man_i = power->man_o;
    dut->places_i = power->places_o;
    dut.Settle();
    power.Edge();
    dut.Edge();
  };
  for (int64_t i = 0; i < kCount + kLatency - 1; ++i) {
    while (SplitMix64(random) >> 61 == 0) step(i ^ 5, false);
    step(i, true);
    const int64_t of = i + 1 - kLatency;
    if (of < 0) continue;
    const uint32_t expected = kernels::Exp2NegQ30(static_cast<uint32_t>(of * kStride));
    ASSERT_EQ(dut->result_o, AsBits(static_cast<float>(expected))) << "argument " << of * kStride;
  }
}

// Differences of scores: not negative, most of them in the range where the result is not 0.
uint32_t Difference(int64_t i) {
  if (i < kSpecials) return Special(i) & 0x7FFFFFFFU;
  Vector vector(i);
  const uint32_t x = AnyFloat(vector) & 0x7FFFFFFFU;
  const auto argument = static_cast<float>(vector.Below(1U << 22)) + 0.5F;
  switch (vector.Below(3)) {
    case 0:
      return AsBits(argument / kernels::kLog2eQ16) + vector.Below(5) - 2;
    case 1:
      return (x & 0x007FFFFFU) | ((110 + vector.Below(24)) << 23);
    default:
      return x;
  }
}

TEST(Exp2Argument, EqualsTheKernel) {
  Bench<Vexp2_argument> dut;
  const auto drive = [](Vexp2_argument& model, int64_t i) { model.x_i = Difference(i); };
  const auto check = [](const Vexp2_argument& model, int64_t i) {
    return model.argument_o == kernels::Exp2ArgumentQ16(AsFloat(Difference(i)));
  };
  RunPipelined(dut, 9, VectorsOfATest(), drive, check);
}

}  // namespace
}  // namespace accllm::rtl
