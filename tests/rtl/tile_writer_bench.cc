#include <array>
#include <optional>
#include <random>

#include "Vtile_writer.h"
#include "tests/rtl/bench.h"
#include "tests/rtl/tile_sinks.h"

namespace accllm::rtl {
namespace {

constexpr int kLanes = ACCLLM_LANES;
constexpr uint64_t kAllLanes = (uint64_t{1} << kLanes) - 1;

class TileWriter : public testing::Test {
 protected:
  // One half after another, each from the cycle after the last one was taken on, or later. Returns
  // the cycles that they took.
  int64_t Run(int halves, bool stalls) {
    sinks_.emplace(kLanes, [&](int lane) { return stalls ? Stall(100 + lane) : Stall::Never(); });
    Stall word_stall = stalls ? Stall(1) : Stall::Never();
    dut_->word_valid_i = 0;
    dut_.Reset();
    const int64_t begin = dut_.cycles();
    for (int i = 0; i < halves; ++i) {
      Choose();
      for (int word = 0; word < 8;) {
        dut_->word_valid_i = !word_stall();
        dut_->last_i = dut_->word_valid_i ? word == 7 : random_() % 2;
        Randomize(dut_->word_i, 32 * kLanes, random_);
        Place(dut_->word_valid_i && word == 7);
        if (dut_->word_valid_i) Keep(word++);
        EXPECT_FALSE(Cycle());
      }
      dut_->word_valid_i = 0;
      const int64_t end = dut_.cycles() + 5000;
      while (!Cycle() && dut_.cycles() < end) {
      }
      EXPECT_EQ(taken_, lanes_) << "lanes that took the half when taken_o came";
      taken_ = 0;
    }
    return dut_.cycles() - begin;
  }

 private:
  uint32_t RandomWord() { return static_cast<uint32_t>(random_()); }
  uint32_t RandomLanes() { return RandomWord() & static_cast<uint32_t>(kAllLanes); }
  void Choose() {
    lanes_ = random_() % 2 == 0 ? uint64_t{1} << random_() % kLanes : kAllLanes;
    if (random_() % 4 == 0) lanes_ = uint64_t{RandomLanes()} | 1;
    expected_.fill({RandomWord(), RandomWord() % 2 == 0, RandomWord(), {}});
  }
  void Place(bool is_known) {
    const HalfBeat& half = expected_[0];
    dut_->stripe_i = is_known ? half.stripe : RandomWord();
    dut_->is_upper_i = is_known ? half.is_upper : RandomWord() % 2 == 0;
    dut_->strobe_i = is_known ? half.strobe : RandomWord();
    dut_->lanes_i = is_known ? static_cast<uint32_t>(lanes_) : RandomLanes();
  }
  void Keep(int word) {
    for (int lane = 0; lane < kLanes; ++lane) {
      expected_[lane].words[word] = Field(dut_->word_i, 32 * lane, 32);
    }
  }
  // Returns taken_o.
  bool Cycle() {
    sinks_->Drive(dut_.model());
    dut_.Settle();
    sinks_->Sample(dut_.model(), [&](int lane, const HalfBeat& half) {
      EXPECT_EQ(half, expected_[lane]);
      EXPECT_EQ(taken_ >> lane & 1, 0) << "a lane got the half twice";
      taken_ |= uint64_t{1} << lane;
    });
    const bool taken = dut_->taken_o;
    dut_.Edge();
    return taken;
  }

  Bench<Vtile_writer> dut_;
  std::mt19937 random_{1};
  std::optional<TileSinks> sinks_;
  std::array<HalfBeat, kLanes> expected_;
  uint64_t lanes_ = 0, taken_ = 0;
};

TEST_F(TileWriter, TheLanesThatWriteGetTheirWordsOnce) { Run(2000, true); }

TEST_F(TileWriter, TakesNineCyclesAHalfWithoutStalls) { EXPECT_EQ(Run(100, false), 900); }

}  // namespace
}  // namespace accllm::rtl
