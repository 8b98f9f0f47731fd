// The tensors of a random model.
#pragma once

#include <vector>

#include "base/model_config.h"
#include "packed/packed_writer.h"

namespace accllm {

// In the order of the packed file, with the types that they have there: 2:4 linear layers, 4-bit
// embedding and lm_head, float vectors.
std::vector<TensorPlan> SynthPlan(const ModelConfig& config);

// The values of a vector: norms are ones, biases zeros.
std::vector<float> SynthVector(const TensorPlan& plan);

// Deviation of a matrix's weights that maps inputs of variance one to outputs of variance one, or
// less for what is added to the residual stream, so that the stream does not grow with depth.
double SynthDeviation(const TensorPlan& plan, const ModelConfig& config);

}  // namespace accllm
