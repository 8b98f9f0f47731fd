#include <algorithm>
#include <random>

#include "Vcache_shape.h"
#include "tests/rtl/bench.h"
#include "tests/rtl/ctrl_fields.h"

namespace accllm::rtl {
namespace {

constexpr int64_t kLanes = ACCLLM_LANES, kSlots = 4, kHeadQueries = 8, kQueries = kSlots / 2;
constexpr int64_t kScoreDepth = 4096, kRowDepth = 2048, kChunkDepth = 512;

struct Token {
  int64_t slot = 0, sinks = 0, first_slot = 0, count = 0;
  bool operator==(const Token&) const = default;
};

class CacheShape : public ::testing::Test {
 protected:
  CacheShape() {
    dut_->start_i = 0;
    dut_.Reset();
  }

  void Run(const isa::Geometry& g, uint64_t position, int64_t n_tokens) {
    uint32_t words[sizeof(g) / 4];
    std::memcpy(words, &g, sizeof(g));
    for (size_t i = 0; i < std::size(words); ++i) dut_->geometry_i[i] = words[i];
    dut_->position_i = position;
    dut_->n_tokens_i = static_cast<uint8_t>(n_tokens);
    dut_->start_i = 1;
    for (int i = 0; i < 200; ++i) {
      dut_.Settle();
      const bool is_done = dut_->done_o;
      dut_.Edge();
      dut_->start_i = 0;
      if (is_done) {
        for (int wait = 0; wait < 30; ++wait) {  // it stays
          dut_.Settle();
          dut_.Edge();
        }
        return;
      }
    }
    ADD_FAILURE() << "it does not end";
  }

  CtrlCache cache() { return CtrlCache::From(dut_->cache_o); }
  Token token(int64_t t) {
    const auto window = [&](int64_t lsb) {
      return static_cast<int64_t>(Field(dut_->windows_o, 66 * t + lsb, 22));
    };
    return {static_cast<int64_t>(Field(dut_->slots_o, 22 * t, 22)), window(44), window(22),
            window(0)};
  }

  static isa::Geometry Small() {
    isa::Geometry g = {};
    g.heads = 4, g.kv_heads = 2, g.head_dim = kLanes > 16 ? 128 : 64, g.lanes = kLanes, g.slots = 2;
    g.sinks = 4, g.sink_slots = 32, g.window = 60, g.ring_slots = 96;
    return g;
  }

