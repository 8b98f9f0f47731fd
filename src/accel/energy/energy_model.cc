#include "accel/energy/energy_model.h"

#include <fmt/format.h>

#include <cmath>
#include <utility>

namespace accllm::accel {
namespace {

using Bound = double EnergyRange::*;
using PartJoules = std::array<double, kEnergyPartCount>;

constexpr double kPortsPerMemory = 2;
// Sums of many counts may be off by their rounding.
constexpr double kCountSlack = 1 + 1e-9;

Status CheckCounts(const EnergyCounts& counts, double n_tokens) {
  const std::pair<std::string_view, double> named[] = {
      {"seconds", counts.seconds},
      {"clock_mhz", counts.clock_mhz},
      {"luts", counts.used.luts},
      {"ffs", counts.used.ffs},
      {"dsps", counts.used.dsps},
      {"brams", counts.used.brams},
      {"urams", counts.used.urams},
      {"hbm_read_bytes", counts.hbm_read_bytes},
      {"hbm_write_bytes", counts.hbm_write_bytes},
      {"dsp_active_cycles", counts.dsp_active_cycles},
      {"lut_active_kcycles", counts.lut_active_kcycles},
      {"bram_accesses", counts.bram_accesses},
      {"uram_accesses", counts.uram_accesses},
      {"n_tokens", n_tokens},
  };
  for (const auto& [name, value] : named) {
    const bool must_be_positive = name == "seconds" || name == "n_tokens";
    if (std::isfinite(value) && (must_be_positive ? value > 0 : value >= 0)) continue;
    return Fail(ErrorCode::kInvalidArgument, fmt::format("energy: {} is {}", name, value),
                must_be_positive ? "give a positive number" : "give a number that is not negative");
  }
  return {};
}

// What a design has bounds what can be active in it: a count beyond that has the wrong unit.
Status CheckCapacity(const EnergyCounts& counts) {
  struct Capacity {
    std::string_view name;
    double count;
    double per_cycle;
  };
  const double cycles = counts.seconds * counts.clock_mhz * 1e6;
  const Capacity capacities[] = {
      {"dsp_active_cycles", counts.dsp_active_cycles, counts.used.dsps},
      {"lut_active_kcycles", counts.lut_active_kcycles, counts.used.luts / 1000},
      {"bram_accesses", counts.bram_accesses, kPortsPerMemory * counts.used.brams},
      {"uram_accesses", counts.uram_accesses, kPortsPerMemory * counts.used.urams},
  };
  for (const Capacity& capacity : capacities) {
    if (capacity.count <= capacity.per_cycle * cycles * kCountSlack) continue;
    return Fail(
        ErrorCode::kInvalidArgument,
        fmt::format("energy: {} is {:.6g}, but the design can do {:.6g} in {:.6g} cycles",
                    capacity.name, capacity.count, capacity.per_cycle * cycles, cycles),
        "check the unit of the count, and that area and clock are those of the same design");
  }
  return {};
}

PartJoules JoulesOf(const EnergyCounts& counts, EnergyScope scope, const EnergyCoefficients& c,
                    Bound bound) {
  const auto at = [bound](const EnergyCoefficient& coefficient) {
    return coefficient.value.*bound;
  };
  const FabricUse& used = counts.used;
  const double blocks = used.dsps + used.brams + used.urams;
  const double clock_watts =
      counts.clock_mhz * (at(c.clock_ff) * used.ffs / 1000 + at(c.clock_block) * blocks);
  return {
      counts.seconds * at(c.device_static),
      counts.seconds * at(c.shell),
      counts.seconds * clock_watts,
      (counts.hbm_read_bytes + counts.hbm_write_bytes) * at(c.hbm),
      counts.dsp_active_cycles * at(c.dsp),
      counts.lut_active_kcycles * at(c.lut),
      counts.bram_accesses * at(c.bram),
      counts.uram_accesses * at(c.uram),
      scope == EnergyScope::kCard ? counts.seconds * at(c.card) : 0,
  };
}

}  // namespace

std::string_view EnergyPartName(EnergyPart part) {
  constexpr std::array<std::string_view, kEnergyPartCount> kNames = {
      "static", "shell", "clock", "hbm", "dsp", "lut", "bram", "uram", "card"};
  return kNames[static_cast<size_t>(part)];
}

Result<EnergyReport> EstimateEnergy(const EnergyCounts& counts, double n_tokens, EnergyScope scope,
                                    const EnergyCoefficients& coefficients) {
  ACCLLM_RETURN_IF_ERROR(CheckCounts(counts, n_tokens));
  ACCLLM_RETURN_IF_ERROR(CheckCapacity(counts));
  EnergyReport report;
  report.scope = scope;
  for (const Bound bound : {&EnergyRange::low, &EnergyRange::nominal, &EnergyRange::high}) {
    const PartJoules joules = JoulesOf(counts, scope, coefficients, bound);
    double total = 0;
    for (size_t part = 0; part < kEnergyPartCount; ++part) {
      report.joules_per_token[part].*bound = joules[part] / n_tokens;
      total += joules[part];
    }
    report.total_joules_per_token.*bound = total / n_tokens;
    report.watts.*bound = total / counts.seconds;
  }
  const EnergyRange& total = report.total_joules_per_token;
  report.tokens_per_joule = {1 / total.high, 1 / total.nominal, 1 / total.low};
  return report;
}

}  // namespace accllm::accel
