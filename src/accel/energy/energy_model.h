// Energy of an accelerator: counts of a cycle model times coefficients, with what is not known kept
// as a range.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "accel/energy/energy_coefficients.h"
#include "accel/energy/energy_counts.h"
#include "base/result.h"

namespace accllm::accel {

// Where the power is drawn. Estimates of FPGA tools are of the chip; a sensor on a card sees the
// card.
enum class EnergyScope {
  kChip,  // the FPGA's package: fabric, transceivers, HBM stacks
  kCard,  // the chip and all that is around it
};

// The terms of the sum, in the order of EnergyReport::joules_per_token.
enum class EnergyPart {
  kStatic,
  kShell,
  kClock,
  kHbm,
  kDsp,
  kLut,
  kBram,
  kUram,
  kCard,  // zero in the scope of the chip
};
inline constexpr size_t kEnergyPartCount = 9;

std::string_view EnergyPartName(EnergyPart part);  // "static", "shell", ...

struct EnergyReport {
  EnergyScope scope = EnergyScope::kChip;
  std::array<EnergyRange, kEnergyPartCount> joules_per_token;
  EnergyRange total_joules_per_token;
  EnergyRange watts;
  EnergyRange tokens_per_joule;  // low goes with the high energy

  const EnergyRange& Part(EnergyPart part) const {
    return joules_per_token[static_cast<size_t>(part)];
  }
};

// The energy of `counts`, during which `n_tokens` tokens came out:
//
//   seconds * (device_static + shell + card
//              + clock_mhz * (clock_ff * ffs / 1000 + clock_block * (dsps + brams + urams)))
//   + hbm * bytes + dsp * cycles + lut * kcycles + bram * accesses + uram * accesses
//
// once with all coefficients low, once nominal, once high.
// Errors: kInvalidArgument if a count is negative or not finite, no time or token passed, or more
// was active than the design has: DSPs and LUTs in every cycle, two ports of every memory.
Result<EnergyReport> EstimateEnergy(const EnergyCounts& counts, double n_tokens, EnergyScope scope,
                                    const EnergyCoefficients& coefficients);

}  // namespace accllm::accel
