// The machine of a published accelerator as data, for the cycle model: the table [machine] of
// spec/accelerator/baselines/. What is not public is assumed there, with its reason.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "accel/timing/machine_timing.h"
#include "base/json_fields.h"
#include "base/model_config.h"
#include "base/result.h"

namespace accllm::accel {

// A speed that somebody measured, which the cycle model is held to.
struct BaselineCheck {
  int64_t cached_tokens = 0;
  double tokens_per_s = 0;
  std::string source;
};

struct BaselineMachine {
  std::string shape;  // of the model that it runs, as accllm synth knows it
  AttentionWindow attention;
  int64_t memory_bytes = 0;
  std::string calibrated;  // the one field that was chosen for what it gives, or "nothing"
  DspArray engine;         // weight_bits, cached_bits and multiplied_share are the baseline's
  MachineTiming timing;    // without the engine
  std::vector<BaselineCheck> checks;
};

// Errors: kNotFound and kCorrupt for fields, as in ParseBaseline.
Result<BaselineMachine> ParseBaselineMachine(const JsonObject& table);

}  // namespace accllm::accel
