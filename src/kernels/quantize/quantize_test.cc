#include "kernels/quantize/quantize.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "base/fp16.h"
#include "kernels/kernel_table.h"
#include "kernels/testing/test_data.h"

namespace accllm::kernels {
namespace {

using testing::Random;
using testing::SupportedIsas;

struct Quantized {
  std::vector<uint8_t> codes;  // [n_blocks, 4, 64]
  float scale = 0.0F;

  int Value(int64_t k) const {
    return codes[static_cast<size_t>(k / 256 * 256 + 64 * (k % 4) + k % 256 / 4)] - 128;
  }
};

Quantized RunQuantize(QuantizeActivations kernel, const std::vector<float>& x) {
  const auto n = static_cast<int64_t>(x.size());
  Quantized out;
  out.codes.assign(static_cast<size_t>((n + 255) / 256 * 256 + 1), 77);
  kernel(x.data(), n, out.codes.data(), &out.scale);
  EXPECT_EQ(out.codes.back(), 77);
  out.codes.pop_back();
  return out;
}

TEST(QuantizeActivations, ScalarRoundsToTheNearestCode) {
  Random random(1);
  for (const int64_t n : {1, 255, 256, 257, 3000}) {
    const std::vector<float> x = random.Floats(n, 4.0F);
    const Quantized q = RunQuantize(QuantizeActivationsScalar, x);
    float amax = 0.0F;
    for (const float v : x) amax = std::max(amax, std::abs(v));
    EXPECT_EQ(q.scale, amax / 127.0F);
    for (int64_t k = 0; k < n; ++k) {
      ASSERT_LE(std::abs(q.Value(k)), 127);
      ASSERT_NEAR(q.Value(k) * q.scale, x[static_cast<size_t>(k)], 0.5001 * q.scale)
          << n << " " << k;
    }
    for (int64_t k = n; k < static_cast<int64_t>(q.codes.size()); ++k) ASSERT_EQ(q.Value(k), 0);
  }
}

TEST(QuantizeActivations, ScalarRoundsTiesToEven) {
  const Quantized q =
      RunQuantize(QuantizeActivationsScalar, {127.0F, 0.5F, 1.5F, -0.5F, -2.5F, -127.0F});
  EXPECT_EQ(q.scale, 1.0F);
  const std::array<int, 6> expected = {127, 0, 2, 0, -2, -127};
  for (int64_t k = 0; k < 6; ++k) EXPECT_EQ(q.Value(k), expected[static_cast<size_t>(k)]) << k;
}

TEST(QuantizeActivations, ScalarMarksWhatItCannotHold) {
  EXPECT_TRUE(std::isnan(RunQuantize(QuantizeActivationsScalar, {1.0F, std::nanf("")}).scale));
  EXPECT_TRUE(std::isnan(RunQuantize(QuantizeActivationsScalar, {-INFINITY, 0.0F}).scale));
  EXPECT_EQ(RunQuantize(QuantizeActivationsScalar, {0.0F, -0.0F}).scale, 0.0F);
  EXPECT_EQ(RunQuantize(QuantizeActivationsScalar, {1e-44F}).scale, 0.0F);
}

void ExpectEqualOnAllIsas(const std::vector<float>& x) {
  const Quantized expected = RunQuantize(QuantizeActivationsScalar, x);
  for (const Isa isa : SupportedIsas()) {
    const Quantized q = RunQuantize(KernelsFor(isa).quantize_activations, x);
    EXPECT_TRUE(testing::SameFloat(q.scale, expected.scale)) << IsaName(isa) << " " << x.size();
    EXPECT_EQ(q.codes, expected.codes) << IsaName(isa) << " " << x.size();
  }
}

TEST(QuantizeActivations, EveryIsaEqualsScalar) {
  Random random(2);
  for (const int64_t n : {1, 15, 16, 17, 63, 64, 65, 255, 256, 257, 896, 4096, 11008}) {
    ExpectEqualOnAllIsas(random.Floats(n));
    std::vector<float> ties;  // many values half-way between codes
    for (int64_t k = 0; k < n; ++k) {
      ties.push_back(static_cast<float>(random.Integer(-254, 254)) * 0.5F);
    }
    ties[0] = 127.0F;
    ExpectEqualOnAllIsas(ties);
  }
}

TEST(QuantizeActivations, EveryIsaEqualsScalarOnSpecialValues) {
  Random random(3);
  for (const float special : testing::SpecialFloats()) {
    ExpectEqualOnAllIsas({special});
    ExpectEqualOnAllIsas(std::vector<float>(300, special));
    ExpectEqualOnAllIsas(testing::FloatsWith(random, 270, special));
  }
}

TEST(QuantizeQuery, IsTheSameRuleInNaturalOrder) {
  Random random(4);
  for (const int64_t head_dim : {2, 64, 80, 128}) {
    const std::vector<float> x = random.Floats(head_dim);
    const int64_t padded_dim = KvPaddedDim(head_dim);
    std::vector<int8_t> q(static_cast<size_t>(padded_dim), 55);
    float scale = 0.0F;
    QuantizeQuery(x.data(), head_dim, padded_dim, q.data(), &scale);
    const Quantized expected = RunQuantize(QuantizeActivationsScalar, x);
    EXPECT_EQ(scale, expected.scale);
    for (int64_t i = 0; i < padded_dim; ++i) {
      EXPECT_EQ(q[static_cast<size_t>(i)], i < head_dim ? expected.Value(i) : 0) << i;
    }
  }
}

std::vector<uint8_t> KvRow(const std::vector<float>& x, KvParam* param) {
  const auto head_dim = static_cast<int64_t>(x.size());
  std::vector<uint8_t> row(static_cast<size_t>(KvPaddedDim(head_dim) / 2), 0xAB);
  *param = QuantizeKv(x.data(), head_dim, row.data());
  return row;
}

TEST(QuantizeKv, EveryValueIsWithinHalfAStep) {
  Random random(5);
  for (const int64_t head_dim : {2, 48, 64, 80, 128, 256}) {
    for (int repeat = 0; repeat < 50; ++repeat) {
      std::vector<float> x = random.Floats(head_dim, 2.0F);
      const auto shift = static_cast<float>(random.Integer(-3, 3));  // one-sided ranges too
      for (float& v : x) v += shift;
      KvParam param;
      const std::vector<uint8_t> row = KvRow(x, &param);
      ASSERT_LE(param.zero, 15);
      const float scale = HalfToFloat(param.scale);
      // Half a step, and what rounding the scale to binary16 adds over 15 steps.
      for (int64_t i = 0; i < head_dim; ++i) {
        const int code = KvCode(row.data(), KvPaddedDim(head_dim), i);
        const float back = scale * static_cast<float>(code - param.zero);
        ASSERT_NEAR(back, x[static_cast<size_t>(i)], 0.52F * scale) << head_dim << " " << i;
      }
    }
  }
}

TEST(QuantizeKv, ZeroIsExactAndPaddingIsZero) {
  KvParam param;
  const std::vector<uint8_t> row = KvRow({0.0F, 3.0F, -1.0F, 0.0F}, &param);
  EXPECT_EQ(KvCode(row.data(), 64, 0), param.zero);
  EXPECT_EQ(KvCode(row.data(), 64, 3), param.zero);
  for (int64_t i = 4; i < 64; ++i) EXPECT_EQ(KvCode(row.data(), 64, i), 0) << i;
}

TEST(QuantizeKv, ExtremesAreMarked) {
  KvParam param;
  EXPECT_EQ(KvRow({0.0F, -0.0F}, &param), std::vector<uint8_t>(32, 0));
  EXPECT_EQ(param.scale, 0);
  EXPECT_EQ(param.zero, 0);
  KvRow({1e-12F, -1e-12F}, &param);  // below the smallest binary16 scale
  EXPECT_EQ(param.scale, 0);
  for (const float bad : {INFINITY, -INFINITY, std::nanf("")}) {
    EXPECT_EQ(KvRow({1.0F, bad}, &param), std::vector<uint8_t>(32, 0));
    EXPECT_TRUE(std::isnan(HalfToFloat(param.scale)));
  }
  KvRow({3e38F, -3e38F}, &param);  // beyond binary16: saturates, stays finite
  EXPECT_EQ(HalfToFloat(param.scale), 65504.0F);
  EXPECT_LE(param.zero, 15);
}

}  // namespace
}  // namespace accllm::kernels
