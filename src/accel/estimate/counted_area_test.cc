#include "accel/estimate/counted_area.h"

#include <gtest/gtest.h>

#include "accel/data.h"

namespace accllm::accel {
namespace {

constexpr std::string_view kBlocks = R"(
words = 64
blocks = 2
[[block]]
part = "engine"
module = "lane"
parameters = { Slots = "slots", Style = 3 }
per = "lanes"
[[block]]
part = "engine"
module = "feed"
parameters = {}
per = "lanes"
each = 4
[[block]]
part = "vectors"
module = "bank"
parameters = { Words = "words" }
per = "vector_lanes"
)";
constexpr std::string_view kCounts = R"(
[[lane]]
parameters = { Style = 3, Slots = 2 }
lut = 100
ff = 10
dsp = 3
bram = 0.5
uram = 0
[[lane]]
parameters = { Style = 3, Slots = 4 }
lut = 150
ff = 20
dsp = 5
bram = 1
uram = 0
[[feed]]
parameters = {}
lut = 7
ff = 0
dsp = 0
bram = 0
uram = 0
[[bank]]
parameters = { Words = 64 }
lut = 1000
ff = 0
dsp = 0
bram = 0
uram = 2
)";

Result<CountedArea> Parse(std::string blocks, std::string_view counts = kCounts) {
  return CountedArea::Parse(blocks, "blocks.toml", counts, "synthesis.toml");
}

TEST(CountedArea, BlocksTimesCounts) {
  const auto area = Parse(std::string(kBlocks));
  ASSERT_TRUE(area) << area.error().ToString();
  const auto parts = area->PartsOf({.lanes = 6, .slots = 4, .vector_lanes = 3});
  ASSERT_TRUE(parts);
  ASSERT_EQ(parts->size(), 2U);
  EXPECT_EQ((*parts)[0].name, "engine");
  EXPECT_EQ((*parts)[0].basis, AreaBasis::kSynthesis);
  EXPECT_DOUBLE_EQ((*parts)[0].use.luts, 6 * 150 + 2 * 7);
  EXPECT_DOUBLE_EQ((*parts)[0].use.brams, 6);
  EXPECT_EQ((*parts)[1].name, "vectors");
  EXPECT_DOUBLE_EQ((*parts)[1].use.urams, 3 * 2);
}

// Nothing is taken for what was not counted.
TEST(CountedArea, AllBlocksOrNone) {
  const auto area = Parse(std::string(kBlocks));
  ASSERT_TRUE(area);
  EXPECT_FALSE(area->PartsOf({.lanes = 6, .slots = 1, .vector_lanes = 3}));
  const int64_t held = 3 * 64 * 4 + 2 * 4 * 2 * 256;
  EXPECT_TRUE(area->PartsOf({.lanes = 6, .slots = 4, .vector_lanes = 3, .vector_bytes = held}));
  EXPECT_FALSE(
      area->PartsOf({.lanes = 6, .slots = 4, .vector_lanes = 3, .vector_bytes = held + 1}));
  const auto other = Parse("words = 32" + std::string(kBlocks.substr(kBlocks.find("\nblocks"))));
  ASSERT_TRUE(other) << other.error().ToString();
  EXPECT_FALSE(other->PartsOf({.lanes = 6, .slots = 4, .vector_lanes = 3}));
}

TEST(CountedArea, BesideWhatIsByHand) {
  const auto area = Parse(std::string(kBlocks));
  ASSERT_TRUE(area);
  AreaCosts costs;
  costs.lane.luts = 1e6;
  costs.head_lane.luts = 10;
  costs.channel.luts = 20;
  costs.control.luts = 30;
  const FabricUse counted =
      SumOf(AreaOf({.lanes = 6, .slots = 4, .vector_lanes = 3}, costs, *area));
  EXPECT_DOUBLE_EQ(counted.luts, 6 * 150 + 2 * 7 + 3 * 1000 + 3 * 10 + 6 * 20 + 30);
  const FabricUse by_hand =
      SumOf(AreaOf({.lanes = 6, .slots = 1, .vector_lanes = 3}, costs, *area));
  EXPECT_DOUBLE_EQ(by_hand.luts, 6e6 + 3 * 10 + 6 * 20 + 30);
}

TEST(CountedArea, MistakesAreNamed) {
  const std::string start = "words = 64\nblocks = 2\n[[block]]\npart = \"a\"\nmodule = \"lane\"\n";
  const auto message = [](const Result<CountedArea>& area) {
    return area ? std::string() : area.error().message;
  };
  EXPECT_NE(message(Parse(start + "parameters = { Slots = \"slot\" }\nper = \"lanes\"\n"))
                .find("Slots' is slot"),
            std::string::npos);
  EXPECT_NE(message(Parse(start + "parameters = {}\nper = \"tile\"\n")).find("per' is tile"),
            std::string::npos);
  EXPECT_NE(message(Parse(start + "parameters = {}\nper = \"lanes\"\nevery = 2\n")).find("every"),
            std::string::npos);
  EXPECT_NE(message(Parse(std::string(kBlocks), "[[lane]]\nparameters = {}\nlut = 1\n"))
                .find("synthesis.toml"),
            std::string::npos);
}

TEST(CountedArea, OfTheU280) {
  const auto area = CountedArea::Parse(DataText("blocks.toml"), "blocks.toml",
                                       DataText("synthesis.toml"), "synthesis.toml");
  ASSERT_TRUE(area) << area.error().ToString();
  EXPECT_TRUE(area->PartsOf({.lanes = 32, .slots = 8, .vector_lanes = 64}));  // u280-large
  for (const int64_t slots : {2, 4, 8}) {
    EXPECT_TRUE(area->PartsOf({.lanes = 32, .slots = slots, .vector_lanes = 32})) << slots;
  }
}

}  // namespace
}  // namespace accllm::accel
