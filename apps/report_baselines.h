// Published designs in the report: what their authors say, what the cycle and energy models say of
// them, and how this project's machine compares.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "accel/energy/baseline.h"
#include "accel/energy/energy_model.h"
#include "console.h"

namespace accllm::cli {

// A baseline as modelled with so many cached tokens.
struct BaselinePoint {
  int64_t cached_tokens = 0;
  double tokens_per_s = 0;
  double hbm_utilisation = 0;
  accel::EnergyReport energy;  // in the baseline's scope
};

struct BaselineEstimate {
  accel::Baseline baseline;
  accel::EnergyReport at_published_speed;  // which the energy model is held to
  // Of what the cycle model knows the machine of, if the report is on the model that it runs.
  std::optional<BaselinePoint> published_point;
  std::vector<BaselinePoint> checks;           // one for each of the machine's
  std::optional<BaselinePoint> same_position;  // nothing if its cache does not fit
};

// All of spec/accelerator/baselines/. `shape` is that of the report's model, or empty; `position`
// where its token is. Errors: those of reading, and of EstimateEnergy.
Result<std::vector<BaselineEstimate>> EstimateBaselines(
    const std::string& shape, int64_t position, const accel::EnergyCoefficients& coefficients,
    const std::function<void(double share)>& on_progress);

// This project's machine, as far as it is compared.
struct OurPoint {
  std::string name;
  double tokens_per_s = 0;
  const accel::EnergyReport* chip = nullptr;
  const accel::EnergyReport* card = nullptr;
};

struct OurPoints {
  OurPoint plain;               // a token a pass
  std::optional<OurPoint> mix;  // a measured mix of passes
};

// The ratios are those of `ours` to what is modelled at the same position.
Json ToJson(const BaselineEstimate& estimate, const OurPoints& ours);

// A table of all designs, with ratios of the plain point.
std::string DesignTable(const std::vector<BaselineEstimate>& baselines, const OurPoints& ours);

}  // namespace accllm::cli
