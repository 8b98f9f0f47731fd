// KLOW, KHIGH, KOFNAN: the model's parameters.
#include <algorithm>
#include <cmath>

#include "Vfp_to_int.h"
#include "tests/rtl/float_operands.h"
#include "tests/rtl/pipelined_unit.h"

namespace accllm::rtl {
namespace {

constexpr int kLatency = 3;
constexpr int kLow = ACCLLM_LOW;
constexpr int kHigh = ACCLLM_HIGH;
constexpr int kOfNan = ACCLLM_OF_NAN;

// Halves with neighbours, numbers about the limits, and any.
uint32_t Operand(int64_t i) {
  if (i < kSpecials) return Special(i);
  Vector vector(i);
  const uint32_t x = AnyFloat(vector);
  const auto half =
      static_cast<float>(static_cast<int32_t>(vector.Below(8 * kHigh)) - 4 * kHigh) / 2;
  switch (vector.Below(4)) {
    case 0:
      return AsBits(half) + vector.Below(5) - 2;
    case 1:
      return AsBits(static_cast<float>(vector.Below(2) == 0 ? kLow : kHigh) +
                    static_cast<float>(vector.Below(17)) / 4 - 2) +
             vector.Below(3) - 1;
    case 2:
      return AsBits(std::ldexp(AsFloat((x & 0x807FFFFFU) | 0x3F800000U),
                               static_cast<int>(vector.Below(28)) - 3));
    default:
      return x;
  }
}

int Expected(float x) {
  if (std::isnan(x)) return kOfNan;
  return static_cast<int>(
      std::clamp(std::nearbyint(x), static_cast<float>(kLow), static_cast<float>(kHigh)));
}

// The port's value, with its sign.
int Result(const Vfp_to_int& model) {
  constexpr int kUnused = 32 - ACCLLM_WIDTH;
  return static_cast<int32_t>(uint32_t{model.int_o} << kUnused) >> kUnused;
}

TEST(FpToInt, RoundsToEvenAndClamps) {
  Bench<Vfp_to_int> dut;
  const auto drive = [](Vfp_to_int& model, int64_t i) { model.x_i = Operand(i); };
  const auto check = [](const Vfp_to_int& model, int64_t i) {
    const int expected = Expected(AsFloat(Operand(i)));
    if (Result(model) == expected) return true;
    ADD_FAILURE() << std::hex << Operand(i) << " = " << expected << ", not " << Result(model);
    return false;
  };
  RunPipelined(dut, kLatency, VectorsOfATest(), drive, check);
}

}  // namespace
}  // namespace accllm::rtl
