// Dense linear algebra: tiles of single-threaded BLAS calls, shared out over the pool, so that a
// result is the same for every number of threads.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/thread_pool.h"

namespace accllm {

// H^-1 = upper^T * upper, where H already has `damping` added to its diagonal.
struct InverseFactor {
  std::vector<float> upper;  // [size, size], upper triangular, zeros below
  double damping = 0;        // share of H's mean diagonal that was added to the diagonal
};

// Factors the inverse of h + damping * mean(diag h) * I. h: [size, size], symmetric; only the upper
// triangle is read. A column that calibration never excited (diagonal 0) counts with the damping
// alone. While the matrix is not positive definite, the damping grows tenfold (up to 1).
// Uses 8 size^2 bytes beside the result. `name` is the tensor that an error message names.
// Errors: kInvalidArgument if h has the wrong size or damping is negative; kNumeric if h has a
// value that is not finite or stays indefinite; kOutOfMemory.
Result<InverseFactor> InverseCholeskyUpper(std::span<const float> h, int64_t size, double damping,
                                           std::string_view name, ThreadPool& pool);

// out[m, n] = a[m, k] * b[k, n], all row major.
void Multiply(std::span<const float> a, std::span<const float> b, int64_t m, int64_t k, int64_t n,
              std::span<float> out, ThreadPool& pool);
std::vector<float> Multiply(std::span<const float> a, std::span<const float> b, int64_t m,
                            int64_t k, int64_t n, ThreadPool& pool);

// out[m, n] = a[m, k] * b[n, k]^T: a linear layer with weights b.
void MultiplyTransposed(std::span<const float> a, std::span<const float> b, int64_t m, int64_t k,
                        int64_t n, std::span<float> out, ThreadPool& pool);

// out[m, n] += a[k, m]^T * b[k, n]; where `lower_only`, tiles above the diagonal are left out.
void AddTransposedProduct(std::span<const float> a, std::span<const float> b, int64_t k, int64_t m,
                          int64_t n, bool lower_only, std::span<float> out, ThreadPool& pool);

// rows[n_rows, size] becomes rows * upper^T * upper: a product with the inverse matrix.
void MultiplyByInverse(const InverseFactor& factor, int64_t size, std::span<float> rows,
                       ThreadPool& pool);

}  // namespace accllm
