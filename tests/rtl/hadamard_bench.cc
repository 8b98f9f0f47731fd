#include <deque>
#include <vector>

#include "Vhadamard.h"
#include "kernels/hadamard/hadamard.h"
#include "tests/rtl/bench.h"
#include "tests/rtl/float_operands.h"
#include "tests/rtl/wide.h"

namespace accllm::rtl {
namespace {

std::vector<float> VectorOf(int64_t number, int64_t dim) {
  Vector vector(number);
  const bool is_any = vector.Below(8) == 0;
  std::vector<float> x(static_cast<size_t>(dim));
  for (float& value : x) {
    const uint32_t bits = AnyFloat(vector);
    // Else all exponents are close: sums cancel, and nothing is swallowed.
    value = AsFloat(is_any ? bits : (bits & 0x81FFFFFFU) | 0x3E000000U);
  }
  return x;
}

class HadamardBench : public testing::TestWithParam<int64_t> {
 protected:
  void SetUp() override {
    dut_->split_i = GetParam() == 64;
    dut_->valid_i = 0;
    dut_.Reset();
  }

  void Cycle() {
    dut_.Settle();
    if (dut_->valid_o) {
      ASSERT_GE(expected_.size(), 4U) << "a beat that nobody waits for";
      for (int i = 0; i < 4; ++i) {
        ASSERT_TRUE(SameFloat(dut_->beat_o[i], AsBits(expected_.front())));
        expected_.pop_front();
      }
    }
    dut_.Edge();
    dut_->valid_i = 0;
    Assign(dut_->beat_i, RandomWords<4>(random_));
  }

  void Drive(int64_t number) {
    const std::vector<float> x = VectorOf(number, GetParam());
    std::vector<float> transformed = x;
    kernels::Hadamard(transformed.data(), GetParam());
    expected_.insert(expected_.end(), transformed.begin(), transformed.end());
    for (size_t first = 0; first < x.size(); first += 4) {
      dut_->valid_i = 1;
      for (size_t i = 0; i < 4; ++i) dut_->beat_i[i] = AsBits(x[first + i]);
      Cycle();
    }
  }

  Bench<Vhadamard> dut_;
  std::mt19937 random_{1};
  std::deque<float> expected_;
};

TEST_P(HadamardBench, EqualsTheKernelWithAndWithoutGaps) {
  const int64_t n = VectorsOfATest() / 500;
  for (int64_t i = 0; i < n && !HasFailure(); ++i) {
    Drive(i);
    for (uint32_t gap = random_() % 2 * (random_() % 50); gap > 0; --gap) Cycle();
  }
  for (int i = 0; i < 100; ++i) Cycle();
  EXPECT_TRUE(expected_.empty());
}

INSTANTIATE_TEST_SUITE_P(Dims, HadamardBench, testing::Values(64, 128));

}  // namespace
}  // namespace accllm::rtl
