#include "Vfp_add_positive.h"
#include "tests/rtl/float_operands.h"
#include "tests/rtl/pipelined_unit.h"

namespace accllm::rtl {
namespace {

constexpr int kLatency = 4;

std::array<uint32_t, 2> Operands(int64_t i) {
  const auto [a, b] = FloatPair(i);
  return {a & 0x7FFFFFFFU, b & 0x7FFFFFFFU};
}

TEST(FpAddPositive, EqualsTheHost) {
  Bench<Vfp_add_positive> dut;
  const auto drive = [](Vfp_add_positive& model, int64_t i) {
    const auto [a, b] = Operands(i);
    model.a_i = a;
    model.b_i = b;
  };
  const auto check = [](const Vfp_add_positive& model, int64_t i) {
    const auto [a, b] = Operands(i);
    const uint32_t expected = AsBits(AsFloat(a) + AsFloat(b));
    if (SameFloat(model.sum_o, expected)) return true;
    ADD_FAILURE() << std::hex << a << " + " << b << " = " << expected << ", not " << model.sum_o;
    return false;
  };
  RunPipelined(dut, kLatency, VectorsOfATest(), drive, check);
}

}  // namespace
}  // namespace accllm::rtl
