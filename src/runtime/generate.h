// Autoregressive generation with any LanguageModel.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/language_model.h"
#include "runtime/sampler.h"
#include "runtime/speculation.h"

namespace accllm {

struct GenerateOptions {
  int64_t max_new_tokens = 128;
  std::vector<int64_t> stop_tokens;  // end-of-sequence ids; not part of the result
};

struct Generation {
  std::vector<int32_t> tokens;
  double prefill_seconds = 0;
  double decode_seconds = 0;  // of all tokens after the first
};

// Appends `prompt` (not empty) and samples. `on_token` is told every new token and returns false to
// stop; the model has then read all tokens but the last. `speculation` (may be null, and is of no
// use to a model that can't rewind) knows the text before the prompt; it changes how long the
// tokens take, not which they are. Errors: kInvalidArgument for an empty prompt, and those of the
// model.
Result<Generation> Generate(LanguageModel& model, std::span<const int32_t> prompt,
                            const GenerateOptions& options, Sampler& sampler,
                            Speculation* speculation, const std::function<bool(int32_t)>& on_token);

}  // namespace accllm
