// The low-rank part of a linear layer as parameters of gradient descent.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "packed/low_rank.h"
#include "tune/adam.h"
#include "tune/trainable_matrix.h"

namespace accllm::tune {

// One half: int8 levels and a scale for each row, which grows where the row would leave its levels;
// gradients pass straight through the rounding. Latent values are in units of the row's scale at
// the start, so that one rate fits rows of all sizes.
class TrainableInt8 {
 public:
  explicit TrainableInt8(Int8Matrix start);

  const Int8Matrix& quantized() const { return quantized_; }

  // One step of Adam down `dw` [rows, cols]. `rate` is relative to the mean magnitude of the
  // levels.
  void Step(std::span<const float> dw, float rate, int64_t step, ThreadPool& pool);

  // Every array that the next steps depend on, to save and to restore; after that, Round().
  std::vector<std::vector<float>*> State();
  void Round();

 private:
  void Scale(std::span<float> rows) const;

  Int8Matrix quantized_;
  float mean_level_;           // of the start, in magnitude
  std::vector<float> units_;   // [rows] scales of the start
  std::vector<float> latent_;  // [rows, cols] in units of its row
  Adam adam_;
};

class TrainableLowRank {
 public:
  explicit TrainableLowRank(const LowRank& start);

  LowRank quantized() const { return {a_.quantized(), b_.quantized()}; }

  // Adds what the part stands for to w [rows, cols].
  void AddTo(std::span<float> w, ThreadPool& pool) const;

  // One step down `dw` [rows, cols], the gradient with respect to the layer's weights.
  void Step(std::span<const float> dw, const LearningRates& rates, int64_t step, ThreadPool& pool);

  std::vector<std::vector<float>*> State();
  void Round();

 private:
  TrainableInt8 a_;  // [rank, cols]
  TrainableInt8 b_;  // [rank, rows]
};

}  // namespace accllm::tune
