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
parameters = { Queries = "queries" }
per = "lanes"
each = 4
[[block]]
part = "vector unit"
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
parameters = { Queries = 2 }
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
  ASSERT_EQ(parts.size(), 2U);
  EXPECT_EQ(parts[0].name, "engine");
  EXPECT_EQ(parts[0].basis, AreaBasis::kSynthesis);
  EXPECT_DOUBLE_EQ(parts[0].use.luts, 6 * 150 + 2 * 7);
  EXPECT_DOUBLE_EQ(parts[0].use.brams, 6);
  EXPECT_EQ(parts[1].name, "vector unit");
  EXPECT_DOUBLE_EQ(parts[1].use.urams, 3 * 2);
}

std::vector<std::string> NamesOf(const std::vector<AreaPart>& parts) {
  std::vector<std::string> names;
  for (const AreaPart& part : parts) names.push_back(part.name);
  return names;
}

// Nothing is taken for what was not counted, in whole parts.
TEST(CountedArea, PartsAsAWhole) {
  const std::vector<std::string> both = {"engine", "vector unit"};
  const auto area = Parse(std::string(kBlocks));
  ASSERT_TRUE(area);
  const auto names = [&](const MachineSize& machine) { return NamesOf(area->PartsOf(machine)); };
  // A lane was counted for two slots, a feed was not.
  EXPECT_EQ(names({.lanes = 6, .slots = 2, .vector_lanes = 3}),
            std::vector<std::string>{"vector unit"});
  const int64_t held = 3 * 64 * 4 + 2 * 4 * 2 * 256;
  EXPECT_EQ(names({.lanes = 6, .slots = 4, .vector_lanes = 3, .vector_bytes = held}), both);
  EXPECT_EQ(names({.lanes = 6, .slots = 4, .vector_lanes = 3, .vector_bytes = held + 1}),
            std::vector<std::string>{"engine"});
  const auto other = Parse("words = 32" + std::string(kBlocks.substr(kBlocks.find("\nblocks"))));
  ASSERT_TRUE(other) << other.error().ToString();
  EXPECT_EQ(NamesOf(other->PartsOf({.lanes = 6, .slots = 4, .vector_lanes = 3})),
            std::vector<std::string>{"engine"});
}

TEST(CountedArea, BesideWhatIsByHand) {
  const auto area = Parse(std::string(kBlocks));
  ASSERT_TRUE(area);
  AreaCosts costs;
  costs.lane.luts = 1e6;
  costs.vector_lane.luts = 1e5;
  costs.head_lane.luts = 10;
  costs.channel.luts = 20;
  costs.control.luts = 30;
  const double beside = 3 * 10 + 6 * 20 + 30;
  const FabricUse counted =
      SumOf(AreaOf({.lanes = 6, .slots = 4, .vector_lanes = 3}, costs, *area));
  EXPECT_DOUBLE_EQ(counted.luts, 6 * 150 + 2 * 7 + 3 * 1000 + beside);
  const FabricUse half = SumOf(AreaOf({.lanes = 6, .slots = 2, .vector_lanes = 3}, costs, *area));
  EXPECT_DOUBLE_EQ(half.luts, 6e6 + 3 * 1000 + beside);
  const FabricUse two =
      SumOf(AreaOf({.lanes = 6, .slots = 2, .vector_lanes = 3, .head_units = 2}, costs, *area));
  EXPECT_DOUBLE_EQ(two.luts, half.luts + 3 * 10);
  const FabricUse by_hand = SumOf(
      AreaOf({.lanes = 6, .slots = 1, .vector_lanes = 3, .vector_bytes = 1 << 20}, costs, *area));
  EXPECT_DOUBLE_EQ(by_hand.luts, 6e6 + 3e5 + beside);
}

TEST(CountedArea, MistakesAreNamed) {
  const std::string start =
      "words = 64\nblocks = 2\n[[block]]\npart = \"engine\"\nmodule = \"lane\"\n";
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
  EXPECT_NE(message(Parse("words = 64\nblocks = 2\n[[block]]\npart = \"a\"\nmodule = \"lane\"\n"
                          "parameters = {}\nper = \"lanes\"\n"))
                .find("part' is a"),
            std::string::npos);
  EXPECT_NE(message(Parse(std::string(kBlocks), "[[lane]]\nparameters = {}\nlut = 1\n"))
                .find("synthesis.toml"),
            std::string::npos);
}

TEST(CountedArea, OfTheU280) {
  const auto area = CountedArea::Parse(DataText("blocks.toml"), "blocks.toml",
                                       DataText("synthesis.toml"), "synthesis.toml");
  ASSERT_TRUE(area) << area.error().ToString();
  EXPECT_EQ(area->PartsOf({.lanes = 32, .slots = 4, .vector_lanes = 32}).size(),
            kMachineParts.size());
  const auto larger = area->PartsOf({.lanes = 32, .slots = 8, .vector_lanes = 64, .head_units = 2});
  EXPECT_EQ(larger.size(), kMachineParts.size());
  EXPECT_EQ(NamesOf(area->PartsOf({.lanes = 32, .slots = 2, .vector_lanes = 32})),
            (std::vector<std::string>{"engine", "vector unit"}));
}

}  // namespace
}  // namespace accllm::accel
