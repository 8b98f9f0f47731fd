#include "Vsilu_mul.h"
#include "kernels/silu/silu.h"
#include "tests/rtl/float_operands.h"
#include "tests/rtl/pipelined_unit.h"

namespace accllm::rtl {
namespace {

constexpr int kLatency = 66;

// Half of the gates are in the range where the sigmoid is neither 0 nor 1.
std::array<uint32_t, 2> Operands(int64_t i) {
  auto [gate, up] = FloatPair(i);
  Vector vector(i + 1);
  if (i >= kSpecials * kSpecials && vector.Below(2) == 0) {
    gate = (gate & 0x807FFFFFU) | ((100 + vector.Below(33)) << 23);
  }
  return {gate, up};
}

TEST(SiluMul, EqualsTheKernel) {
  Bench<Vsilu_mul> dut;
  const auto drive = [](Vsilu_mul& model, int64_t i) {
    const auto [gate, up] = Operands(i);
    model.gate_i = gate;
    model.up_i = up;
  };
  const auto check = [](const Vsilu_mul& model, int64_t i) {
    const auto [gate, up] = Operands(i);
    const float gate_value = AsFloat(gate);
    const float up_value = AsFloat(up);
    float expected = 0.0F;
    kernels::SiluMulScalar(&gate_value, &up_value, 1, &expected);
    if (SameFloat(model.result_o, AsBits(expected))) return true;
    ADD_FAILURE() << std::hex << "silu(" << gate << ") * " << up << " = " << AsBits(expected)
                  << ", not " << model.result_o;
    return false;
  };
  RunPipelined(dut, kLatency, VectorsOfATest() / 2, drive, check);
}

}  // namespace
}  // namespace accllm::rtl
