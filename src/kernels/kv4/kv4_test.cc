#include "kernels/kv4/kv4.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "base/fp16.h"
#include "kernels/kv4/kv_list.h"
#include "kernels/testing/test_data.h"

namespace accllm::kernels {
namespace {

using testing::Random;

// One vector, quantised.
struct Quantized {
  explicit Quantized(const std::vector<float>& values)
      : x(values),
        head_dim(static_cast<int64_t>(values.size())),
        codes(static_cast<size_t>(KvPaddedDim(head_dim) / 2), 0xAB),
        groups(static_cast<size_t>(KvGroups(head_dim)), 0xAB) {
    QuantizeKv(x.data(), head_dim, {codes.data(), &scale, groups.data(), 1});
  }

  KvRows rows() const { return {codes.data(), &scale, groups.data(), 1}; }
  int Code(int64_t dim) const { return KvCode(codes.data(), KvPaddedDim(head_dim), dim); }
  uint8_t GroupOf(int64_t dim) const { return groups[static_cast<size_t>(dim / kKvGroup)]; }
  double Step(int64_t dim) const {
    return static_cast<double>(HalfToFloat(scale)) * KvMultiplier(GroupOf(dim));
  }
  double Decoded(int64_t dim) const {
    return static_cast<double>(HalfToFloat(scale)) * KvLevel(rows(), KvPaddedDim(head_dim), 0, dim);
  }
  double SquaredError(int64_t group) const {
    double sum = 0.0;
    for (int64_t i = group * kKvGroup; i < std::min((group + 1) * kKvGroup, head_dim); ++i) {
      const double error = Decoded(i) - x[static_cast<size_t>(i)];
      sum += error * error;
    }
    return sum;
  }

  std::vector<float> x;
  int64_t head_dim;
  std::vector<uint8_t> codes;
  uint16_t scale = 0;
  std::vector<uint8_t> groups;
};

// The least squared error of a group over all zero points, with every value at its nearest code.
double LeastError(const Quantized& q, int64_t group, int multiplier) {
  const double step = static_cast<double>(HalfToFloat(q.scale)) * multiplier;
  double least = std::numeric_limits<double>::infinity();
  for (int zero = 0; zero <= 15; ++zero) {
    double sum = 0.0;
    for (int64_t i = group * kKvGroup; i < std::min((group + 1) * kKvGroup, q.head_dim); ++i) {
      const double value = q.x[static_cast<size_t>(i)];
      const double code = std::clamp(std::nearbyint(value / step) + zero, 0.0, 15.0);
      const double error = value - step * (code - zero);
      sum += error * error;
    }
    least = std::min(least, sum);
  }
  return least;
}

TEST(QuantizeKv, InnerValuesAreWithinHalfAStep) {
  Random random(1);
  for (const int64_t head_dim : {2, 48, 64, 80, 128, 256}) {
    for (int repeat = 0; repeat < 50; ++repeat) {
      std::vector<float> x = random.Floats(head_dim, 2.0F);
      const auto shift = static_cast<float>(random.Integer(-3, 3));  // one-sided ranges too
      for (float& v : x) v += shift;
      const Quantized q(x);
      for (int64_t i = 0; i < head_dim; ++i) {
        if (q.Code(i) == 0 || q.Code(i) == 15) continue;  // may be clipped
        ASSERT_NEAR(q.Decoded(i), x[static_cast<size_t>(i)], 0.5001 * q.Step(i))
            << head_dim << " " << i;
      }
    }
  }
}

// Whatever multiplier and zero point one might choose with this scale, it is hardly better: the
// rule looks at two multipliers and one zero point each.
TEST(QuantizeKv, IsCloseToTheBestOfAllMultipliersAndZeros) {
  Random random(2);
  double sum = 0.0;
  double least_sum = 0.0;
  for (int repeat = 0; repeat < 200; ++repeat) {
    std::vector<float> x = random.Floats(128);
    const auto spread = static_cast<float>(random.Integer(1, 12));
    for (size_t i = 0; i < 32; ++i) x[i] *= spread;  // groups of different width
    const Quantized q(x);
    for (int64_t group = 0; group < 4; ++group) {
      double least = std::numeric_limits<double>::infinity();
      for (int m = 1; m <= 15; ++m) least = std::min(least, LeastError(q, group, m));
      ASSERT_GE(q.SquaredError(group), 0.9999 * least);
      sum += q.SquaredError(group);
      least_sum += least;
    }
  }
  EXPECT_LT(sum, 1.05 * least_sum);
}

TEST(QuantizeKv, TheWidestGroupUsesTheLargestMultipliers) {
  Random random(3);
  for (int repeat = 0; repeat < 100; ++repeat) {
    const Quantized q(random.Floats(128));
    int largest = 0;
    for (const uint8_t group : q.groups) largest = std::max(largest, KvMultiplier(group));
    EXPECT_GE(largest, 14);
  }
}

TEST(QuantizeKv, ZeroIsExactAndPaddingIsZero) {
  const Quantized q({0.0F, 3.0F, -1.0F, 0.0F});
  EXPECT_EQ(q.Decoded(0), 0.0);
  EXPECT_EQ(q.Decoded(3), 0.0);
  for (int64_t i = 4; i < 64; ++i) EXPECT_EQ(q.Decoded(i), 0.0) << i;
  EXPECT_EQ(q.groups[1], 0);  // a group of zeros
}

TEST(QuantizeKv, ExtremesAreMarked) {
  const auto expect_zeros = [](const Quantized& q) {
    EXPECT_EQ(q.codes, std::vector<uint8_t>(q.codes.size(), 0));
    EXPECT_EQ(q.groups, std::vector<uint8_t>(q.groups.size(), 0));
  };
  const Quantized zeros({0.0F, -0.0F});
  expect_zeros(zeros);
  EXPECT_EQ(zeros.scale, 0);
  const Quantized tiny({1e-12F, -1e-12F});  // below the smallest binary16 scale
  expect_zeros(tiny);
  EXPECT_EQ(tiny.scale, 0);
  for (const float bad : {INFINITY, -INFINITY, std::nanf("")}) {
    const Quantized q({1.0F, bad});
    expect_zeros(q);
    EXPECT_TRUE(std::isnan(HalfToFloat(q.scale)));
  }
  const Quantized huge({3e38F, -3e38F});  // beyond binary16: saturates, stays finite
  EXPECT_EQ(HalfToFloat(huge.scale), 65504.0F);
  EXPECT_EQ(huge.Code(0), 15);
  EXPECT_EQ(huge.Code(1), 0);
}

TEST(KvList, KeepsEverySlotAsItWasQuantised) {
  Random random(4);
  for (const int64_t head_dim : {2, 64, 80, 128}) {
    KvList list(head_dim);
    std::vector<Quantized> slots;
    for (int64_t n = 0; n < 20; ++n) {
      slots.emplace_back(random.Floats(head_dim));
      list.Append(slots.back().x.data());
    }
    for (int64_t slot = 0; slot < 20; ++slot) {
      const Quantized& q = slots[static_cast<size_t>(slot)];
      ASSERT_EQ(list.rows().scales[slot], q.scale);
      for (int64_t i = 0; i < head_dim; ++i) {
        ASSERT_EQ(KvLevel(list.rows(), KvPaddedDim(head_dim), slot, i),
                  KvLevel(q.rows(), KvPaddedDim(head_dim), 0, i));
      }
    }
  }
}

}  // namespace
}  // namespace accllm::kernels
