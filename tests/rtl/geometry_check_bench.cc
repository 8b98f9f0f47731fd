#include <random>

#include "Vgeometry_check.h"
#include "tests/rtl/bench.h"
#include "tests/rtl/ctrl_fields.h"

namespace accllm::rtl {
namespace {

constexpr uint32_t kLanes = 4, kSlots = 4, kWords = 5120, kBlocks = 16;
constexpr int64_t kUnits = kWords / (8 * kSlots);

class GeometryCheck : public ::testing::Test {
 protected:
  GeometryCheck() {
    dut_->start_i = 0;
    dut_.Reset();
  }

  // Whether it fits; its shape is shape().
  bool Check(const isa::Geometry& geometry) {
    uint32_t words[sizeof(geometry) / 4];
    std::memcpy(words, &geometry, sizeof(geometry));
    for (size_t i = 0; i < std::size(words); ++i) dut_->geometry_i[i] = words[i];
    dut_->start_i = 1;
    for (int i = 0; i < 60; ++i) {
      dut_.Settle();
      const bool is_done = dut_->done_o;
      dut_.Edge();
      dut_->start_i = 0;
      if (is_done) return dut_->fits_o;
    }
    ADD_FAILURE() << "it does not end";
    return false;
  }
  CtrlShape shape() { return CtrlShape::From(dut_->shape_o); }

  static isa::Geometry Small() {
    isa::Geometry g = {};
    g.hidden = 300, g.intermediate = 530, g.heads = 8, g.kv_heads = 2, g.head_dim = 40;
    g.vocab = 32000, g.lanes = kLanes, g.slots = kSlots;
    return g;
  }

  Bench<Vgeometry_check> dut_;
};

TEST_F(GeometryCheck, ShapesAreThoseOfTheLayout) {
  std::mt19937 random(1);
  int n_fit = 0;
  for (int i = 0; i < 5000; ++i) {
    isa::Geometry g = Small();
    const auto below = [&](uint32_t n) { return static_cast<uint32_t>(random() % n); };
    g.hidden = 1 + below(i % 2 == 0 ? 1500 : 9000);
    g.intermediate = 1 + below(i % 3 == 0 ? 9000 : 1200);
    g.kv_heads = 1 + below(4);
    g.heads = g.kv_heads * (1 + below(4));
    g.head_dim = 2 + 2 * below(60);
    g.vocab = 1 + below(1U << 26);
    g.slots = 1 + below(kSlots);
    const CtrlShape expected = CtrlShape::Of(g);
    bool fits = expected.units() <= kUnits;
    for (const int place : {0, 1, 4, 5}) fits = fits && expected.blocks[place] <= kBlocks;
    ASSERT_EQ(Check(g), fits) << i;
    if (!fits) continue;
    ++n_fit;
    CtrlShape got = shape();
    got.blocks[kPlaceOutput] = expected.blocks[kPlaceOutput];  // nobody's
    ASSERT_EQ(got, expected);
  }
  EXPECT_GT(n_fit, 500);
  EXPECT_LT(n_fit, 4500);
}

TEST_F(GeometryCheck, WhatIsNoMachineOfThisKindDoesNotFit) {
  ASSERT_TRUE(Check(Small()));
  const auto fits = [&](auto change) {
    isa::Geometry g = Small();
    change(g);
    return Check(g);
  };
  EXPECT_FALSE(fits([](auto& g) { g.lanes = kLanes / 2; }));
  EXPECT_FALSE(fits([](auto& g) { g.slots = 0; }));
  EXPECT_FALSE(fits([](auto& g) { g.slots = kSlots + 1; }));
  EXPECT_FALSE(fits([](auto& g) { g.hidden = 0; }));
  EXPECT_FALSE(fits([](auto& g) { g.hidden += 1U << 31; }));
  EXPECT_FALSE(fits([](auto& g) { g.vocab = 0; }));
  EXPECT_FALSE(fits([](auto& g) { g.vocab = (1U << 26) + 1; }));
  EXPECT_TRUE(fits([](auto& g) { g.vocab = 1U << 26; }));
  EXPECT_FALSE(fits([](auto& g) { g.intermediate = 0; }));
  EXPECT_FALSE(fits([](auto& g) { g.head_dim = 41; }));
  EXPECT_FALSE(fits([](auto& g) { g.head_dim = 0; }));
  EXPECT_FALSE(fits([](auto& g) { g.heads += 1U << 13; }));
  EXPECT_FALSE(fits([](auto& g) { g.kv_heads = 0; }));
}

}  // namespace
}  // namespace accllm::rtl
