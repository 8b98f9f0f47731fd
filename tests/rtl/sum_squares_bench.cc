#include <array>
#include <deque>
#include <vector>

#include "Vsum_squares.h"
#include "accel/rtl/field.h"
#include "accel/rtl/stall.h"
#include "tests/rtl/bench.h"
#include "tests/rtl/float_operands.h"

namespace accllm::rtl {
namespace {

constexpr int kLanes = ACCLLM_LANES;
constexpr int kDepth = 32;

float SumOfSquares(const std::vector<float>& x) {
  std::array<float, 16> sums = {};
  for (size_t k = 0; k < x.size(); ++k) sums[k % 16] += x[k] * x[k];
  for (size_t step = 8; step > 0; step /= 2) {
    for (size_t i = 0; i < step; ++i) sums[i] += sums[i + step];
  }
  return sums[0];
}

class SumSquares : public testing::Test {
 protected:
  SumSquares() {
    dut_->push_i = 0;
    dut_.Reset();
  }

  // Rows of whole rounds, as lanes hold them.
  void Push(std::vector<float> x) {
    x.resize((x.size() + 8 * kLanes - 1) / (8 * kLanes) * 8 * kLanes);
    expected_.push_back(AsBits(SumOfSquares(x)));
    for (size_t first = 0; first < x.size(); first += 8 * kLanes) {
      for (int row = 0; row < 8; ++row) {
        std::vector<uint32_t> values;
        for (int lane = 0; lane < kLanes; ++lane) {
          values.push_back(AsBits(x[first + 8 * lane + row]));
        }
        rows_.push_back({values, row == 7 && first + 8 * kLanes == x.size()});
      }
    }
  }

  // Returns the cycles that it took.
  int64_t Run(Stall stall) {
    const int64_t begin = dut_.cycles();
    size_t n_totals = 0;
    int free = kDepth;
    while (n_totals < expected_.size() && dut_.cycles() - begin < 5'000'000) {
      Randomize(dut_->row_i, 32 * kLanes, random_);
      dut_->last_i = random_() % 2;
      dut_->push_i = !rows_.empty() && free > 0 && !stall();
      if (dut_->push_i) {
        for (int lane = 0; lane < kLanes; ++lane) {
          SetField(dut_->row_i, 32 * lane, 32, rows_.front().values[lane]);
        }
        dut_->last_i = rows_.front().is_last;
        rows_.pop_front();
        --free;
      }
      dut_.Settle();
      if (dut_->taken_o) free += 4;
      if (dut_->valid_o) {
        EXPECT_TRUE(SameFloat(dut_->total_o, expected_[n_totals]))
            << "vector " << n_totals << std::hex << ": " << dut_->total_o << ", not "
            << expected_[n_totals];
        ++n_totals;
      }
      dut_.Edge();
    }
    EXPECT_EQ(n_totals, expected_.size());
    return dut_.cycles() - begin;
  }

 private:
  struct Row {
    std::vector<uint32_t> values;  // [lane]
    bool is_last;
  };

  Bench<Vsum_squares> dut_;
  std::mt19937 random_{3};
  std::deque<Row> rows_;
  std::vector<uint32_t> expected_;
};

TEST_F(SumSquares, EqualsTheScalarOrderForAnyLengthUnderRandomStalls) {
  for (int64_t i = 0; i < VectorsOfATest() / 2000; ++i) {
    Vector vector(i);
    std::vector<float> x(1 + vector.Below(i % 8 == 0 ? 3000 : 300));
    const uint32_t kind = vector.Below(4);
    for (float& value : x) {
      uint32_t bits = AnyFloat(vector);
      if (kind != 0) bits = (bits & 0x807FFFFFU) | ((120 + vector.Below(10)) << 23);
      value = AsFloat(bits);
    }
    Push(std::move(x));
  }
  Run(Stall(1));
}

TEST_F(SumSquares, TakesTwoElementsACycle) {
  constexpr int kLength = 4096;
  std::vector<float> x(kLength);
  Vector vector(1);
  for (float& value : x) value = AsFloat(0x3F800000U | vector.Below(1U << 23));
  Push(std::move(x));
  constexpr int64_t kLatency = 70;
  EXPECT_LE(Run(Stall::Never()), kLength / 2 + kLatency);
}

}  // namespace
}  // namespace accllm::rtl