  Bench<Vcache_shape> dut_;
};

// The most slots of a head that the RAMs hold.
int64_t RowsOf(const isa::Geometry& g, int64_t slots) {
  return slots * g.head_dim / (accel::CacheLayout::kBeatDims * kLanes);
}

TEST_F(CacheShape, IsThatOfTheLayout) {
  std::mt19937 random(1);
  const auto below = [&](int64_t n) { return static_cast<int64_t>(random() % n); };
  int n_fit = 0;
  for (int i = 0; i < 2000; ++i) {
    isa::Geometry g = Small();
    if (kLanes <= 16 && below(2) != 0) g.head_dim = 128;
    g.kv_heads = static_cast<uint32_t>(1 + below(40));
    const int64_t ratio = 1 + below(4);
    g.heads = static_cast<uint32_t>(g.kv_heads * ratio);
    g.slots = static_cast<uint32_t>(1 + below(kSlots));
    g.sinks = static_cast<uint32_t>(below(70));
    g.sink_slots = (g.sinks + 31) / 32 * 32;
    g.ring_slots = static_cast<uint32_t>(32 * (1 + below(12)));
    g.window = below(3) == 0 ? 0 : static_cast<uint32_t>(1 + below(g.ring_slots));
    const int64_t n_tokens = 1 + below(g.slots);
    const int64_t most = g.window == 0 ? g.sinks + g.ring_slots - n_tokens : 1'000'000'000;
    const int64_t position = below(2) == 0 ? below(std::min<int64_t>(most, 600)) : below(most);
    Run(g, position, n_tokens);

    const accel::CacheLayout layout = accel::CacheLayout::For(g);
    const auto folds = [&](int64_t queries) { return accel::CeilDiv(queries, kQueries); };
    const int64_t last = position + n_tokens - 1;
    const int64_t slots = last < g.sinks        ? last + 1
                          : last < g.ring_slots ? g.sink_slots + last + 1
                                                : layout.n_slots;
    const int64_t all_rows = RowsOf(g, layout.n_slots);
    CtrlCache expected;
    expected.fits = g.heads / g.kv_heads * g.slots <= kHeadQueries && 3 * all_rows <= kRowDepth &&
                    3 * all_rows * ratio * g.slots * (g.head_dim == 64 ? 2 : 1) <= kScoreDepth &&
                    2 * all_rows * folds(ratio * g.slots) <= kRowDepth &&
                    3 * layout.n_chunks() * folds(ratio * g.slots) <= kChunkDepth;
    ASSERT_EQ(cache().fits, expected.fits) << i;
    if (!expected.fits) continue;
    ++n_fit;
    expected.split = g.head_dim == 64;
    expected.heads = g.kv_heads;
    expected.ratio = ratio;
    expected.queries = ratio * n_tokens;
    expected.folds = folds(expected.queries);
    expected.sets = layout.value_sets();
    expected.sink_slots = g.sink_slots;
    expected.ring_slots = g.ring_slots;
    expected.end_slot = layout.n_slots;
    expected.all_chunks = layout.n_chunks();
    expected.key_stripes = layout.key_stripes() / g.kv_heads;
    expected.value_stripes = layout.value_stripes() / g.kv_heads;
    expected.chunks = accel::CeilDiv(slots, 32);
    expected.rows = RowsOf(g, 32 * expected.chunks);
    expected.sink_rows = RowsOf(g, g.sink_slots);
    expected.scores = expected.rows * expected.queries * (expected.split ? 2 : 1);
    expected.blocks = expected.rows * expected.folds;
    expected.factors = expected.chunks * expected.folds;
    ASSERT_EQ(cache(), expected) << i;
    for (int64_t t = 0; t < n_tokens; ++t) {
      const int64_t p = position + t;
      Token seen = {accel::SlotOf(g, p), std::min<int64_t>(g.sinks, p + 1)};
      const int64_t oldest = g.window == 0 ? 0 : std::max<int64_t>(0, p + 1 - int64_t{g.window});
      const int64_t first = std::max(oldest, seen.sinks);
      seen.count = p + 1 - first;
      seen.first_slot = g.sink_slots + first % g.ring_slots;
      Token got = token(t);
      if (seen.count == 0) got.first_slot = seen.first_slot;
      ASSERT_EQ(got, seen) << "position " << p << ", case " << i;
    }
  }
  EXPECT_GT(n_fit, 500);
  EXPECT_LT(n_fit, 1950);
}

TEST_F(CacheShape, WhatAttentionCannotDoDoesNotFit) {
  const auto fits = [&](auto change) {
    isa::Geometry g = Small();
    change(g);
    Run(g, 7, 1);
    return cache().fits;
  };
  EXPECT_TRUE(fits([](isa::Geometry&) {}));
  EXPECT_FALSE(fits([](isa::Geometry& g) { g.head_dim = 96; }));
  EXPECT_FALSE(fits([](isa::Geometry& g) { g.head_dim = 32; }));
  EXPECT_EQ(fits([](isa::Geometry& g) { g.head_dim = 64; }), kLanes <= 16);
  EXPECT_FALSE(fits([](isa::Geometry& g) { g.heads = 5; }));
  EXPECT_FALSE(fits([](isa::Geometry& g) { g.heads = 34; }));
  EXPECT_FALSE(fits([](isa::Geometry& g) { g.ring_slots = 0; }));
  EXPECT_FALSE(fits([](isa::Geometry& g) { g.ring_slots = 80; }));
  EXPECT_FALSE(fits([](isa::Geometry& g) { g.ring_slots = 1 << 20; }));
  EXPECT_FALSE(fits([](isa::Geometry& g) { g.ring_slots |= 1U << 31; }));
  EXPECT_FALSE(fits([](isa::Geometry& g) { g.sink_slots = 16; }));
  EXPECT_FALSE(fits([](isa::Geometry& g) { g.sinks = 33; }));
  EXPECT_FALSE(fits([](isa::Geometry& g) { g.window = 97; }));
}

}  // namespace
}  // namespace accllm::rtl
