#include <array>
#include <cmath>
#include <vector>

#include "Vkv4_quantize.h"
#include "tests/rtl/bench.h"
#include "tests/rtl/float_operands.h"
#include "tests/rtl/kv4_groups.h"
#include "tests/rtl/stream.h"
#include "tests/rtl/wide.h"

namespace accllm::rtl {
namespace {

struct Beat {
  std::array<uint32_t, 4> x = {};
  bool is_last = false;
};

float Uniform(Vector& vector) { return static_cast<float>(vector.Below(1U << 24)) * 0x1p-23F - 1; }

// Elements of one group. `size`: of its largest, about.
void FillGroup(Vector& vector, float size, float* x, size_t n) {
  const uint32_t kind = vector.Below(8);
  const float offset = Uniform(vector) * size;
  for (size_t i = 0; i < n; ++i) {
    const float value = Uniform(vector) * size;
    switch (kind) {
      case 0:  // all of one sign
        x[i] = std::abs(value);
        break;
      case 1:  // far from zero
        x[i] = offset + value * 0.125F;
        break;
      case 2:  // few values: errors of two multipliers are often equal
        x[i] = static_cast<float>(static_cast<int>(vector.Below(17)) - 8) * size / 8;
        break;
      case 3:  // an outlier, which is worth clipping
        x[i] = vector.Below(16) == 0 ? value : value * 0.25F;
        break;
      case 4:  // many zeros
        x[i] = vector.Below(4) == 0 ? value : 0.0F;
        break;
      case 5:  // close to a normal distribution
        x[i] = (Uniform(vector) + Uniform(vector) + Uniform(vector)) * 0.3F * size;
        break;
      case 6:  // magnitudes of all kinds
        x[i] = std::ldexp(value, -static_cast<int>(vector.Below(60)));
        break;
      default:
        x[i] = value;
        break;
    }
  }
}

std::vector<float> VectorOf(int64_t number) {
  Vector vector(number);
  static constexpr size_t kDims[] = {64, 128, 256, 32, 40, 80, 96, 192, 2, 250};
  const size_t dim = kDims[number % 2 == 0 ? vector.Below(3) : vector.Below(std::size(kDims))];
  std::vector<float> x(dim);
  // Most scales are ordinary; others are at the ends of binary16 and of binary32.
  const uint32_t kind = vector.Below(16);
  int exponent = static_cast<int>(vector.Below(8)) - 4;
  if (kind == 0) exponent = static_cast<int>(vector.Below(24)) - 24;   // subnormal or no scale
  if (kind == 1) exponent = 18 + static_cast<int>(vector.Below(110));  // largest scale, overflow
  if (kind == 2) exponent = -static_cast<int>(vector.Below(149));
  for (size_t first = 0; first < dim; first += 32) {
    const size_t n = std::min<size_t>(32, dim - first);
    const uint32_t below = vector.Below(4) == 0 ? vector.Below(12) : 0;
    FillGroup(vector, std::ldexp(1.0F, exponent - static_cast<int>(below)), &x[first], n);
    if (vector.Below(24) == 0) std::fill(&x[first], &x[first] + n, 0.0F);
  }
  if (kind == 3) {  // any bits
    for (float& value : x) value = AsFloat(AnyFloat(vector));
  }
  if (kind == 4 || kind == 3) {  // something may be infinite or NaN, anywhere
    for (float& value : x) {
      if (kind == 3 && !std::isfinite(value)) value = 1.0F;
    }
    if (vector.Below(2) == 0)
      x[vector.Below(static_cast<uint32_t>(dim))] = AsFloat(0x7F800000U + vector.Below(3));
  }
  return x;
}

class Kv4Quantize : public testing::Test {
 protected:
  void Push(const std::vector<float>& x) {
    const auto padded = static_cast<size_t>(kernels::KvPaddedDim(static_cast<int64_t>(x.size())));
    for (size_t first = 0; first < padded; first += 4) {
      Beat beat;
      for (size_t i = first; i < std::min(first + 4, x.size()); ++i) {
        beat.x[i - first] = AsBits(x[i]);
      }
      beat.is_last = first + 4 == padded;
      beats_.push_back(beat);
    }
    const std::vector<Kv4Group> groups = Kv4GroupsOf(x);
    expected_.insert(expected_.end(), groups.begin(), groups.end());
  }

  // Returns the cycles that it took.
  int64_t Run(Stall source_stall, Stall sink_stall) {
    Source<Beat> source(std::move(source_stall));
    for (const Beat& beat : beats_) source.Push(beat);
    Sink<Kv4Group> sink(std::move(sink_stall));
    dut_->valid_i = 0;
    dut_->ready_i = 0;
    dut_.Reset();
    const int64_t begin = dut_.cycles();
    const auto most = static_cast<int64_t>(100 * beats_.size() + 10000);
    while (sink.items().size() < expected_.size() && dut_.cycles() - begin < most) {
      dut_->valid_i = source.Valid();
      const Beat beat = source.Data();
      Assign(dut_->beat_i, beat.x);
      dut_->last_i = beat.is_last;
      dut_->ready_i = sink.Ready();
      dut_.Settle();
      source.Sample(dut_->ready_o);
      sink.Sample(dut_->valid_o, Kv4Group{Words(dut_->codes_o), dut_->group_o, dut_->scale_o,
                                          static_cast<bool>(dut_->last_o)});
      dut_.Edge();
    }
    Compare(sink.items());
    return dut_.cycles() - begin;
  }

  void Compare(const std::vector<Kv4Group>& got) {
    ASSERT_EQ(got.size(), expected_.size());
    for (size_t i = 0; i < got.size(); ++i) {
      ASSERT_EQ(got[i].codes, expected_[i].codes) << "codes of group " << i;
      ASSERT_EQ(got[i].group, expected_[i].group) << "multiplier and zero of group " << i;
      ASSERT_EQ(got[i].scale, expected_[i].scale) << "scale of group " << i;
      ASSERT_EQ(got[i].is_last, expected_[i].is_last) << "end of the vector, group " << i;
    }
  }

  Bench<Vkv4_quantize> dut_;
  std::vector<Beat> beats_;
  std::vector<Kv4Group> expected_;
};

TEST_F(Kv4Quantize, EqualsTheKernelUnderRandomStalls) {
  const int64_t n = VectorsOfATest() / 500;
  for (int64_t i = 0; i < n; ++i) Push(VectorOf(i));
  Run(Stall(1), Stall(2));
}

TEST_F(Kv4Quantize, TakesFourElementsACycleWithoutStalls) {
  constexpr int64_t kVectors64 = 40;
  for (const size_t dim : {64, 128, 256}) {
    for (int64_t i = 0; i < kVectors64; ++i) {
      Vector vector(i);
      std::vector<float> x(dim);
      for (float& value : x) value = Uniform(vector);
      Push(x);
    }
  }
  constexpr int64_t kLatency = 300;
  EXPECT_LE(Run(Stall::Never(), Stall::Never()), static_cast<int64_t>(beats_.size()) + kLatency);
}

}  // namespace
}  // namespace accllm::rtl
