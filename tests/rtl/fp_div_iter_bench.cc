#include "Vfp_div_iter.h"
#include "tests/rtl/float_operands.h"
#include "tests/rtl/handshake_unit.h"

namespace accllm::rtl {
namespace {

TEST(FpDivIter, EqualsTheHost) {
  Bench<Vfp_div_iter> dut;
  const auto drive = [](Vfp_div_iter& model, int64_t i) {
    const auto [a, b] = FloatPair(i);
    model.a_i = a;
    model.b_i = b;
  };
  const auto check = [](const Vfp_div_iter& model, int64_t i) {
    const auto [a, b] = FloatPair(i);
    const uint32_t expected = AsBits(AsFloat(a) / AsFloat(b));
    if (SameFloat(model.quotient_o, expected)) return true;
    ADD_FAILURE() << std::hex << a << " / " << b << " = " << expected << ", not "
                  << model.quotient_o;
    return false;
  };
  RunHandshake(dut, VectorsOfATest() / 8, 30, drive, check);
}

}  // namespace
}  // namespace accllm::rtl
