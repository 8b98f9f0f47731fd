#include "nearest_name.h"

#include <gtest/gtest.h>

#include <vector>

namespace accllm::cli {
namespace {

const std::vector<std::string> kNames = {"compress", "chat", "temp", "top-p", "top-k", "t"};

TEST(NearestName, FindsOneOrTwoSlips) {
  EXPECT_EQ(NearestName("comprss", kNames), "compress");    // a letter missing
  EXPECT_EQ(NearestName("compresss", kNames), "compress");  // one too many
  EXPECT_EQ(NearestName("kompresz", kNames), "compress");   // two wrong
  EXPECT_EQ(NearestName("tmep", kNames), "temp");           // two swapped
  EXPECT_EQ(NearestName("chat", kNames), "chat");
}

TEST(NearestName, TakesTheFirstOfEquals) { EXPECT_EQ(NearestName("top-x", kNames), "top-p"); }

TEST(NearestName, FindsNothingFarAway) {
  EXPECT_EQ(NearestName("", kNames), "");
  EXPECT_EQ(NearestName("x", kNames), "");
  EXPECT_EQ(NearestName("hcta", kNames), "");
  EXPECT_EQ(NearestName("chat", {}), "");
}

}  // namespace
}  // namespace accllm::cli
