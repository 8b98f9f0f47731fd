#include <algorithm>
#include <deque>
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

// Sums, in the order in which their floats leave: [lane][dimension][query].
struct Set {
  std::vector<int64_t> sums = std::vector<int64_t>(kLanes * kDims * kQueries);
  std::vector<uint32_t> expected;
};

class ValueCollector : public testing::Test {
 protected:
  ValueCollector() {
    dut_->take_i = dut_->valid_i = 0;
    dut_.Reset();
  }

  // A set begins, with random zero sums and scales.
  void Take() {
    Set set;
    for (int64_t& sum : set.sums) sum = Sum();
    std::vector<int64_t> zero_sums(kQueries);
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
    for (size_t i = 0; i < set.sums.size(); ++i) {
      const auto sum = static_cast<float>(set.sums[i] + zero_sums[i % kQueries]);
      set.expected.push_back(AsBits(sum * AsFloat(scales[i % kQueries])));
    }
    taken_.push_back(set);
    under_way_.push_back(set);
    dut_->take_i = 1;
    Cycle();
    Randomize(dut_->zero_sum_i, 48 * kQueries, random_);
    Randomize(dut_->out_scale_i, 32 * kQueries, random_);
  }

  // The sums of the oldest set that was taken come.
  void Bring() {
    const Set set = taken_.front();
    taken_.pop_front();
    for (int dim = kDims - 1; dim >= 0; --dim) {
      for (int at = 0; at < kLanes * kQueries; ++at) {
        const int place = (at / kQueries * kDims + dim) * kQueries + at % kQueries;
        SetField(dut_->sum_i, 48 * at, 48, set.sums[place]);
      }
      dut_->valid_i = 1;
      dut_->dim_i = dim;
      Step();
    }
  }

  void Cycle() {
    Randomize(dut_->sum_i, 48 * kLanes * kQueries, random_);
    Step();
  }

  size_t n_taken() const { return taken_.size(); }
  size_t n_under_way() const { return under_way_.size(); }
  bool Chance(int n) { return random_() % n == 0; }

 private:
  // Numbers of up to 46 bits, and small ones.
  int64_t Sum() {
    const auto bits = static_cast<int64_t>(random_());
    return bits >> (random_() % 4 == 0 ? 60 : 18);
  }

  void Step() {
    dut_.Settle();
    if (dut_->valid_o) {
      ASSERT_FALSE(under_way_.empty());
      ASSERT_EQ(dut_->place_o, n_left_);
      const std::vector<uint32_t>& expected = under_way_.front().expected;
      ASSERT_TRUE(SameFloat(dut_->value_o, expected[n_left_])) << n_left_;
      ASSERT_EQ(dut_->done_o, ++n_left_ == expected.size());
      if (n_left_ == expected.size()) {
        under_way_.pop_front();
        n_left_ = 0;
      }
    } else {
      ASSERT_FALSE(dut_->done_o);
    }
    dut_.Edge();
    dut_->take_i = dut_->valid_i = 0;
  }

  Bench<Vvalue_collector> dut_;
  std::mt19937_64 random_{2};
  std::deque<Set> taken_;      // whose sums have not come
  std::deque<Set> under_way_;  // that have not left
  size_t n_left_ = 0;          // floats of the oldest of these
};

TEST_F(ValueCollector, GivesTheSumsOfAllSetsInOrder) {
  for (int set = 0; set < 400;) {
    if (n_under_way() < 2 && Chance(4)) {
      Take();
      ++set;
    } else if (n_taken() > 0 && Chance(4)) {
      Bring();
    } else {
      Cycle();
    }
    ASSERT_FALSE(HasFailure()) << "set " << set;
  }
}

TEST_F(ValueCollector, SetsFollowEachOtherWithoutAGap) {
  constexpr int kSets = 20;
  int cycles = 0;
  Take();
  Bring();
  for (int set = 1; set < kSets;) {
    if (n_under_way() < 2) {
      Take();
      Bring();
      ++set;
      cycles += 1 + kDims;
    } else {
      Cycle();
      ++cycles;
    }
  }
  while (n_under_way() > 0) {
    Cycle();
    ++cycles;
  }
  // The floats of each; or where there are few, all that one of two sets waits for.
  constexpr int kFloats = kLanes * kDims * kQueries;
  constexpr int kPipeline = 14;
  constexpr int kOfSet = std::max(kFloats, (1 + kDims + kPipeline + kFloats) / 2);
  EXPECT_LE(cycles, kSets * kOfSet + 20);
}

}  // namespace
}  // namespace accllm::rtl
