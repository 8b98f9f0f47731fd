// Multipliers and row scales of a quantised matrix as parameters of gradient descent.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "packed/quantized_matrix.h"
#include "tune/adam.h"

namespace accllm::tune {

// Both are logarithms, rounded to the nearest that the format holds; gradients pass straight
// through the rounding. Groups of zeros keep their multiplier 0.
class TrainableScales {
 public:
  explicit TrainableScales(const QuantizedMatrix& start);

  // One step of Adam down `dw` [rows, cols], the gradient with respect to what `matrix` stands for:
  // the rounded scales with any levels. `rate` is how far a logarithm may move.
  void Step(std::span<const float> dw, float rate, int64_t step, const QuantizedMatrix& matrix,
            ThreadPool& pool);

  // Rounds the scales of one row to `matrix`.
  void RoundRow(QuantizedMatrix& matrix, int64_t row) const;

  // Every array that the next steps depend on, to save and to restore.
  std::vector<std::vector<float>*> State();

 private:
  int64_t max_multiplier_;
  std::vector<float> log_multipliers_;  // [rows, n_groups]; -infinity for groups of zeros
  std::vector<float> log_row_scales_;   // [rows]
  Adam multiplier_adam_;
  Adam row_scale_adam_;
};

}  // namespace accllm::tune
