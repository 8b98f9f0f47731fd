// Random models as GGUF files of llama.cpp's low-bit types, to measure that program on the same
// shapes.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/model_config.h"
#include "base/result.h"

namespace accllm {

// The types that linear layers may have, as llama.cpp calls them.
std::vector<std::string_view> SynthGgufTypeNames();

// Writes a model of `config` whose linear layers have the type `type` with random codes and the
// deviations of Synthesize (about), and whose embedding and lm_head are Q4_0. No tokenizer. Memory
// is bounded by one tensor; the same seed gives the same file. `progress` gets the share done.
// Errors: kInvalidArgument with the known types; kUnsupported if the type's blocks do not divide a
// row; kIo.
Status SynthesizeGguf(const ModelConfig& config, const std::string& output, std::string_view type,
                      uint64_t seed, const std::function<void(double)>& progress);

}  // namespace accllm
