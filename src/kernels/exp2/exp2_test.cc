#include "kernels/exp2/exp2.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace accllm::kernels {
namespace {

TEST(Exp2, CloseToTheRealFunction) {
  EXPECT_EQ(Exp2NegQ30(0), 1U << 30);
  for (uint32_t x = 0; x < (15U << 16); ++x) {
    const double expected = std::exp2(-static_cast<double>(x) / 65536) * 0x1p30;
    ASSERT_NEAR(Exp2NegQ30(x) / expected, 1.0, 1e-4) << x;
  }
}

// Truncated products let the function step back up now and then, by two units of its mantissa at
// most.
TEST(Exp2, FallsButForTwoUnitsAndEndsAtZero) {
  uint32_t last = Exp2NegQ30(0);
  for (uint32_t x = 1; x < (33U << 16); ++x) {
    const uint32_t now = Exp2NegQ30(x);
    const uint32_t two_units = x < (32U << 16) ? (2U << 14) >> (x >> 16) : 0U;
    ASSERT_LE(now, last + std::max(two_units, 1U)) << x;
    ASSERT_LE(now, Exp2NegQ30(x & 0xFFFF0000U)) << x;
    last = now;
  }
  EXPECT_EQ(last, 0U);
  EXPECT_EQ(Exp2NegQ30(0xFFFFFFFFU), 0U);
}

TEST(Exp2, ArgumentHandlesExtremes) {
  EXPECT_EQ(Exp2ArgumentQ16(0.0F), 0U);
  EXPECT_EQ(Exp2NegQ30(Exp2ArgumentQ16(std::numeric_limits<float>::infinity())), 0U);
  EXPECT_EQ(Exp2NegQ30(Exp2ArgumentQ16(std::numeric_limits<float>::quiet_NaN())), 0U);
  EXPECT_NEAR(Exp2NegQ30(Exp2ArgumentQ16(1.0F)) * 0x1p-30, std::exp(-1.0), 1e-4);
}

}  // namespace
}  // namespace accllm::kernels
