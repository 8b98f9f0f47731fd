#include <array>
#include <deque>
#include <random>

#include "Vstream_buffer.h"
#include "accel/rtl/field.h"
#include "accel/rtl/stall.h"
#include "tests/rtl/bench.h"

namespace accllm::rtl {
namespace {

constexpr int kDepth = 32;
constexpr int kSegments = 8;
constexpr size_t kRoom = kDepth - kSegments;
using Beat = std::array<uint64_t, kSegments>;

// A buffer whose channel and lane are the bench's: what was popped but may come again stays in
// `beats_`, from the mark on.
class StreamBuffer : public testing::Test {
 protected:
  StreamBuffer() {
    dut_->valid_i = dut_->read_i = dut_->pop_i = dut_->mark_i = dut_->rewind_i = 0;
    dut_.Reset();
  }

  struct Use {
    bool read = false, pop = false, mark = false, rewind = false;
  };

  // What the lane may do in this cycle is for `choose` to say, which learns whether there is a
  // beat.
  template <class Choose>
  void Cycle(bool offer, Choose choose) {
    Beat beat;
    for (uint64_t& word : beat) word = random_();
    // Whoever sends beats knows of the mark a cycle later.
    const bool sends = offer && beats_.size() + n_marked_ < kRoom;
    n_marked_ = 0;
    dut_->valid_i = sends;
    for (int j = 0; j < kSegments; ++j) SetField(dut_->beat_i, 64 * j, 64, beat[j]);
    dut_.Settle();
    const Use use = choose(dut_->valid_o == 1);
    dut_->read_i = use.read;
    dut_->pop_i = use.pop;
    dut_->mark_i = use.mark;
    dut_->rewind_i = use.rewind;
    dut_.Settle();
    CheckWords();
    if (dut_->valid_o == 1) {
      EXPECT_LT(front_, beats_.size());
    }
    if (use.read) reads_.push_back({dut_.cycles(), beats_[front_]});
    if (use.rewind) {
      front_ = 0;
    } else if (use.pop) {
      ++front_;
    }
    EXPECT_EQ(dut_->mark_o, n_before_mark_ % (2 * kDepth));
    if (sends) {
      beats_.push_back(beat);
      ++n_taken_;
    }
    EXPECT_LE(beats_.size(), kRoom);
    if (use.mark) {
      n_marked_ = front_;
      n_before_mark_ += front_;
      beats_.erase(beats_.begin(), beats_.begin() + front_);
      front_ = 0;
    }
    dut_.Edge();
  }

  Bench<Vstream_buffer> dut_;
  std::mt19937_64 random_{5};
  size_t front_ = 0;  // in `beats_`
  std::deque<Beat> beats_;
  int64_t n_taken_ = 0;
  size_t n_marked_ = 0;       // in the last cycle
  size_t n_before_mark_ = 0;  // in all

 private:
  struct Read {
    int64_t cycle;
    Beat beat;
  };

  void CheckWords() {
    for (const Read& read : reads_) {
      const int64_t segment = dut_.cycles() - read.cycle - 1;
      if (segment < 0) continue;
      EXPECT_EQ(Field(dut_->word_o, 64 * segment, 64), read.beat[segment]) << segment;
    }
    while (!reads_.empty() && dut_.cycles() - reads_.front().cycle >= kSegments) {
      reads_.pop_front();
    }
  }

  std::deque<Read> reads_;
};

TEST_F(StreamBuffer, ReadsAgainPopsMarksAndRewinds) {
  Stall source(1), lane(2);
  for (int i = 0; i < 100000; ++i) {
    Cycle(!source(), [&](bool valid) {
      Use use;
      if (random_() % 16 == 0) {
        use.rewind = true;
        return use;
      }
      use.read = valid && !lane();
      use.pop = use.read && random_() % 4 != 0;
      // Now and then marks are far apart.
      use.mark = random_() % (i / 1000 % 2 == 0 ? 2 : 40) == 0;
      return use;
    });
    if (HasFailure()) return;
  }
  EXPECT_GT(n_taken_, 10000);
}

TEST_F(StreamBuffer, IsAQueueThatTakesAndGivesABeatACycle) {
  for (int i = 0; i < 1000; ++i) {
    Cycle(true, [](bool valid) { return Use{valid, valid, true, false}; });
  }
  EXPECT_GE(n_taken_, 998);
}

TEST_F(StreamBuffer, FillsUpAndGivesAllBack) {
  for (int i = 0; i < 3 * kDepth; ++i) Cycle(true, [](bool) { return Use(); });
  EXPECT_EQ(n_taken_, kRoom);
  int n_read = 0;
  for (int i = 0; i < 2 * kDepth; ++i) {
    Cycle(false, [&](bool valid) {
      n_read += valid;
      return Use{valid, valid, false, false};
    });
  }
  EXPECT_EQ(n_read, static_cast<int>(kRoom));
}

}  // namespace
}  // namespace accllm::rtl
