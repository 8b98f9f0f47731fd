#include "Vfp_sqrt.h"
#include "tests/rtl/float_operands.h"
#include "tests/rtl/handshake_unit.h"

namespace accllm::rtl {
namespace {

// Squares, their neighbours and others, a quarter of them negative.
uint32_t Operand(int64_t i) {
  if (i < kSpecials) return Special(i);
  Vector vector(i);
  const uint32_t x = AnyFloat(vector);
  const float square = AsFloat(x & 0x7FFFF000U) * AsFloat(x & 0x7FFFF000U);
  switch (vector.Below(4)) {
    case 0:
      return AsBits(square) + vector.Below(3) - 1;
    case 1:
      return x;
    default:
      return x & 0x7FFFFFFFU;
  }
}

TEST(FpSqrt, EqualsTheHost) {
  Bench<Vfp_sqrt> dut;
  const auto drive = [](Vfp_sqrt& model, int64_t i) { model.x_i = Operand(i); };
  const auto check = [](const Vfp_sqrt& model, int64_t i) {
    const uint32_t expected = AsBits(std::sqrt(AsFloat(Operand(i))));
    if (SameFloat(model.root_o, expected)) return true;
    ADD_FAILURE() << std::hex << "sqrt " << Operand(i) << " = " << expected << ", not "
                  << model.root_o;
    return false;
  };
  RunHandshake(dut, VectorsOfATest() / 8, 30, drive, check);
}

}  // namespace
}  // namespace accllm::rtl
