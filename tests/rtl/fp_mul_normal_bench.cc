#include "Vfp_mul_normal.h"
#include "tests/rtl/float_operands.h"
#include "tests/rtl/pipelined_unit.h"

namespace accllm::rtl {
namespace {

constexpr int kLatency = 6;

uint32_t Exponent(uint32_t x) { return (x >> 23) & 0xFFU; }

// The product where operands that are subnormal, and results with too small an exponent, are 0.
uint32_t Expected(uint32_t a, uint32_t b) {
  constexpr uint32_t kSign = 0x80000000U;
  const uint32_t flushed_a = Exponent(a) == 0 ? a & kSign : a;
  const uint32_t flushed_b = Exponent(b) == 0 ? b & kSign : b;
  const uint32_t product = AsBits(AsFloat(flushed_a) * AsFloat(flushed_b));
  const bool is_finite = Exponent(a) != 0xFF && Exponent(b) != 0xFF;
  return is_finite && Exponent(a) + Exponent(b) < 128 ? product & kSign : product;
}

TEST(FpMulNormal, EqualsTheHostForNormalNumbers) {
  Bench<Vfp_mul_normal> dut;
  const auto drive = [](Vfp_mul_normal& model, int64_t i) {
    const auto [a, b] = FloatPair(i);
    model.a_i = a;
    model.b_i = b;
  };
  const auto check = [](const Vfp_mul_normal& model, int64_t i) {
    const auto [a, b] = FloatPair(i);
    if (SameFloat(model.product_o, Expected(a, b))) return true;
    ADD_FAILURE() << std::hex << a << " * " << b << " = " << Expected(a, b) << ", not "
                  << model.product_o;
    return false;
  };
  RunPipelined(dut, kLatency, VectorsOfATest(), drive, check);
}

}  // namespace
}  // namespace accllm::rtl
