#include <random>
#include <vector>

#include "Vvalue_collector.h"
#include "accel/rtl/field.h"
#include "tests/rtl/bench.h"
#include "tests/rtl/float_operands.h"

namespace accllm::rtl {
namespace {

constexpr int kLanes = ACCLLM_LANES;
constexpr int kQueries = ACCLLM_QUERIES;
constexpr int kDims = 4;

class ValueCollector : public testing::Test {
 protected:
  ValueCollector() {
    dut_->take_i = dut_->valid_i = 0;
    dut_.Reset();
  }

  // Numbers of up to 46 bits, and small ones.
  int64_t Sum() {
    const auto bits = static_cast<int64_t>(random_());
    return bits >> (random_() % 4 == 0 ? 60 : 18);
  }

  void Cycle() {
    Randomize(dut_->sum_i, 48 * kLanes * kQueries, random_);
    Step();
  }
  void Step() {
    dut_.Settle();
    if (dut_->valid_o) {
      ASSERT_EQ(dut_->place_o, got_.size());
      got_.push_back(dut_->value_o);
    }
    is_done_ = dut_->done_o;
    dut_.Edge();
    dut_->take_i = dut_->valid_i = 0;
  }

  Bench<Vvalue_collector> dut_;
  std::mt19937_64 random_{2};
  std::vector<uint32_t> got_;
  bool is_done_ = false;
};

TEST_F(ValueCollector, GivesAllSumsOfAHeadInOrder) {
  for (int head = 0; head < 200; ++head) {
    std::vector<int64_t> zero_sums(kQueries), sums(kLanes * kDims * kQueries);
    std::vector<uint32_t> scales(kQueries);
    for (int q = 0; q < kQueries; ++q) {
      zero_sums[q] = Sum();
      // What a scale can be: 0, a normal number of moderate size, NaN.
      const uint64_t kind = random_() % 16;
      scales[q] = kind == 0   ? 0
                  : kind == 1 ? 0x7FC00000
                              : static_cast<uint32_t>(0x20000000 + random_() % 0x20000000);
      SetField(dut_->zero_sum_i, 48 * q, 48, zero_sums[q]);
      SetField(dut_->out_scale_i, 32 * q, 32, scales[q]);
    }
    dut_->take_i = 1;
    Cycle();
    Randomize(dut_->zero_sum_i, 48 * kQueries, random_);
    Randomize(dut_->out_scale_i, 32 * kQueries, random_);
    for (int dim = kDims - 1; dim >= 0; --dim) {
      for (int at = 0; at < kLanes * kQueries; ++at) {
        const int64_t sum = Sum();
        sums[(at / kQueries * kDims + dim) * kQueries + at % kQueries] = sum;
        SetField(dut_->sum_i, 48 * at, 48, sum);
      }
      dut_->valid_i = 1;
      dut_->dim_i = dim;
      Step();
    }
    got_.clear();
    for (is_done_ = false; !is_done_;) {
      ASSERT_LE(got_.size(), sums.size());
      Cycle();
    }
    ASSERT_EQ(got_.size(), sums.size());
    for (size_t i = 0; i < sums.size(); ++i) {
      const auto sum = static_cast<float>(sums[i] + zero_sums[i % kQueries]);
      ASSERT_TRUE(SameFloat(got_[i], AsBits(sum * AsFloat(scales[i % kQueries])))) << i;
    }
  }
}

}  // namespace
}  // namespace accllm::rtl
