#include "accel/energy/baseline.h"

#include <gtest/gtest.h>

#include <string>

namespace accllm::accel {
namespace {

// Figures that a head can follow: a token takes 0.01 s and reads 1.06 GB of the 2 GB that 0.01 s
// allow.
constexpr char kSmallBaseline[] = R"(
name = "small"
platform = "card"
[published]
source = "here"
scope = "card"
tokens_per_s = 100
watts = 20
tokens_per_joule = 5.0
clock_mhz = 200
luts = 100_000
dsps = 1000
[model]
weights = 4e9
cached_values_per_token = 100_000
attention_macs_per_cached_token = 200_000
[inferred]
weight_bits = 2
multiplied_share = 0.5
cached_tokens = 1200
cached_bits = 4
macs_per_dsp_cycle = 4
ffs = 150_000
brams = 200
urams = 100
hbm_bytes_per_s = 200e9
bram_accesses_per_byte = 0.25
macs_per_uram_access = 32
)";

constexpr char kSmallMachine[] = R"(
[machine]
shape = "llama-2-7b"
sinks = 4
window = 1196
memory_bytes = 8_000_000_000
channels = 8
cores = 2
rows_together = 256
macs_per_cycle = 4000
vector_lanes = 16
stream_beats = 512
burst_beats = 8
bursts_in_flight = 3
heads_ahead = 1
barrier_cycles = 10
calibrated = "bursts_in_flight"
[[machine.checks]]
cached_tokens = 1000
tokens_per_s = 101
source = "there"
)";

