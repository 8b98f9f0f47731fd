// Rotary frequencies of models whose context was stretched after training.
#pragma once

#include <cstdint>
#include <vector>

#include "base/json_fields.h"
#include "base/result.h"

namespace accllm {

// The divisors of the frequencies theta^(-2 i / head_dim) that a "rope_scaling" object of a
// config.json stands for: [head_dim / 2], or empty where nothing is scaled. Types: default,
// linear (all divided by `factor`) and llama3 (the slow ones divided, with a ramp between the wave
// lengths that original_max_position_embeddings, low_freq_factor and high_freq_factor name).
// Errors: kUnsupported for another type; kNotFound and kCorrupt for its parameters.
Result<std::vector<double>> RopeFactorsFromFields(const JsonObject& scaling, int64_t head_dim,
                                                  double theta);

}  // namespace accllm
