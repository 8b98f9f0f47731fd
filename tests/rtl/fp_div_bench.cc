#include "Vfp_div.h"
#include "tests/rtl/float_operands.h"
#include "tests/rtl/pipelined_unit.h"

namespace accllm::rtl {
namespace {

constexpr int kLatency = 29;

TEST(FpDiv, EqualsTheHost) {
  Bench<Vfp_div> dut;
  const auto drive = [](Vfp_div& model, int64_t i) {
    const auto [a, b] = FloatPair(i);
    model.a_i = a;
    model.b_i = b;
  };
  const auto check = [](const Vfp_div& model, int64_t i) {
    const auto [a, b] = FloatPair(i);
    const uint32_t expected = AsBits(AsFloat(a) / AsFloat(b));
    if (SameFloat(model.quotient_o, expected)) return true;
    ADD_FAILURE() << std::hex << a << " / " << b << " = " << expected << ", not "
                  << model.quotient_o;
    return false;
  };
  RunPipelined(dut, kLatency, VectorsOfATest(), drive, check);
}

}  // namespace
}  // namespace accllm::rtl