std::string SmallBaselineWith(const std::string& from, const std::string& to) {
  std::string text = kSmallBaseline;
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(Baseline, CountsWhatATokenCosts) {
  const auto baseline = ParseBaseline(kSmallBaseline, "b.toml");
  ASSERT_TRUE(baseline) << baseline.error().ToString();
  EXPECT_EQ(baseline->name, "small");
  EXPECT_EQ(baseline->scope, EnergyScope::kCard);
  const EnergyCounts counts = CountsPerToken(*baseline, PublishedToken(*baseline));
  EXPECT_DOUBLE_EQ(counts.seconds, 0.01);
  EXPECT_DOUBLE_EQ(counts.clock_mhz, 200);
  EXPECT_DOUBLE_EQ(counts.used.ffs, 150e3);
  EXPECT_DOUBLE_EQ(counts.hbm_read_bytes, 1e9 + 60e6);  // 4e9 * 2 / 8 + 1200 * 1e5 * 4 / 8
  EXPECT_DOUBLE_EQ(counts.hbm_write_bytes, 50e3);       // 1e5 * 4 / 8
  const double macs = 2e9 + 240e6;                      // 4e9 / 2 + 1200 * 2e5
  EXPECT_DOUBLE_EQ(counts.dsp_active_cycles, macs / 4);
  EXPECT_DOUBLE_EQ(counts.uram_accesses, macs / 32);
  EXPECT_DOUBLE_EQ(counts.bram_accesses, (1.06e9 + 50e3) / 4);
  // 100 kLUT for the 5.3 ms that the memory takes.
  EXPECT_NEAR(counts.lut_active_kcycles, 100 * 5.3e-3 * 200e6, 1);
}

TEST(Baseline, CountsFollowWhatATokenTakes) {
  const auto baseline = ParseBaseline(kSmallBaseline, "b.toml");
  ASSERT_TRUE(baseline) << baseline.error().ToString();
  const EnergyCounts counts = CountsPerToken(*baseline, {0.02, 600, 1e9, 4e3});
  EXPECT_DOUBLE_EQ(counts.seconds, 0.02);
  EXPECT_DOUBLE_EQ(counts.dsp_active_cycles, (2e9 + 600 * 2e5) / 4);
  EXPECT_DOUBLE_EQ(counts.bram_accesses, (1e9 + 4e3) / 4);
  EXPECT_NEAR(counts.lut_active_kcycles, 100 * 5e-3 * 200e6, 1);
}

TEST(Baseline, ReadsTheMachine) {
  const auto baseline = ParseBaseline(std::string(kSmallBaseline) + kSmallMachine, "b.toml");
  ASSERT_TRUE(baseline) << baseline.error().ToString();
  ASSERT_TRUE(baseline->machine);
  const BaselineMachine& machine = *baseline->machine;
  EXPECT_EQ(machine.shape, "llama-2-7b");
  EXPECT_EQ(machine.attention.n_sinks, 4);
  EXPECT_EQ(machine.attention.window, 1196);
  EXPECT_EQ(machine.engine.cores, 2);
  EXPECT_EQ(machine.engine.vector_lanes, 16);
  EXPECT_DOUBLE_EQ(machine.engine.weight_bits, 2);  // those of [inferred]
  EXPECT_DOUBLE_EQ(machine.engine.cached_bits, 4);
  EXPECT_DOUBLE_EQ(machine.engine.multiplied_share, 0.5);
  EXPECT_EQ(machine.timing.bursts_in_flight, 3);
  EXPECT_EQ(machine.timing.barrier_cycles, 10);
  EXPECT_EQ(machine.calibrated, "bursts_in_flight");
  ASSERT_EQ(machine.checks.size(), 1U);
  EXPECT_EQ(machine.checks[0].cached_tokens, 1000);
  EXPECT_DOUBLE_EQ(machine.checks[0].tokens_per_s, 101);
  const auto without = ParseBaseline(kSmallBaseline, "b.toml");
  ASSERT_TRUE(without);
  EXPECT_FALSE(without->machine);
}

TEST(Baseline, NamesWhatIsWrongWithTheMachine) {
  const auto error_with = [](const std::string& from, const std::string& to) {
    std::string text = std::string(kSmallBaseline) + kSmallMachine;
    const size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    const auto baseline = ParseBaseline(text.replace(at, from.size(), to), "b.toml");
    EXPECT_FALSE(baseline) << to;
    if (baseline) return std::string();
    EXPECT_FALSE(baseline.error().remedy.empty()) << to;
    return baseline.error().message;
  };
  EXPECT_EQ(error_with("cores = 2", "cores = 3"),
            "b.toml: field 'machine.channels' is 8, which 3 cores cannot share evenly");
  EXPECT_EQ(error_with("cores = 2", "core = 2"), "b.toml: field 'machine.core' is not known");
  EXPECT_EQ(error_with("cores = 2", ""), "b.toml: field 'machine.cores' is missing");
  EXPECT_EQ(error_with("bursts_in_flight = 3", "bursts_in_flight = 0"),
            "b.toml: field 'machine.bursts_in_flight' is 0, must lie in [1, 1024]");
  EXPECT_EQ(error_with("calibrated = \"bursts_in_flight\"", "calibrated = \"luck\""),
            "b.toml: field 'machine.calibrated' is 'luck'");
  EXPECT_EQ(error_with("source = \"there\"", "sauce = \"there\""),
            "b.toml: field 'machine.checks[0].sauce' is not known");
}

TEST(Baseline, NamesFileFieldAndRemedy) {
  struct Case {
    std::string text;
    ErrorCode code;
    std::string message;
  };
  const Case cases[] = {
      {SmallBaselineWith("name = \"small\"", ""), ErrorCode::kNotFound,
       "b.toml: field 'name' is missing"},
      {SmallBaselineWith("[model]", "[modell]"), ErrorCode::kCorrupt,
       "b.toml: field 'modell' is not known"},
      {SmallBaselineWith("dsps = 1000", "dsp = 1000"), ErrorCode::kCorrupt,
       "b.toml: field 'published.dsp' is not known"},
      {SmallBaselineWith("dsps = 1000", ""), ErrorCode::kNotFound,
       "b.toml: field 'published.dsps' is missing"},
      {SmallBaselineWith("watts = 20", "watts = \"20 W\""), ErrorCode::kCorrupt,
       "b.toml: field 'published.watts' must be a number, found a string"},
      {SmallBaselineWith("tokens_per_s = 100", "tokens_per_s = 0"), ErrorCode::kCorrupt,
       "b.toml: field 'published.tokens_per_s' is 0"},
      {SmallBaselineWith("multiplied_share = 0.5", "multiplied_share = 1.5"), ErrorCode::kCorrupt,
       "b.toml: field 'inferred.multiplied_share' is 1.5"},
      {SmallBaselineWith("scope = \"card\"", "scope = \"server\""), ErrorCode::kCorrupt,
       "b.toml: field 'published.scope' is 'server'"},
      {SmallBaselineWith("tokens_per_joule = 5.0", "tokens_per_joule = 6.0"), ErrorCode::kCorrupt,
       "b.toml: field 'published.tokens_per_joule' is 6, but tokens_per_s / watts is 5"},
      {SmallBaselineWith("weight_bits = 2", "weight_bits = 4"), ErrorCode::kCorrupt,
       "b.toml: field 'inferred.hbm_bytes_per_s' is 2e+11, but 2.06e+11 bytes per second are read"},
  };
  for (const Case& bad : cases) {
    const auto baseline = ParseBaseline(bad.text, "b.toml");
    ASSERT_FALSE(baseline) << bad.message;
    EXPECT_EQ(baseline.error().message, bad.message);
    EXPECT_EQ(baseline.error().code, bad.code) << bad.message;
    EXPECT_FALSE(baseline.error().remedy.empty()) << bad.message;
  }
}

TEST(Baseline, NamesTheFileThatIsNotThere) {
  EXPECT_EQ(ReadBaseline("/nowhere/baseline.toml").error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace accllm::accel
