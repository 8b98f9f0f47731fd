#include "accel/estimate/fpga_part.h"

#include <gtest/gtest.h>

#include "accel/data.h"

namespace accllm::accel {
namespace {

constexpr char kParts[] = R"(
[small]
luts = 1000
ffs = 2000
dsps = 30
brams = 4
urams = 0
source = "here"
)";

TEST(FpgaPart, BundledParts) {
  const auto part = ParseFpgaPart(DataText("parts.toml"), "parts.toml", "xcu280");
  ASSERT_TRUE(part) << part.error().ToString();
  EXPECT_EQ(part->has.luts, 1'303'680);
  EXPECT_EQ(part->has.dsps, 9024);
  for (const char* name : {"xcu50", "xczu7ev"}) {
    EXPECT_TRUE(ParseFpgaPart(DataText("parts.toml"), "parts.toml", name)) << name;
  }
}

TEST(FpgaPart, SaysWhatIsTooMuch) {
  const auto part = ParseFpgaPart(kParts, "p.toml", "small");
  ASSERT_TRUE(part) << part.error().ToString();
  EXPECT_EQ(WhatExceeds({1000, 2000, 30, 4, 0}, part->has), "");
  EXPECT_EQ(WhatExceeds({1001, 1, 31, 0, 0}, part->has), "1001 LUT of 1000, 31 DSP of 30");
  EXPECT_EQ(WhatExceeds({0, 0, 0, 0, 2}, part->has), "2 URAM of 0");
}

TEST(FpgaPart, NamesFileFieldAndRemedy) {
  const auto missing = ParseFpgaPart(kParts, "p.toml", "large");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(missing.error().ToString(), "p.toml: there is no part large; parts are small");
  const auto negative = ParseFpgaPart(
      "[p]\nluts = -1\nffs = 1\ndsps = 1\nbrams = 1\nurams = 1\nsource = \"s\"", "p.toml", "p");
  ASSERT_FALSE(negative);
  EXPECT_NE(negative.error().message.find("p.toml: field 'p.luts' is -1"), std::string::npos);
}

}  // namespace
}  // namespace accllm::accel
