#include <array>
#include <cstdint>
#include <random>
#include <vector>

#include "Vdsp_chains.h"
#include "Vdsp_chains_primitive.h"
#include "tests/rtl/bench.h"

namespace accllm::rtl {
namespace {

constexpr uint64_t kMask48 = (uint64_t{1} << 48) - 1;
constexpr int kCells = 4;

// What models/dsp_chains.sv sets: registers of A and B, of C, and whether C and the cascade are
// added.
struct Cell {
  int ab_registers;
  int c_registers;
  bool use_c;
  bool cascade;
};
constexpr std::array<Cell, kCells> kChain = {
    {{0, 1, false, false}, {1, 1, true, true}, {2, 0, true, true}, {2, 1, false, true}}};

struct Operands {
  uint64_t ab = 0;
  uint64_t c = 0;
  int64_t a = 0;
  int64_t b = 0;
};

uint64_t AddFields(uint64_t x, uint64_t y) {
  uint64_t sum = 0;
  for (int i = 0; i < 48; i += 12) sum |= (((x >> i) + (y >> i)) & 0xFFF) << i;
  return sum;
}

uint64_t Random48(std::mt19937_64& random) {
  constexpr uint64_t kExtremes[] = {
      0, kMask48, 0x800800800800, 0x7FF7FF7FF7FF, 0x001001001001, uint64_t{1} << 47};
  return random() % 4 == 0 ? kExtremes[random() % std::size(kExtremes)] : random() & kMask48;
}

int64_t RandomSigned(std::mt19937_64& random, int bits) {
  const int64_t half = int64_t{1} << (bits - 1);
  const int64_t extremes[] = {-half, half - 1, -1, 0, 1};
  if (random() % 4 == 0) return extremes[random() % std::size(extremes)];
  return static_cast<int64_t>(random() % (2 * half)) - half;
}

// P of both chains after each enabled edge, from the operands of all edges so far.
class Reference {
 public:
  void Edge(const Operands& operands) {
    history_.push_back(operands);
    const auto add = add_, mul = mul_;
    for (int i = 0; i < kCells; ++i) {
      const Cell& cell = kChain[i];
      const Operands& product = At(cell.ab_registers + 1);
      const uint64_t c = cell.use_c ? At(cell.c_registers).c : 0;
      add_[i] = AddFields(AddFields(At(cell.ab_registers).ab, c), cell.cascade ? add[i - 1] : 0);
      mul_[i] = (product.a * product.b + c + (cell.cascade ? mul[i - 1] : 0)) & kMask48;
    }
  }
  // Whether everything in the registers is known.
  bool settled() const { return history_.size() > 8; }
  const std::array<uint64_t, kCells>& add() const { return add_; }
  const std::array<uint64_t, kCells>& mul() const { return mul_; }

 private:
  // The operands of the last edge, or of `edges` before it.
  const Operands& At(size_t edges) const {
    return edges < history_.size() ? history_[history_.size() - 1 - edges] : none_;
  }

  Operands none_;
  std::vector<Operands> history_;
  std::array<uint64_t, kCells> add_ = {}, mul_ = {};
};

template <class Model>
void Drive(Model& dut, const Operands& operands, bool enable) {
  dut.en_i = enable;
  dut.ab_i = operands.ab;
  dut.c_i = operands.c;
  dut.a_i = operands.a & 0x7FFFFFF;
  dut.b_i = operands.b & 0x3FFFF;
}

template <class Model>
void CompareWithReference() {
  Bench<Model> bench;
  Model& dut = bench.model();
  Reference reference;
  std::mt19937_64 random(11);
  for (int i = 0; i < 20000; ++i) {
    const Operands operands = {Random48(random), Random48(random), RandomSigned(random, 27),
                               RandomSigned(random, 18)};
    const bool enable = random() % 5 != 0;
    Drive(dut, operands, enable);
    bench.Settle();
    bench.Edge();
    if (enable) reference.Edge(operands);
    if (!reference.settled()) continue;
    const std::array<uint64_t, kCells> add = {dut.add0_o, dut.add1_o, dut.add2_o, dut.add3_o};
    const std::array<uint64_t, kCells> mul = {dut.mul0_o, dut.mul1_o, dut.mul2_o, dut.mul3_o};
    ASSERT_EQ(add, reference.add()) << "cycle " << i;
    ASSERT_EQ(mul, reference.mul()) << "cycle " << i;
  }
}

TEST(Dsp, DescribedCellsEqualTheReference) { CompareWithReference<Vdsp_chains>(); }

TEST(Dsp, PrimitivesEqualTheReference) { CompareWithReference<Vdsp_chains_primitive>(); }

}  // namespace
}  // namespace accllm::rtl
