#include <cstdint>
#include <deque>

#include "Vfifo_sync.h"
#include "tests/rtl/bench.h"
#include "tests/rtl/stream.h"

namespace accllm::rtl {
namespace {

constexpr int kDepth = 8;

// A queue with a source and a sink that are the bench's.
class FifoSync : public testing::Test {
 protected:
  void Start(Stall source, Stall sink) {
    source_.emplace(std::move(source));
    sink_.emplace(std::move(sink));
    dut_->valid_i = 0;
    dut_->ready_i = 0;
    dut_.Reset();
  }

  void Cycle() {
    dut_->valid_i = source_->Valid();
    dut_->data_i = source_->Data();
    dut_->ready_i = sink_->Ready();
    dut_.Settle();
    EXPECT_EQ(dut_->count_o, inside_);
    inside_ += source_->Sample(dut_->ready_o);
    inside_ -= sink_->Sample(dut_->valid_o, dut_->data_o);
    dut_.Edge();
  }

  Bench<Vfifo_sync> dut_;
  std::optional<Source<uint32_t>> source_;
  std::optional<Sink<uint32_t>> sink_;
  uint32_t inside_ = 0;
};

TEST_F(FifoSync, GivesWordsInOrderUnderRandomStalls) {
  constexpr uint32_t kWords = 20000;
  Start(Stall(1), Stall(2));
  for (uint32_t i = 0; i < kWords; ++i) source_->Push(i * 2654435761U);
  while (sink_->items().size() < kWords && dut_.cycles() < 20 * kWords) Cycle();
  ASSERT_EQ(sink_->items().size(), kWords);
  for (uint32_t i = 0; i < kWords; ++i) ASSERT_EQ(sink_->items()[i], i * 2654435761U);
}

TEST_F(FifoSync, TakesAWordEveryCycleWithoutStalls) {
  constexpr uint32_t kWords = 1000;
  Start(Stall::Never(), Stall::Never());
  const int64_t start = dut_.cycles();
  for (uint32_t i = 0; i < kWords; ++i) source_->Push(i);
  while (sink_->items().size() < kWords && dut_.cycles() < 2 * kWords) Cycle();
  EXPECT_LE(dut_.cycles() - start, kWords + 2);
}

TEST_F(FifoSync, HoldsDepthWordsAndNoMore) {
  Start(Stall::Never(), Stall::Never());
  dut_->ready_i = 0;
  dut_->valid_i = 1;
  for (int i = 0; i < kDepth; ++i) {
    dut_->data_i = i;
    dut_.Settle();
    EXPECT_TRUE(dut_->ready_o) << i;
    dut_.Edge();
  }
  dut_.Settle();
  EXPECT_FALSE(dut_->ready_o);
  EXPECT_EQ(dut_->count_o, kDepth);
}

TEST_F(FifoSync, IsEmptyAfterAResetInMidOperation) {
  Start(Stall::Never(), Stall::Never());
  for (uint32_t i = 0; i < 5; ++i) source_->Push(i);
  for (int i = 0; i < 3; ++i) Cycle();
  dut_->valid_i = 0;
  dut_.Reset(1);
  dut_.Settle();
  EXPECT_FALSE(dut_->valid_o);
  EXPECT_EQ(dut_->count_o, 0);
}

}  // namespace
}  // namespace accllm::rtl
