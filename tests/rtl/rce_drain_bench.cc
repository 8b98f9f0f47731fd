#include <deque>
#include <random>

#include "Vrce_drain.h"
#include "accel/rtl/stall.h"
#include "tests/rtl/bench.h"

namespace accllm::rtl {
namespace {

constexpr int kRows = 8;
constexpr int kSlots = 4;

struct Set {
  int set;
  int tokens;
  bool halves;
};

// Where a sum is: set, half, slot, row. A lane gives it a cycle after it was asked for.
int Place(int set, int upper, int slot, int row) {
  return ((set * 2 + upper) * kSlots + slot) * kRows + row;
}

int PlaceOf(const Set& set, int token, int row) {
  if (!set.halves) return Place(set.set, 0, token, row);
  return Place(set.set, token / (kSlots / 2), token % (kSlots / 2), row);
}

void RunSets(Stall sink, Stall source, int64_t max_idle) {
  Bench<Vrce_drain> dut;
  dut->done_i = dut->ready_i = 0;
  dut.Reset();
  std::mt19937 random(3);
  std::deque<Set> sets;
  int sum = 0, n_done = 0, token = 0, row = 0;
  int64_t idle = 0;
  bool waits = false;
  while (n_done < 500 || !sets.empty()) {
    ASSERT_LT(dut.cycles(), 200000);
    // A set more, if fewer than two are there.
    dut->done_i = n_done < 500 && sets.size() < 2 && !source();
    dut->set_i = n_done % 2;
    dut->last_token_i = random() % kSlots;
    dut->halves_i = random() % 2;
    dut->ready_i = !sink();
    dut.Settle();
    if (dut->valid_o) {
      ASSERT_FALSE(sets.empty());
      EXPECT_EQ(sum, PlaceOf(sets.front(), token, row));
      EXPECT_EQ(dut->token_o, token);
      EXPECT_EQ(dut->row_o, row);
    } else {
      EXPECT_FALSE(waits) << "an offer was taken back";
      idle += !sets.empty();
    }
    waits = dut->valid_o && !dut->ready_i;
    bool drained = false;
    if (dut->valid_o && dut->ready_i && ++row == kRows) {
      row = 0;
      drained = ++token == sets.front().tokens;
    }
    EXPECT_EQ(dut->drained_o, drained);
    if (drained) {
      token = 0;
      sets.pop_front();
    }
    if (dut->done_i) sets.push_back({n_done++ % 2, dut->last_token_i + 1, dut->halves_i == 1});
    sum = Place(dut->read_set_o, dut->read_upper_o, dut->read_slot_o, dut->read_row_o);
    dut.Edge();
  }
  EXPECT_LE(idle, max_idle);
}

TEST(RceDrain, GivesAllSumsInOrderUnderRandomStalls) { RunSets(Stall(1), Stall(2), 500 * 2); }

TEST(RceDrain, GivesASumACycle) { RunSets(Stall::Never(), Stall::Never(), 2); }

}  // namespace
}  // namespace accllm::rtl
