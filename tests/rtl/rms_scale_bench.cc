#include "Vrms_scale.h"
#include "tests/rtl/float_operands.h"
#include "tests/rtl/handshake_unit.h"

namespace accllm::rtl {
namespace {

struct Operands {
  uint32_t sum;
  uint32_t n;
  uint32_t eps;
};

Operands OperandsOf(int64_t i) {
  Vector vector(i);
  const uint32_t sum = i < kSpecials ? Special(i) : AnyFloat(vector);
  return {sum, AsBits(static_cast<float>(1 + vector.Below(16384))),
          vector.Below(4) == 0 ? AnyFloat(vector) : AsBits(1e-5F)};
}

TEST(RmsScale, EqualsTheHost) {
  Bench<Vrms_scale> dut;
  // eps is a constant of the norm: of the vector that is inside.
  int64_t inside = 0;
  const auto drive = [&](Vrms_scale& model, int64_t i) {
    model.sum_i = OperandsOf(i).sum;
    model.n_i = OperandsOf(i).n;
    model.eps_i = OperandsOf(inside).eps;
  };
  const auto check = [&](const Vrms_scale& model, int64_t i) {
    const Operands operands = OperandsOf(i);
    const float mean = AsFloat(operands.sum) / AsFloat(operands.n);
    const uint32_t expected = AsBits(1.0F / std::sqrt(mean + AsFloat(operands.eps)));
    if (model.ready_i) inside = i + 1;
    if (SameFloat(model.inverse_o, expected)) return true;
    ADD_FAILURE() << std::hex << operands.sum << " / " << operands.n << " + " << operands.eps
                  << ": " << expected << ", not " << model.inverse_o;
    return false;
  };
  RunHandshake(dut, VectorsOfATest() / 30, 100, drive, check);
}

}  // namespace
}  // namespace accllm::rtl
