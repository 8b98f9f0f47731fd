#include <array>
#include <cmath>
#include <random>

#include "Vscalar_unit.h"
#include "accel/rtl/field.h"
#include "kernels/quantize/quantize.h"
#include "tests/rtl/bench.h"
#include "tests/rtl/float_operands.h"

namespace accllm::rtl {
namespace {

constexpr int kSlots = ACCLLM_SLOTS;
// vector_pkg::scalar_e.
constexpr uint32_t kInverseRms = 0;
constexpr uint32_t kInverse = 1;
constexpr uint32_t kScale = 2;

class ScalarUnit : public testing::Test {
 protected:
  ScalarUnit() {
    dut_->start_i = 0;
    dut_->total_valid_i = 0;
    dut_.Reset();
  }

  // Totals become valid in random cycles. Returns the cycles that the request took.
  int64_t Request(bool is_a8, int n_tokens, uint32_t valid) {
    dut_->is_a8_i = is_a8;
    dut_->last_token_i = n_tokens - 1;
    dut_->start_i = 1;
    dut_->total_valid_i = valid;
    cleared_ = 0;
    const int64_t begin = dut_.cycles();
    do {
      dut_.Settle();
      EXPECT_EQ(cleared_ & dut_->clear_o, 0U);
      cleared_ |= dut_->clear_o;
      dut_.Edge();
      dut_->start_i = 0;
      if (random_() % 32 == 0) dut_->total_valid_i |= 1U << random_() % kSlots;
      dut_.Settle();
    } while (!dut_->ready_o && dut_.cycles() - begin < 5000);
    EXPECT_TRUE(dut_->ready_o);
    return dut_.cycles() - begin;
  }

  uint32_t Scalar(uint32_t scalar, int token) {
    dut_->scalar_i = scalar;
    dut_->token_i = token;
    dut_.Settle();
    return dut_->scalar_o;
  }

  Bench<Vscalar_unit> dut_;
  std::mt19937 random_{5};
  uint32_t cleared_ = 0;
};

TEST_F(ScalarUnit, InverseRmsEqualsTheHost) {
  for (int64_t i = 0; i < VectorsOfATest() / 200; ++i) {
    Vector vector(i);
    std::array<uint32_t, kSlots> totals;
    for (int token = 0; token < kSlots; ++token) {
      totals[token] = i < kSpecials ? Special(i) : AnyFloat(vector);
      SetField(dut_->total_i, 32 * token, 32, totals[token]);
    }
    const auto n = static_cast<int>(1 + vector.Below(16384));
    const uint32_t eps = vector.Below(4) == 0 ? AnyFloat(vector) : AsBits(1e-5F);
    const auto n_tokens = static_cast<int>(1 + vector.Below(kSlots));
    dut_->n_i = n;
    dut_->eps_i = eps;
    Request(false, n_tokens, vector.Below(1U << kSlots));
    EXPECT_EQ(cleared_, 0U);
    for (int token = 0; token < n_tokens; ++token) {
      const float mean = AsFloat(totals[token]) / static_cast<float>(n);
      const uint32_t expected = AsBits(1.0F / std::sqrt(mean + AsFloat(eps)));
      ASSERT_TRUE(SameFloat(Scalar(kInverseRms, token), expected))
          << std::hex << totals[token] << " / " << n << " + " << eps;
    }
  }
}

TEST_F(ScalarUnit, A8EqualsTheKernel) {
  for (int64_t i = 0; i < VectorsOfATest() / 100; ++i) {
    Vector vector(i);
    std::array<uint32_t, kSlots> largest;
    for (int token = 0; token < kSlots; ++token) {
      largest[token] = (i < kSpecials ? Special(i) : AnyFloat(vector)) & 0x7FFFFFFFU;
      SetField(dut_->largest_i, 31 * token, 31, largest[token]);
    }
    const auto n_tokens = static_cast<int>(1 + vector.Below(kSlots));
    const uint32_t buffer = vector.Below(2);
    dut_->buffer_i = buffer;
    Request(true, n_tokens, 0);
    EXPECT_EQ(cleared_, (1U << n_tokens) - 1);
    for (int token = 0; token < n_tokens; ++token) {
      const kernels::Int8Rule rule = kernels::MakeInt8Rule(largest[token]);
      ASSERT_EQ(Scalar(kInverse, token), AsBits(rule.inverse)) << std::hex << largest[token];
      ASSERT_TRUE(SameFloat(Scalar(kScale + buffer, token), AsBits(rule.scale)))
          << std::hex << largest[token];
    }
  }
}

TEST_F(ScalarUnit, TakesTheseCycles) {
  for (int token = 0; token < kSlots; ++token) {
    SetField(dut_->total_i, 32 * token, 32, AsBits(3.0F));
    SetField(dut_->largest_i, 31 * token, 31, AsBits(3.0F));
  }
  dut_->n_i = 4096;
  dut_->eps_i = AsBits(1e-5F);
  EXPECT_EQ(Request(false, kSlots, (1U << kSlots) - 1), 97 + 28 * (kSlots - 1));
  EXPECT_EQ(Request(true, kSlots, 0), 37 + 2 * (kSlots - 1));
}

}  // namespace
}  // namespace accllm::rtl
