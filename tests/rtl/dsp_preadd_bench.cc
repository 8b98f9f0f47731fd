#include <array>
#include <random>
#include <vector>

#include "Vdsp_preadd_pair.h"
#include "accel/rtl/field.h"
#include "tests/rtl/bench.h"

namespace accllm::rtl {
namespace {

constexpr uint64_t kMask48 = (uint64_t{1} << 48) - 1;

struct Inputs {
  int64_t a = 0, d = 0, b = 0;
  uint64_t c = 0;
  bool cascade = false, feedback = false, triple = false;
};

int64_t RandomSigned(std::mt19937_64& random, int bits) {
  const int64_t half = int64_t{1} << (bits - 1);
  const int64_t extremes[] = {-half, half - 1, -1, 0, 1};
  if (random() % 4 == 0) return extremes[random() % std::size(extremes)];
  return static_cast<int64_t>(random() % (2 * half)) - half;
}

int64_t Wrap(int64_t x, int bits) { return x << (64 - bits) >> (64 - bits); }

// What P of the three DSPs is after each edge, from the inputs of those before.
class Reference {
 public:
  void Edge(const Inputs& inputs) {
    history_.push_back(inputs);
    // P takes the product of three cycles ago, whose A came a cycle before D.
    const int64_t product = Wrap(At(4).a + At(3).d, 27) * At(3).b;
    const uint64_t even = product + At(1).c;
    const uint64_t odd = product + (At(1).cascade ? even_ : 0) + (At(1).feedback ? odd_ : 0);
    sum_ = (even_before_ + (At(1).triple ? 3 * odd_before_ : 0)) & kMask48;
    even_before_ = even_;
    odd_before_ = odd_;
    even_ = even & kMask48;
    odd_ = odd & kMask48;
  }
  uint64_t even() const { return even_; }
  uint64_t odd() const { return odd_; }
  uint64_t sum() const { return sum_; }

 private:
  // The inputs of the last edge, or of `edges` before it.
  const Inputs& At(size_t edges) const {
    return edges < history_.size() ? history_[history_.size() - 1 - edges] : none_;
  }
  Inputs none_;
  std::vector<Inputs> history_;
  uint64_t even_ = 0, odd_ = 0, even_before_ = 0, odd_before_ = 0, sum_ = 0;
};

// The described form and the primitive's.
TEST(DspPreadd, EqualsTheReference) {
  Bench<Vdsp_preadd_pair> dut;
  Reference reference;
  std::mt19937_64 random(2);
  for (int i = 0; i < 20000; ++i) {
    Inputs inputs = {RandomSigned(random, 27), RandomSigned(random, 27), RandomSigned(random, 18),
                     random() & kMask48,       random() % 2 == 0,        random() % 2 == 0,
                     random() % 2 == 0};
    // What is in the registers at first is forgotten.
    if (i < 10) inputs = {};
    SetField(dut->a_i, 0, 27, inputs.a);
    SetField(dut->d_i, 0, 27, inputs.d);
    SetField(dut->b_i, 0, 18, inputs.b);
    dut->c_i = inputs.c;
    dut->cascade_i = inputs.cascade ? 2 : 0;
    dut->feedback_i = inputs.feedback;
    dut->triple_i = inputs.triple;
    dut.Settle();
    dut.Edge();
    reference.Edge(inputs);
    if (i < 10) continue;
    ASSERT_EQ(dut->even_o, reference.even()) << i;
    ASSERT_EQ(dut->odd_o, reference.odd()) << i;
    ASSERT_EQ(dut->sum_o, reference.sum()) << i;
  }
}

}  // namespace
}  // namespace accllm::rtl
