// Free codebooks: 128 fours of small integers, learned for one weight matrix.
#pragma once

#include <span>

#include "base/block_codec.h"
#include "base/thread_pool.h"
#include "compress/obs_quantizer.h"

namespace accllm {

// In a codebook, the mean magnitude of a group's weights. With it the largest level, 8, is about
// three standard deviations of a Gaussian.
inline constexpr float kFreeUnit = 2.1F;

// The codebook of least squared error over the matrix's fours, each in units of its group's mean
// magnitude: k-means (Lloyd's algorithm), rounded to integers at the end. An error in column k
// counts h[k, k]; h: [cols, cols]. The same for every number of threads. The weights must be
// finite.
Codebook LearnCodebook(const WeightMatrix& matrix, std::span<const float> h, ThreadPool& pool);

}  // namespace accllm
