// What a linear layer's weights should be, given that its inputs come from compressed layers.
#pragma once

#include <span>
#include <vector>

#include "base/result.h"
#include "base/thread_pool.h"
#include "compress/obs_quantizer.h"

namespace accllm {

// Least squares: the weights W* of the least sum over tokens of |y - W* x|^2, pulled towards the
// layer's own weights W by the damping, where x is the input that the compressed layers before give
// and y the output wanted (that of the float model on its own inputs; for layers that add to the
// residual stream, plus what the stream has lost so far). Quantise W* instead of W.
// deviation: [rows, cols], the CrossMoment of strength * (y - W x) with x. `inverse` is that of x.
// Errors: kInvalidArgument if sizes do not fit.
Result<std::vector<float>> CorrectedTarget(const WeightMatrix& matrix,
                                           std::span<const float> deviation,
                                           const InverseFactor& inverse, ThreadPool& pool);

}  // namespace accllm
