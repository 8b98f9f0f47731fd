// How much a model's predictions depend on each direction of its residual stream.
#pragma once

#include <vector>

#include "base/result.h"
#include "reference/float_weights.h"
#include "tune/ops.h"

namespace accllm::tune {

// For each block the Fisher information of the stream behind it: the mean over tokens of g g^T
// ([hidden, hidden], row-major), g the gradient of the negative log-likelihood of tokens drawn from
// the model's own predictions. For a small error d of the stream of one token, d F d^T / 2 is the
// mean divergence of the predictions, in nats (summed over the tokens that it reaches).
//
// Estimated from few tokens, off-diagonal entries are mostly noise: they are scaled by
// n / (n + hidden) for n tokens. All sequences have one length; as many of them are used as make
// 16,384 tokens and streams of 1 GB, at least one. Errors: those of reading the model.
Result<std::vector<std::vector<float>>> StreamFisher(reference::FloatWeights& model,
                                                     const Sequences& sequences, ThreadPool& pool);

}  // namespace accllm::tune
