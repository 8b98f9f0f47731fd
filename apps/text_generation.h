// What the verbs that continue a prompt do with any model.
#pragma once

#include <cstdint>
#include <span>

#include "base/language_model.h"
#include "runtime/generate.h"
#include "token_output.h"

namespace accllm::cli {

// Shows progress while a long prompt is read, puts tokens out as they come, and stops when the user
// interrupts. `speculation` may be null. Errors: those of Generate, and kInterrupted where nothing
// was generated yet.
Result<Generation> GenerateText(LanguageModel& model, std::span<const int32_t> prompt,
                                const GenerateOptions& options, const SamplerOptions& sampler,
                                Speculation* speculation, TokenOutput& output);

}  // namespace accllm::cli
