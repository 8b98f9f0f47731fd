// How much each matrix of a model suffers from each type.
//
// A small change dW of a matrix with inputs x changes the model's predictions by a KL divergence of
//
//     1/2 E[(g . dW x)^2],
//
// where g is the gradient, at the matrix's output, of the log-probability of a token that the model
// itself draws. With rows taken as independent of each other and of x, that is
//
//     1/2 sum over rows r of E[g_r^2] * dw_r E[x x^T] dw_r^T.
//
// Attention mixes many keys and values into one prediction, so there the error of many tokens adds
// up where their inputs are alike. So the mean m of x over a sample counts apart from the rest: a
// sample's T tokens make the same error dw_r m, whose weight is the gradients' sum over the sample,
//
//     1/2 sum over rows r of E[(sum of g_r)^2 / T] * dw_r E[m m^T] dw_r^T
//                          + E[g_r^2] * dw_r (E[x x^T] - E[m m^T]) dw_r^T.
//
// dW is what the recipe's own single pass leaves on the float model's inputs.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/thread_pool.h"
#include "checkpoint/checkpoint.h"
#include "compress/recipes.h"
#include "spec/packed_format.h"

namespace accllm {

struct SensitivityTask {
  const Checkpoint& checkpoint;
  const Recipe& recipe;                              // one that calibrates
  const std::vector<std::vector<int32_t>>& samples;  // token ids, as many in each
  // What is to be measured of a matrix; may be nothing.
  std::function<std::vector<format::TensorType>(std::string_view name)> types_of;
  // Called before each matrix, with the share of the work that is done; false stops.
  std::function<bool(double share, const std::string& step)> before_matrix;
};

// By the matrix's name: the divergence that each of its types costs, in nats a token.
using MatrixLosses = std::map<std::string, std::vector<double>, std::less<>>;

// One pass forward over all samples, a block at a time, and one backward over some of them, whose
// streams between all blocks are kept (at most 1 GB, or one sample). Otherwise memory is that of a
// compression. The result does not depend on the number of threads.
// Errors: kInterrupted, kNumeric; those of reading.
Result<MatrixLosses> MeasureSensitivity(const SensitivityTask& task, ThreadPool& pool);

}  // namespace accllm
