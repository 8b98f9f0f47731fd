#include <type_traits>

#include "Vint_to_fp.h"
#include "tests/rtl/float_operands.h"
#include "tests/rtl/pipelined_unit.h"

namespace accllm::rtl {
namespace {

constexpr int kLatency = 3;

// What the model's port holds, with its sign.
using Int = std::make_signed_t<std::remove_reference_t<decltype(Vint_to_fp::int_i)>>;
constexpr int kBits = 8 * sizeof(Int);

// Powers of two with neighbours, numbers near ties of rounding, and numbers of every length.
Int Operand(int64_t i) {
  Vector vector(i);
  const uint64_t bits = vector.Bits();
  const uint32_t length = vector.Below(kBits + 1);
  auto magnitude = length == 0 ? uint64_t{0} : bits >> (64 - length);
  switch (vector.Below(4)) {
    case 0:
      magnitude = (uint64_t{1} << vector.Below(kBits)) + vector.Below(5) - 2;
      break;
    case 1:  // 24 bits, a guard and hardly more
      if (length > 26) magnitude &= ~uint64_t{0} << (length - 25);
      magnitude += vector.Below(3) - 1;
      break;
    default:
      break;
  }
  return static_cast<Int>(vector.Below(2) == 0 ? magnitude : ~magnitude + 1);
}

TEST(IntToFp, EqualsTheHost) {
  Bench<Vint_to_fp> dut;
  const auto drive = [](Vint_to_fp& model, int64_t i) { model.int_i = Operand(i); };
  const auto check = [](const Vint_to_fp& model, int64_t i) {
    const uint32_t expected = AsBits(static_cast<float>(Operand(i)));
    if (model.result_o == expected) return true;
    ADD_FAILURE() << Operand(i) << std::hex << " = " << expected << ", not " << model.result_o;
    return false;
  };
  RunPipelined(dut, kLatency, VectorsOfATest(), drive, check);
}

}  // namespace
}  // namespace accllm::rtl
