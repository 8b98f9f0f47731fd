#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "Vrr_arbiter.h"
#include "tests/rtl/bench.h"
#include "tests/rtl/stream.h"

namespace accllm::rtl {
namespace {

constexpr int kInputs = 5;

// What the arbiter gave: the input, and the word.
struct Grant {
  uint32_t index = 0;
  uint32_t word = 0;
  bool operator==(const Grant&) const = default;
};

// Word number `n` of input `i`.
uint32_t Word(int i, uint32_t n) { return (n << 4) | static_cast<uint32_t>(i); }

class RrArbiter : public testing::Test {
 protected:
  // Every input sends `words`.
  void SendAll(uint32_t words, bool stall) {
    std::vector<Source<uint32_t>> sources;
    for (int i = 0; i < kInputs; ++i) {
      sources.emplace_back(stall ? Stall(10 + i) : Stall::Never());
      for (uint32_t n = 0; n < words; ++n) sources.back().Push(Word(i, n));
    }
    Sink<Grant> sink(stall ? Stall(1) : Stall::Never());
    dut_->valid_i = 0;
    dut_->ready_i = 0;
    dut_.Reset();
    while (sink.items().size() < kInputs * words && dut_.cycles() < 40 * words * kInputs) {
      dut_->valid_i = 0;
      for (int i = 0; i < kInputs; ++i) {
        dut_->valid_i |= sources[i].Valid() << i;
        dut_->data_i[i] = sources[i].Data();
      }
      dut_->ready_i = sink.Ready();
      dut_.Settle();
      CountWaits();
      for (int i = 0; i < kInputs; ++i) sources[i].Sample(dut_->ready_o >> i & 1);
      sink.Sample(dut_->valid_o, {dut_->index_o, dut_->data_o});
      dut_.Edge();
    }
    grants_ = sink.items();
  }

  // Words of others that went by while an input waited.
  void CountWaits() {
    for (int i = 0; i < kInputs; ++i) {
      const bool waits = (dut_->valid_i >> i & 1) && !(dut_->ready_o >> i & 1);
      waited_[i] = waits ? waited_[i] + (dut_->ready_o != 0) : 0;
      longest_wait_ = std::max(longest_wait_, waited_[i]);
    }
  }

  Bench<Vrr_arbiter> dut_;
  std::vector<Grant> grants_;
  std::array<int, kInputs> waited_ = {};
  int longest_wait_ = 0;
};

TEST_F(RrArbiter, GivesAllWordsOfEachInputInOrderAndLetsNoneWaitLong) {
  constexpr uint32_t kWords = 4000;
  SendAll(kWords, true);
  ASSERT_EQ(grants_.size(), kInputs * kWords);
  std::array<uint32_t, kInputs> next = {};
  for (const Grant& grant : grants_) {
    ASSERT_EQ(grant.word, Word(grant.index, next[grant.index]++));
  }
  EXPECT_EQ(longest_wait_, kInputs - 1);
}

TEST_F(RrArbiter, ServesInTurnsAWordACycle) {
  SendAll(100, false);
  EXPECT_EQ(dut_.cycles(), 3 + kInputs * 100);  // a reset of 3
  for (size_t n = 0; n < grants_.size(); ++n) ASSERT_EQ(grants_[n].index, n % kInputs);
}

}  // namespace
}  // namespace accllm::rtl
