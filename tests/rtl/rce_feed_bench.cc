#include <random>

#include "Vrce_feed.h"
#include "accel/rtl/field.h"
#include "tests/rtl/bench.h"

namespace accllm::rtl {
namespace {

constexpr int kSlots = 4;
constexpr int kQueries = kSlots / 2;

TEST(RceFeed, GivesSlotsOrPositionsTheirOwn) {
  Bench<Vrce_feed> dut;
  std::mt19937 random(1);
  for (int i = 0; i < 1000; ++i) {
    Randomize(dut->line_i, 4 * 8 * kSlots * 8, random);
    Randomize(dut->query_sum_i, 4 * kQueries * 13, random);
    dut->we_i = random() % 4;
    dut->entry_i = random() % 32;
    dut->by_position_i = random() % 2;
    dut.Settle();
    dut.Edge();
    EXPECT_EQ(dut->act_we_o, dut->we_i);
    EXPECT_EQ(dut->act_entry_o, dut->entry_i);
    EXPECT_EQ(Field(dut->query_sum_o, 40, 64), Field(dut->query_sum_i, 40, 64));
    for (int code = 0; code < 4 * 8; ++code) {
      for (int place = 0; place < 2 * kSlots; ++place) {
        const int position = place / kSlots, slot = place % kSlots;
        const int which = dut->by_position_i ? position : slot / kQueries;
        const int line = (code * 2 + which) * kQueries + slot % kQueries;
        ASSERT_EQ(Field(dut->act_o, 8 * (code * 2 * kSlots + place), 8),
                  Field(dut->line_i, 8 * line, 8));
      }
    }
  }
}

}  // namespace
}  // namespace accllm::rtl
