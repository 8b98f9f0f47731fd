#include "base/bos_windows.h"

#include <gtest/gtest.h>

namespace accllm {
namespace {

using Tokens = std::vector<int32_t>;

TEST(BosWindows, EachStartsWithIt) {
  const Tokens text = {10, 11, 12, 13, 14};
  EXPECT_EQ(BosWindows(text, 3, 1), (Tokens{1, 10, 11, 1, 12, 13, 1, 14}));
  EXPECT_EQ(BosWindows(text, 6, 1), (Tokens{1, 10, 11, 12, 13, 14}));
  EXPECT_EQ(BosWindows(Tokens{10, 11}, 1, 0), (Tokens{0, 10, 0, 11}));
  EXPECT_EQ(BosWindows(text, 2, 0), (Tokens{0, 10, 0, 11, 0, 12, 0, 13, 0, 14}));
}

TEST(BosWindows, AStreamHasOne) {
  EXPECT_EQ(BosWindows(Tokens{10, 11, 12}, 0, 1), (Tokens{1, 10, 11, 12}));
}

TEST(BosWindows, NoneWithoutBosOrText) {
  EXPECT_EQ(BosWindows(Tokens{10, 11, 12}, 2, -1), (Tokens{10, 11, 12}));
  EXPECT_EQ(BosWindows(Tokens{}, 0, 1), Tokens{});
  EXPECT_EQ(BosWindows(Tokens{}, 4, 1), Tokens{});
}

}  // namespace
}  // namespace accllm
