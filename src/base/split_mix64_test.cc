#include "base/split_mix64.h"

#include <gtest/gtest.h>

namespace accllm {
namespace {

// The first outputs of the authors' implementation for seed 1234567.
TEST(SplitMix64, GivesThePublishedSequence) {
  uint64_t state = 1234567;
  EXPECT_EQ(SplitMix64(state), 6457827717110365317ULL);
  EXPECT_EQ(SplitMix64(state), 3203168211198807973ULL);
  EXPECT_EQ(SplitMix64(state), 9817491932198370423ULL);
}

}  // namespace
}  // namespace accllm
