#include "accel/energy/energy_model.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <utility>

namespace accllm::accel {
namespace {

EnergyCoefficient Times123(double unit) { return {{unit, 2 * unit, 3 * unit}, "assumed", "test"}; }

EnergyCoefficients RoundCoefficients() {
  EnergyCoefficients coefficients;
  coefficients.device_static = Times123(1);
  coefficients.shell = Times123(2);
  coefficients.card = Times123(10);
  coefficients.clock_ff = Times123(1e-5);
  coefficients.clock_block = Times123(1e-7);
  coefficients.hbm = Times123(1e-11);
  coefficients.dsp = Times123(1e-12);
  coefficients.lut = Times123(1e-11);
  coefficients.bram = Times123(2e-12);
  coefficients.uram = Times123(4e-12);
  return coefficients;
}

// Half a second at 200 MHz: 1e8 cycles.
EnergyCounts RoundCounts() {
  EnergyCounts counts;
  counts.seconds = 0.5;
  counts.clock_mhz = 200;
  counts.used = {.luts = 100e3, .ffs = 200e3, .dsps = 1000, .brams = 600, .urams = 400};
  counts.hbm_read_bytes = 9e10;
  counts.hbm_write_bytes = 1e10;
  counts.dsp_active_cycles = 5e10;
  counts.lut_active_kcycles = 4e9;
  counts.bram_accesses = 5e10;
  counts.uram_accesses = 2.5e10;
  return counts;
}

struct NamedCount {
  const char* name;
  double EnergyCounts::*member;
};

constexpr NamedCount kActivity[] = {
    {"hbm_read_bytes", &EnergyCounts::hbm_read_bytes},
    {"hbm_write_bytes", &EnergyCounts::hbm_write_bytes},
    {"dsp_active_cycles", &EnergyCounts::dsp_active_cycles},
    {"lut_active_kcycles", &EnergyCounts::lut_active_kcycles},
    {"bram_accesses", &EnergyCounts::bram_accesses},
    {"uram_accesses", &EnergyCounts::uram_accesses},
};

EnergyReport Estimate(const EnergyCounts& counts, double n_tokens, EnergyScope scope) {
  auto report = EstimateEnergy(counts, n_tokens, scope, RoundCoefficients());
  EXPECT_TRUE(report) << report.error().ToString();
  return report.value_or(EnergyReport{});
}

TEST(EnergyModel, EqualsWhatAHandComputes) {
  const EnergyReport report = Estimate(RoundCounts(), 10, EnergyScope::kCard);
  // Joules of all ten tokens with the low coefficients.
  const std::pair<EnergyPart, double> by_hand[] = {
      {EnergyPart::kStatic, 0.5},  // 0.5 s * 1 W
      {EnergyPart::kShell, 1.0},   // 0.5 s * 2 W
      {EnergyPart::kClock, 0.22},  // 0.5 s * 200 MHz * (200 kFF * 1e-5 + 2000 blocks * 1e-7)
      {EnergyPart::kHbm, 1.0},     // 1e11 bytes * 10 pJ
      {EnergyPart::kDsp, 0.05},    // 5e10 * 1 pJ
      {EnergyPart::kLut, 0.04},    // 4e9 * 10 pJ
      {EnergyPart::kBram, 0.1},    // 5e10 * 2 pJ
      {EnergyPart::kUram, 0.1},    // 2.5e10 * 4 pJ
      {EnergyPart::kCard, 5.0},    // 0.5 s * 10 W
  };
  ASSERT_EQ(std::size(by_hand), kEnergyPartCount);
  for (const auto& [part, joules] : by_hand) {
    EXPECT_NEAR(report.Part(part).low, joules / 10, 1e-12) << EnergyPartName(part);
    EXPECT_NEAR(report.Part(part).nominal, 2 * joules / 10, 1e-12) << EnergyPartName(part);
    EXPECT_NEAR(report.Part(part).high, 3 * joules / 10, 1e-12) << EnergyPartName(part);
  }
  EXPECT_NEAR(report.total_joules_per_token.low, 0.801, 1e-12);
  EXPECT_NEAR(report.watts.low, 16.02, 1e-12);
  EXPECT_NEAR(report.watts.high, 48.06, 1e-12);
  EXPECT_NEAR(report.tokens_per_joule.high, 1 / 0.801, 1e-12);
  EXPECT_NEAR(report.tokens_per_joule.nominal, 1 / 1.602, 1e-12);
  EXPECT_NEAR(report.tokens_per_joule.low, 1 / 2.403, 1e-12);
}

TEST(EnergyModel, TheChipIsTheCardWithoutItsSurroundings) {
  const EnergyReport chip = Estimate(RoundCounts(), 10, EnergyScope::kChip);
  const EnergyReport card = Estimate(RoundCounts(), 10, EnergyScope::kCard);
  EXPECT_EQ(chip.scope, EnergyScope::kChip);
  EXPECT_EQ(card.scope, EnergyScope::kCard);
  EXPECT_EQ(chip.Part(EnergyPart::kCard).high, 0);
  EXPECT_NEAR(card.watts.nominal - chip.watts.nominal, 20, 1e-9);
}

TEST(EnergyModel, PartsSumToTheTotal) {
  const EnergyReport report = Estimate(RoundCounts(), 7, EnergyScope::kCard);
  for (double EnergyRange::*bound :
       {&EnergyRange::low, &EnergyRange::nominal, &EnergyRange::high}) {
    double sum = 0;
    for (const EnergyRange& part : report.joules_per_token) sum += part.*bound;
    EXPECT_NEAR(sum, report.total_joules_per_token.*bound, 1e-12);
  }
}

TEST(EnergyModel, GrowsWithEveryCount) {
  const double before =
      Estimate(RoundCounts(), 1, EnergyScope::kChip).total_joules_per_token.nominal;
  for (const NamedCount& count : kActivity) {
    EnergyCounts more = RoundCounts();
    more.*count.member *= 1.25;
    const EnergyReport after = Estimate(more, 1, EnergyScope::kChip);
    EXPECT_GT(after.total_joules_per_token.nominal, before) << count.name;
  }
  EnergyCounts slower = RoundCounts();
  slower.seconds *= 2;
  EXPECT_GT(Estimate(slower, 1, EnergyScope::kChip).total_joules_per_token.nominal, before);
  EnergyCounts faster_clock = RoundCounts();
  faster_clock.clock_mhz *= 2;
  EXPECT_GT(Estimate(faster_clock, 1, EnergyScope::kChip).total_joules_per_token.nominal, before);
}

TEST(EnergyModel, GrowsWithTheAreaThatIsClocked) {
  const double before =
      Estimate(RoundCounts(), 1, EnergyScope::kChip).Part(EnergyPart::kClock).nominal;
  for (double FabricUse::*area :
       {&FabricUse::ffs, &FabricUse::dsps, &FabricUse::brams, &FabricUse::urams}) {
    EnergyCounts larger = RoundCounts();
    larger.used.*area *= 2;
    EXPECT_GT(Estimate(larger, 1, EnergyScope::kChip).Part(EnergyPart::kClock).nominal, before);
  }
}

TEST(EnergyModel, RefusesCountsThatAreNone) {
  const double bad[] = {-1, std::nan(""), std::numeric_limits<double>::infinity()};
  for (const NamedCount& count : kActivity) {
    for (const double value : bad) {
      EnergyCounts counts = RoundCounts();
      counts.*count.member = value;
      const auto report = EstimateEnergy(counts, 1, EnergyScope::kChip, RoundCoefficients());
      ASSERT_FALSE(report) << count.name;
      EXPECT_EQ(report.error().code, ErrorCode::kInvalidArgument);
      EXPECT_NE(report.error().message.find(count.name), std::string::npos)
          << report.error().message;
      EXPECT_FALSE(report.error().remedy.empty());
    }
  }
}

TEST(EnergyModel, RefusesNoTimeAndNoTokens) {
  EnergyCounts counts = RoundCounts();
  EXPECT_EQ(EstimateEnergy(counts, 0, EnergyScope::kChip, RoundCoefficients()).error().message,
            "energy: n_tokens is 0");
  counts.seconds = 0;
  EXPECT_EQ(EstimateEnergy(counts, 1, EnergyScope::kChip, RoundCoefficients()).error().message,
            "energy: seconds is 0");
}

TEST(EnergyModel, RefusesMoreActivityThanTheDesignHas) {
  const EnergyCounts counts = RoundCounts();
  const double cycles = counts.seconds * counts.clock_mhz * 1e6;
  const std::pair<double EnergyCounts::*, double> most[] = {
      {&EnergyCounts::dsp_active_cycles, counts.used.dsps * cycles},
      {&EnergyCounts::lut_active_kcycles, counts.used.luts / 1000 * cycles},
      {&EnergyCounts::bram_accesses, 2 * counts.used.brams * cycles},
      {&EnergyCounts::uram_accesses, 2 * counts.used.urams * cycles},
  };
  for (const auto& [member, limit] : most) {
    EnergyCounts at_limit = counts;
    at_limit.*member = limit;
    EXPECT_TRUE(EstimateEnergy(at_limit, 1, EnergyScope::kChip, RoundCoefficients()));
    at_limit.*member = 1.01 * limit;
    const auto report = EstimateEnergy(at_limit, 1, EnergyScope::kChip, RoundCoefficients());
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().code, ErrorCode::kInvalidArgument);
    EXPECT_NE(report.error().message.find("the design can do"), std::string::npos);
  }
}

}  // namespace
}  // namespace accllm::accel
