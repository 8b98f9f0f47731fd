#include "runtime/kv_cache.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <map>

#include "packed/testing/tiny_model.h"

namespace accllm {
namespace {

// Positions that `ranges` cover, given where each position was stored.
std::vector<int64_t> PositionsIn(const KvCache::Ranges& ranges,
                                 const std::map<int64_t, int64_t>& position_of_slot) {
  std::vector<int64_t> positions;
  for (const auto& range : ranges.view()) {
    for (int64_t slot = range.begin; slot < range.end; ++slot) {
      positions.push_back(position_of_slot.at(slot));
    }
  }
  return positions;
}

// A model of the ring: after storing a chunk every token of it sees exactly the sinks and its
// window, in ascending order, and slots keep their position's place within an attention chunk.
TEST(KvCache, EveryTokenSeesItsSinksAndWindow) {
  rc::check([] {
    const int64_t n_sinks = *rc::gen::inRange<int64_t>(0, 40);
    const int64_t window = *rc::gen::inRange<int64_t>(1, 100);
    const int64_t chunk = *rc::gen::inRange<int64_t>(1, 70);
    const ModelConfig config = testing::TinyPackedConfig();
    KvCache cache = *KvCache::Create(config, {{n_sinks, window}, chunk, 0});
    const uint8_t* base = cache.Head(0, 0).keys.codes;
    std::vector<float> key(static_cast<size_t>(config.head_dim), 1.0F);
    std::map<int64_t, int64_t> position_of_slot;
    for (int64_t begin = 0; begin < 400; begin += chunk) {
      for (int64_t p = begin; p < begin + chunk; ++p) {
        // The slot is where a recognisable key turns up.
        const KvCache::Ranges own = cache.VisibleTo(p);
        position_of_slot[own.parts[own.n - 1].end - 1] = p;
        cache.Store(0, 0, p, key.data(), key.data());
      }
      for (int64_t p = begin; p < begin + chunk; ++p) {
        std::vector<int64_t> expected;
        for (int64_t j = 0; j <= p; ++j) {
          if (j < n_sinks || p - j < window) expected.push_back(j);
        }
        RC_ASSERT(PositionsIn(cache.VisibleTo(p), position_of_slot) == expected);
      }
    }
    RC_ASSERT(cache.Head(0, 0).keys.codes == base);
  });
}

TEST(KvCache, HeadsAndLayersDoNotShareMemory) {
  const ModelConfig config = testing::TinyPackedConfig();
  KvCache cache = *KvCache::Create(config, {{4, 60}, 1, 0});
  std::vector<float> ones(static_cast<size_t>(config.head_dim), 1.0F);
  cache.Store(1, 1, 0, ones.data(), ones.data());
  for (const auto& [layer, head] : {std::pair{0, 0}, {0, 1}, {1, 0}}) {
    EXPECT_EQ(cache.Head(layer, head).keys.scales[0], 0);
  }
  EXPECT_NE(cache.Head(1, 1).keys.scales[0], 0);
}

TEST(KvCache, SinkQueryStopsMovingWhenTheWindowIsFull) {
  const KvCache cache = *KvCache::Create(testing::TinyPackedConfig(), {{4, 60}, 1, 0});
  EXPECT_EQ(cache.SinkQueryPosition(10), 10);
  EXPECT_EQ(cache.SinkQueryPosition(63), 63);
  EXPECT_EQ(cache.SinkQueryPosition(64), 63);
  EXPECT_EQ(cache.SinkQueryPosition(1000000), 63);
}

TEST(KvCache, RefusesImpossibleOptions) {
  EXPECT_FALSE(KvCache::Create(testing::TinyPackedConfig(), {{-1, 60}, 1, 0}));
  EXPECT_FALSE(KvCache::Create(testing::TinyPackedConfig(), {{4, -5}, 1, 0}));
  EXPECT_FALSE(KvCache::Create(testing::TinyPackedConfig(), {{4, AttentionWindow::kAll}, 1, 0}));
  EXPECT_FALSE(KvCache::Create(testing::TinyPackedConfig(), {{4, int64_t{1} << 50}, 1, 0}));
}

}  // namespace
}  // namespace accllm
