#include "kernels/quantize/quantize.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

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
    const int64_t padded_dim = (head_dim + 63) / 64 * 64;
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

}  // namespace
}  // namespace accllm::kernels
