// Choice of the codes and multipliers of one weight matrix. Error of a choice is measured by the
// inputs' second moment H: tr((W - Q) H (W - Q)^T) is the squared error of the layer's outputs.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/result.h"
#include "base/thread_pool.h"
#include "compress/patterns.h"
#include "linalg/linalg.h"
#include "packed/quantized_matrix.h"

namespace accllm {

// A weight matrix to be compressed.
struct WeightMatrix {
  std::span<const float> weights;  // [rows, cols]
  int64_t rows = 0;
  int64_t cols = 0;
  std::string_view name;  // the tensor that an error message names
};

// The functions below give the same matrix for every number of threads and instruction set. Where
// they take `allowed`, each four columns keep to its patterns; null allows all.
// Errors of all: kInvalidArgument if a size does not fit; kNumeric if a weight is not finite.

// Joint 2:4 pruning and 2-bit quantisation in one pass over the columns: each four columns get the
// code of least error given that later columns make up for it (optimal brain surgeon), and their
// error is pushed onto those. `inverse` comes from InverseCholeskyUpper.
Result<QuantizedMatrix> QuantizeJoint24(const WeightMatrix& matrix, const InverseFactor& inverse,
                                        ThreadPool& pool, const PatternSet* allowed = nullptr);

// The same pass with a free codebook, learned from the weights and H's diagonal. h: [cols, cols].
Result<QuantizedMatrix> QuantizeJointFree(const WeightMatrix& matrix, std::span<const float> h,
                                          const InverseFactor& inverse, ThreadPool& pool);

// The same pass where each four columns, when their turn comes, keep the two weights of largest
// w^2 / [H^-1]_kk (SparseGPT, arXiv 2301.00774), and only then get their best code.
Result<QuantizedMatrix> QuantizeSparseGpt24(const WeightMatrix& matrix,
                                            const InverseFactor& inverse, ThreadPool& pool);

// SparseGPT's pruning alone: [rows, cols] with two zeros in each four and the others updated.
Result<std::vector<float>> PruneSparseGpt24(const WeightMatrix& matrix,
                                            const InverseFactor& inverse, ThreadPool& pool);

// The same pass for the dense types (GPTQ).
Result<QuantizedMatrix> QuantizeObsDense(format::TensorType type, const WeightMatrix& matrix,
                                         const InverseFactor& inverse, ThreadPool& pool);

// Round to nearest: the two largest magnitudes of each four survive, and each group's multiplier
// has the least plain squared error.
Result<QuantizedMatrix> QuantizeNearest24(const WeightMatrix& matrix, ThreadPool& pool,
                                          const PatternSet* allowed = nullptr);

// Coordinate descent on the error itself: `n_sweeps` times over all columns, four columns after
// four and multiplier after multiplier are chosen anew where that lowers the error. h: [cols,
// cols], symmetric; `damping` (share of its mean diagonal) is added to its diagonal. Needs a matrix
// of a coded type.
Status Refine(const WeightMatrix& matrix, std::span<const float> h, double damping, int n_sweeps,
              QuantizedMatrix& quantized, ThreadPool& pool, const PatternSet* allowed = nullptr);

// kInvalidArgument if `allowed` is not null and of another shape than the matrix.
Status CheckPatterns(const WeightMatrix& matrix, const PatternSet* allowed);

// tr((W - V) H (W - V)^T) / tr(W H W^T), 0 if the latter is 0. values: V, [rows, cols]; h: [cols,
// cols].
Result<double> RelativeError(const WeightMatrix& matrix, std::span<const float> h,
                             std::span<const float> values, ThreadPool& pool);

}  // namespace accllm
