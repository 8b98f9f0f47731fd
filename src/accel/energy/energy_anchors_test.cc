// The published operating points that the coefficients must reproduce; docs/energy.md shows the
// figures.
#include <gtest/gtest.h>

#include <string>

#include "accel/energy/baseline.h"
#include "accel/energy/energy_coefficients.h"
#include "accel/energy/energy_model.h"

namespace accllm::accel {
namespace {

const std::string kAcceleratorSpec = ACCLLM_SOURCE_DIR "/spec/accelerator/";

struct OperatingPoint {
  Baseline baseline;
  EnergyReport report;
};

OperatingPoint PointOf(const std::string& name) {
  const auto coefficients = ReadEnergyCoefficients(kAcceleratorSpec + "energy.toml");
  EXPECT_TRUE(coefficients) << coefficients.error().ToString();
  const auto baseline = ReadBaseline(kAcceleratorSpec + "baselines/" + name + ".toml");
  EXPECT_TRUE(baseline) << baseline.error().ToString();
  if (!coefficients || !baseline) return {};
  const auto report = EstimateEnergy(CountsPerToken(*baseline, PublishedToken(*baseline)), 1,
                                     baseline->scope, *coefficients);
  EXPECT_TRUE(report) << report.error().ToString();
  return {*baseline, report.value_or(EnergyReport{})};
}

void ExpectInside(const EnergyRange& range, double published) {
  EXPECT_LT(range.low, published);
  EXPECT_GT(range.high, published);
}

void ExpectAnchor(const std::string& name) {
  const auto [baseline, report] = PointOf(name);
  ExpectInside(report.watts, baseline.watts);
  ExpectInside(report.tokens_per_joule, baseline.tokens_per_joule);
  EXPECT_NEAR(report.watts.nominal, baseline.watts, 0.1 * baseline.watts);
  EXPECT_NEAR(report.tokens_per_joule.nominal, baseline.tokens_per_joule,
              0.1 * baseline.tokens_per_joule);
}

TEST(EnergyAnchors, FlightLlmIsWithinTenPercent) { ExpectAnchor("flightllm"); }

TEST(EnergyAnchors, AccLlmIsWithinTenPercent) { ExpectAnchor("accllm_paper"); }

// No anchor: no coefficient was chosen to fit it.
TEST(EnergyAnchors, EdgeLlmIsWithinTenPercentUnfitted) { ExpectAnchor("edgellm"); }

// Guards the figures that docs/energy.md quotes.
TEST(EnergyAnchors, WattsAreThoseOfTheManual) {
  EXPECT_NEAR(PointOf("flightllm").report.watts.nominal, 43.55, 0.05);
  EXPECT_NEAR(PointOf("accllm_paper").report.watts.nominal, 34.0, 0.05);
  EXPECT_NEAR(PointOf("edgellm").report.watts.nominal, 59.2, 0.05);
}

}  // namespace
}  // namespace accllm::accel
