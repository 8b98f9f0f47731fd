#include <array>
#include <optional>
#include <vector>

#include "Vlane_sum.h"
#include "tests/rtl/bench.h"
#include "tests/rtl/float_operands.h"
#include "tests/rtl/stream.h"

namespace accllm::rtl {
namespace {

constexpr int kWidth = ACCLLM_WIDTH;

struct Beat {
  std::array<uint32_t, kWidth> data = {};
  bool is_last = false;
};

float SumOfSquares(const std::vector<float>& x) {
  std::array<float, 16> lanes = {};
  for (size_t k = 0; k < x.size(); ++k) lanes[k % 16] += x[k] * x[k];
  for (size_t step = 8; step > 0; step /= 2) {
    for (size_t i = 0; i < step; ++i) lanes[i] += lanes[i + step];
  }
  return lanes[0];
}

template <class Model>
void SetData(Model& model, const Beat& beat) {
  if constexpr (kWidth == 1) {
    model.data_i = beat.data[0];
  } else if constexpr (kWidth == 2) {
    model.data_i = beat.data[0] | uint64_t{beat.data[1]} << 32;
  } else {
    for (size_t i = 0; i < kWidth; ++i) model.data_i[i] = beat.data[i];
  }
}

class LaneSum : public testing::Test {
 protected:
  void Push(Source<Beat>& source, const std::vector<float>& x) {
    for (size_t first = 0; first < x.size(); first += kWidth) {
      Beat beat;
      for (size_t i = first; i < std::min(first + kWidth, x.size()); ++i) {
        beat.data[i - first] = AsBits(x[i]);
      }
      beat.is_last = first + kWidth >= x.size();
      source.Push(beat);
    }
    expected_.push_back(AsBits(SumOfSquares(x)));
  }

  // Returns the cycles that it took.
  int64_t Run(Source<Beat>& source, Sink<uint32_t> sink) {
    dut_->valid_i = 0;
    dut_->ready_i = 0;
    dut_.Reset();
    const int64_t begin = dut_.cycles();
    while (sink.items().size() < expected_.size() && dut_.cycles() - begin < 2'000'000) {
      dut_->valid_i = source.Valid();
      const Beat beat = source.Data();
      SetData(dut_.model(), beat);
      dut_->last_i = beat.is_last;
      dut_->ready_i = sink.Ready();
      dut_.Settle();
      source.Sample(dut_->ready_o);
      sink.Sample(dut_->valid_o, dut_->total_o);
      dut_.Edge();
    }
    EXPECT_EQ(sink.items().size(), expected_.size());
    for (size_t i = 0; i < sink.items().size(); ++i) {
      EXPECT_TRUE(SameFloat(sink.items()[i], expected_[i]))
          << "vector " << i << std::hex << ": " << sink.items()[i] << ", not " << expected_[i];
    }
    return dut_.cycles() - begin;
  }

  Bench<Vlane_sum> dut_;
  std::vector<uint32_t> expected_;
};

TEST_F(LaneSum, EqualsTheScalarOrderForAnyLengthUnderRandomStalls) {
  Source<Beat> source(Stall(1));
  for (int64_t i = 0; i < VectorsOfATest() / 700; ++i) {
    Vector vector(i);
    std::vector<float> x(1 + vector.Below(i % 8 == 0 ? 700 : 70));
    const uint32_t kind = vector.Below(4);
    for (float& value : x) {
      uint32_t bits = AnyFloat(vector);
      if (kind != 0) bits = (bits & 0x807FFFFFU) | ((120 + vector.Below(10)) << 23);
      value = AsFloat(bits);
    }
    Push(source, x);
  }
  Run(source, Sink<uint32_t>(Stall(2)));
}

TEST_F(LaneSum, TakesFourElementsACycleWithoutStalls) {
  constexpr int kLength = 4096;
  Source<Beat> source(Stall::Never());
  for (int64_t i = 0; i < 3; ++i) {
    Vector vector(i);
    std::vector<float> x(kLength);
    for (float& value : x) value = AsFloat(0x3F800000U | (vector.Below(1U << 23)));
    Push(source, x);
  }
  const int64_t cycles = Run(source, Sink<uint32_t>(Stall::Never()));
  constexpr int64_t kLatency = 60;
  EXPECT_LE(cycles, 3 * kLength / std::min(kWidth, 4) + kLatency);
}

}  // namespace
}  // namespace accllm::rtl
