// Random packed models of the shapes of well-known ones, for benchmarks.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/model_config.h"
#include "base/result.h"

namespace accllm {

// The names SynthShape knows, in order.
std::vector<std::string_view> SynthShapeNames();

// Errors: kInvalidArgument with the known names.
Result<ModelConfig> SynthShape(std::string_view name);

// Writes a packed model of `config` with random valid codes (2:4 linear layers, 4-bit embedding and
// lm_head), whose scales keep activations in the range of a real model's. Memory is bounded by one
// tensor. The same seed gives the same file. `tokenizer_bytes` may be empty: then text verbs cannot
// use it, but bench can. `progress` gets the share done.
Status Synthesize(const ModelConfig& config, const std::string& output, uint64_t seed,
                  const std::string& tokenizer_bytes, const std::function<void(double)>& progress);

}  // namespace accllm
