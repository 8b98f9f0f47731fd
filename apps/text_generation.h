// What the verbs that continue a prompt do with any model.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/language_model.h"
#include "runtime/generate.h"
#include "token_output.h"
#include "watched_model.h"

namespace accllm::cli {

// Shows progress while a long prompt is read, puts tokens out as they come, and stops when the user
// interrupts: within a prompt after a `piece` of its tokens. Errors: those of Generate, and
// kInterrupted where nothing was generated yet.
Result<Generation> GenerateText(LanguageModel& model, std::span<const int32_t> prompt,
                                const GenerateOptions& options, const SamplerOptions& sampler,
                                Speculation& speculation, TokenOutput& output,
                                int64_t piece = WatchedModel::kPiece);

// " (12 guessed, 9 of them right)"; "" if nothing was.
std::string DraftNote(const Speculation& speculation);

}  // namespace accllm::cli
