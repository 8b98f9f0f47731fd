// A measured mix of passes, as --passes has it: what speculation makes of a text.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "accel/energy/energy_model.h"
#include "accel/estimate/performance.h"
#include "console.h"

namespace accllm::cli {

struct PassMix {
  struct Kind {
    int64_t count = 0;
    int64_t n_tokens = 0;
  };
  std::vector<Kind> kinds;
  int64_t generated = 0;  // tokens that came out; fewer than the passes ran if guesses were wrong
};

// `texts` are "122x1", "705x2": passes times tokens, these at most `slots`; `generated` 0 means
// that all held. Errors: kInvalidArgument, naming --passes or --generated.
Result<PassMix> ParsePassMix(std::span<const std::string> texts, int64_t generated, int64_t slots);

struct PassMixEstimate {
  PassMix mix;
  double tokens_per_s = 0;
  accel::EnergyReport chip;
  accel::EnergyReport card;
};

// `passes[n - 1]` is one of n tokens. Errors: those of EstimateEnergy.
Result<PassMixEstimate> EstimatePassMix(const PassMix& mix,
                                        std::span<const accel::PassEstimate> passes,
                                        const accel::EnergyCoefficients& coefficients);

// "122x1,705x2: 1500 tokens"
std::string Describe(const PassMix& mix);

}  // namespace accllm::cli
