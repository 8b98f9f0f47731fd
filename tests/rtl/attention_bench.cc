#include "Vattention.h"
#include "tests/rtl/attention_driver.h"

namespace accllm::rtl {
namespace {

using Driver = AttentionDriver<Vattention, ACCLLM_LANES, ACCLLM_QUERIES, ACCLLM_HEAD_QUERIES>;

constexpr uint32_t kSeeds = 20;

class Attention : public testing::TestWithParam<std::tuple<bool, bool>> {};

// Heads of one cache: the first one's, with what others have seen and read.
std::vector<AttentionHead> HeadsOf(bool split, bool specials, uint32_t seed) {
  const AttentionShape shape = {ACCLLM_LANES, ACCLLM_HEAD_QUERIES, split, specials};
  std::vector<AttentionHead> heads;
  for (uint32_t i = 0; heads.size() < 5; ++i) {
    AttentionHead head = MakeAttentionHead(shape, 1000 * seed + i);
    if (!heads.empty() &&
        (head.sink_slots != heads[0].sink_slots || head.ring_slots != heads[0].ring_slots)) {
      continue;
    }
    if (!heads.empty() && head.offsets != heads[0].offsets) continue;
    heads.push_back(std::move(head));
  }
  return heads;
}

TEST_P(Attention, LevelsFactorsAndScalesAreThoseOfTheContract) {
  const auto [split, specials] = GetParam();
  int64_t n_levels = 0;
  for (uint32_t seed = 1; seed <= kSeeds; ++seed) {
    const bool stalls = seed % 3 != 0;
    Driver driver(stalls ? Stall(seed) : Stall::Never(), stalls ? Stall(2 * seed) : Stall::Never());
    driver.Run(HeadsOf(split, specials, seed));
    if (HasFatalFailure()) return;
    n_levels += driver.n_levels();
  }
  EXPECT_GT(n_levels, 40 * kSeeds);
}

// A head of rows beats takes rows * queries steps of each walk; the rest is what this counts.
TEST(AttentionLatency, FromTheLastBeatToLevels) {
  for (const bool split : {false, true}) {
    Driver driver(Stall::Never(), Stall::Never());
    const std::vector<AttentionHead> heads = {HeadsOf(split, false, 1)[0]};
    driver.Run(heads);
    const auto steps =
        static_cast<int64_t>(heads[0].row_slots.size()) * heads[0].per_beat() * ACCLLM_HEAD_QUERIES;
    RecordProperty(split ? "split" : "whole", std::to_string(driver.latency() - 2 * steps));
    EXPECT_LE(driver.latency() - 2 * steps, 150);
  }
}

INSTANTIATE_TEST_SUITE_P(All, Attention, testing::Combine(testing::Bool(), testing::Bool()));

}  // namespace
}  // namespace accllm::rtl
