#include <random>
#include <vector>

#include "Vlevel_gather.h"
#include "accel/rtl/field.h"
#include "tests/rtl/bench.h"

namespace accllm::rtl {
namespace {

constexpr int kLanes = ACCLLM_LANES;
constexpr int kSplitLanes = ACCLLM_SPLIT_LANES;
constexpr int kQueries = ACCLLM_QUERIES;
constexpr int kGroups = 4;
constexpr int kTokens = 32;
constexpr int kLevelBits = 7;

// Levels of rows as lanes give them; where a token's are by the order of its key.
TEST(LevelGather, TokensStandInTheOrderOfTheirKeys) {
  Bench<Vlevel_gather> dut;
  std::mt19937 random(1);
  for (int i = 0; i < 300; ++i) {
    const bool split = random() % 2 == 0;
    const int lanes = split ? kSplitLanes : kLanes, per_lane = split ? 2 : 1;
    const int group = static_cast<int>(random() % (split ? 2 : kGroups));
    std::vector<int> levels(kQueries * kTokens);
    const int rows = kTokens / (lanes * per_lane);
    for (int row = 0; row < rows; ++row) {
      Randomize(dut->level_i, kLanes * kQueries * kGroups * kLevelBits, random);
      Randomize(dut->split_level_i, kSplitLanes * kQueries * kGroups * kLevelBits, random);
      for (int at = 0; at < lanes * per_lane * kQueries; ++at) {
        const int query = at % kQueries, half = at / kQueries % per_lane;
        const int lane = at / kQueries / per_lane;
        const int place = kGroups * (lane * kQueries + query) + 2 * half + group;
        levels[query * kTokens + (row * lanes + lane) * per_lane + half] =
            split ? Field(dut->split_level_i, kLevelBits * place, kLevelBits)
                  : Field(dut->level_i, kLevelBits * place, kLevelBits);
      }
      dut->valid_i = 1;
      dut->row_i = row;
      dut->split_i = split;
      dut->group_i = group;
      dut.Settle();
      dut.Edge();
      // Nothing changes without a row.
      dut->valid_i = 0;
      dut->row_i = random() % rows;
      dut.Settle();
      dut.Edge();
    }
    for (int place = 0; place < 4 * 16 * kQueries; ++place) {
      const int query = place % kQueries, position = place / kQueries % 2;
      const int code = place / kQueries / 2 % 8, bus = place / kQueries / 16;
      ASSERT_EQ(Field(dut->line_o, 8 * place, 8),
                levels[query * kTokens + 8 * (bus % 2) + code + 16 * position]);
    }
  }
}

}  // namespace
}  // namespace accllm::rtl
