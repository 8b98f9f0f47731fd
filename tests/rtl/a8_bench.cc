#include "Va8_quantize.h"
#include "Va8_rule.h"
#include "kernels/quantize/quantize.h"
#include "tests/rtl/float_operands.h"
#include "tests/rtl/pipelined_unit.h"

namespace accllm::rtl {
namespace {

TEST(A8Rule, EqualsTheKernel) {
  Bench<Va8_rule> dut;
  for (int64_t i = 0; i < VectorsOfATest(); ++i) {
    Vector vector(i);
    const uint32_t amax = (i < kSpecials ? Special(i) : AnyFloat(vector)) & 0x7FFFFFFFU;
    dut->amax_i = amax;
    dut->quotient_i = AsBits(AsFloat(amax) / 127.0F);
    dut->inverse_i = AsBits(127.0F / AsFloat(amax));
    dut.model().eval();
    const kernels::Int8Rule rule = kernels::MakeInt8Rule(amax);
    ASSERT_TRUE(SameFloat(dut->scale_o, AsBits(rule.scale))) << std::hex << amax;
    ASSERT_EQ(dut->inverse_o, AsBits(rule.inverse)) << std::hex << amax;
  }
}

// A value and the largest magnitude of its vector. Many values are in the middle between two codes,
// or next to it.
struct Pair {
  float x;
  float amax;
};

Pair Operands(int64_t i) {
  const auto [a, b] = FloatPair(i);
  const float larger = AsFloat(std::max(a & 0x7FFFFFFFU, b & 0x7FFFFFFFU));
  if (i < kSpecials * kSpecials) return {AsFloat(a), larger};
  Vector vector(i + 1);
  const auto code = static_cast<float>(static_cast<int>(vector.Below(507)) - 253) / 2;
  const float middle = AsFloat(AsBits(code * (larger / 127.0F)) + vector.Below(3) - 1);
  return {vector.Below(2) == 0 && std::abs(middle) <= larger ? middle : AsFloat(a), larger};
}

TEST(A8Quantize, EqualsTheKernel) {
  Bench<Va8_quantize> dut;
  const auto drive = [](Va8_quantize& model, int64_t i) {
    const Pair pair = Operands(i);
    model.x_i = AsBits(pair.x);
    model.inverse_i = AsBits(kernels::MakeInt8Rule(AsBits(pair.amax)).inverse);
  };
  const auto check = [](const Va8_quantize& model, int64_t i) {
    const Pair pair = Operands(i);
    const float x[2] = {pair.x, pair.amax};
    int8_t codes[2];
    float scale = 0.0F;
    kernels::QuantizeQuery(x, 2, 2, codes, &scale);
    return static_cast<int8_t>(model.code_o) == codes[0];
  };
  RunPipelined(dut, 9, VectorsOfATest(), drive, check);
}

}  // namespace
}  // namespace accllm::rtl
