// A published accelerator as data (spec/accelerator/baselines/): what its authors report, and what
// has to be inferred to count its energy.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "accel/energy/baseline_machine.h"
#include "accel/energy/energy_counts.h"
#include "accel/energy/energy_model.h"
#include "base/result.h"

namespace accllm::accel {

struct Baseline {
  std::string name;
  std::string platform;

  // Published.
  std::string source;
  EnergyScope scope = EnergyScope::kChip;  // what `watts` is of
  double tokens_per_s = 0;
  double watts = 0;
  double tokens_per_joule = 0;
  double clock_mhz = 0;
  double luts = 0;
  double dsps = 0;

  // The model that it runs.
  double weights = 0;                          // read for every token
  double cached_values_per_token = 0;          // keys and values of all layers
  double attention_macs_per_cached_token = 0;  // of all layers and heads

  // Inferred; the file says from what.
  double weight_bits = 0;         // stored per weight, pruned ones, indices and scales included
  double multiplied_share = 0;    // of the weights that are multiplied, not pruned
  double cached_tokens = 0;       // read for every token
  double cached_bits = 0;         // stored per cached value
  double macs_per_dsp_cycle = 0;  // of an active DSP
  double ffs = 0;
  double brams = 0;
  double urams = 0;
  double hbm_bytes_per_s = 0;         // peak of the memory
  double bram_accesses_per_byte = 0;  // of the stream from and to memory
  double macs_per_uram_access = 0;    // products that one read of activations serves

  std::optional<BaselineMachine> machine;  // if it is described
};

// What a token of a baseline takes of time and memory.
struct BaselineToken {
  double seconds = 0;
  double cached_tokens = 0;
  double read_bytes = 0;
  double written_bytes = 0;
};

// As published: its speed, and bytes by its formats.
BaselineToken PublishedToken(const Baseline& baseline);

// What the baseline does for a token. DSPs are active as often as the products need; LUTs toggle
// in those cycles in which a beat of the memory arrives: that share of them is bytes over peak.
EnergyCounts CountsPerToken(const Baseline& baseline, const BaselineToken& token);

// Errors: kNotFound and kCorrupt for fields, as in ParseEnergyCoefficients; kCorrupt if token/s, W
// and token/J contradict each other or the memory cannot deliver the bytes.
Result<Baseline> ParseBaseline(std::string_view text, const std::string& path);

// Errors: as above, and those of reading the file.
Result<Baseline> ReadBaseline(const std::string& path);

}  // namespace accllm::accel
