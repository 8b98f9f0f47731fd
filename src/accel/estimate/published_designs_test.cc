#include "accel/estimate/published_designs.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace accllm::accel {
namespace {

constexpr char kDesign[] = R"(
[[design]]
name = "small"
platform = "card"
model = "a model"
tokens_per_s = 100
watts = 20
tokens_per_joule = 5.0
method = "board"
source = "here"
)";

std::string DesignWith(const std::string& from, const std::string& to) {
  std::string text = kDesign;
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(PublishedDesigns, BundledOnesHaveSourcesAndFigures) {
  const auto designs = BundledPublishedDesigns();
  ASSERT_TRUE(designs) << designs.error().ToString();
  const auto named = [&](std::string_view name) {
    return std::find_if(designs->begin(), designs->end(),
                        [&](const PublishedDesign& d) { return d.name.starts_with(name); });
  };
  for (const char* name : {"AccLLM", "FlightLLM", "EdgeLLM", "A100", "TerEffic", "Hummingbird"}) {
    ASSERT_NE(named(name), designs->end()) << name;
  }
  EXPECT_EQ(named("AccLLM")->tokens_per_s, 164);  // of its baseline
  EXPECT_EQ(named("FlightLLM")->dsps, 6345);
  EXPECT_FALSE(named("A100")->watts);
  for (const PublishedDesign& design : *designs) {
    EXPECT_GT(design.tokens_per_s, 0) << design.name;
    EXPECT_FALSE(design.source.empty()) << design.name;
    EXPECT_FALSE(design.platform.empty()) << design.name;
  }
}

TEST(PublishedDesigns, NamesFileFieldAndRemedy) {
  struct Case {
    std::string text;
    ErrorCode code;
    std::string message;
  };
  const Case cases[] = {
      {DesignWith("source = \"here\"", ""), ErrorCode::kNotFound, "source' is missing"},
      {DesignWith("watts", "wats"), ErrorCode::kCorrupt, "wats' is not known"},
      {DesignWith("watts = 20", "watts = 30"), ErrorCode::kCorrupt,
       "tokens_per_s / watts is 3.333"},
      {DesignWith("platform = \"card\"", "baseline = \"flightllm\""), ErrorCode::kCorrupt,
       "source' is given twice; leave it to baselines/flightllm.toml"},
      {"[[designs]]\n", ErrorCode::kCorrupt, "designs' is not known"},
  };
  EXPECT_TRUE(ParsePublishedDesigns(kDesign, "d.toml"));
  for (const Case& c : cases) {
    const auto designs = ParsePublishedDesigns(c.text, "d.toml");
    ASSERT_FALSE(designs) << c.message;
    EXPECT_EQ(designs.error().code, c.code) << designs.error().ToString();
    EXPECT_NE(designs.error().ToString().find(c.message), std::string::npos)
        << designs.error().ToString();
  }
}

}  // namespace
}  // namespace accllm::accel
