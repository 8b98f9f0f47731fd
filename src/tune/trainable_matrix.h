// A quantised weight matrix as parameters of gradient descent.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "packed/quantized_matrix.h"
#include "tune/adam.h"
#include "tune/nearest_code.h"

namespace accllm::tune {

// How far a step may move each kind of parameter.
struct LearningRates {
  float levels = 0;  // latent weights, relative to the mean magnitude of the matrix's levels
  float tables = 0;  // entries of free codebooks, likewise
  float scales = 0;  // logarithms of multipliers and row scales
  float norms = 0;   // vectors, relative to their mean magnitude
};

// The matrix is row_scale * multiplier * level, where the levels are the nearest code to a latent
// weight in units of its step (coded types: of the codes of four weights), multipliers are the
// nearest integers to latent ones, row scales and a free codebook's entries likewise, and gradients
// pass straight through the roundings. So masks, levels, multipliers and codebooks may all move.
class TrainableMatrix {
 public:
  // Starts at `start`. With `keep_mask` the survivors of a 2:4 matrix stay.
  TrainableMatrix(QuantizedMatrix start, bool keep_mask);

  const QuantizedMatrix& quantized() const { return quantized_; }

  // What the matrix stands for: w [rows, cols].
  void Write(std::span<float> w, ThreadPool& pool) const;

  // One step of Adam down `dw` [rows, cols], the gradient with respect to what Write gives.
  void Step(std::span<const float> dw, const LearningRates& rates, int64_t step, ThreadPool& pool);

  // Every array that the next steps depend on, to save and to restore.
  std::vector<std::vector<float>*> State();
  // Rounds the latent parameters to the matrix; after its state was restored.
  void Round(ThreadPool& pool);

 private:
  struct Gradients {
    std::vector<float> latent;           // [rows, level_cols]
    std::vector<float> log_multipliers;  // [rows, n_groups]
    std::vector<float> log_row_scales;   // [rows]
    std::vector<float> table;            // [4, kCodes] of a free codebook, else empty
  };

  Gradients Split(std::span<const float> dw, ThreadPool& pool) const;
  std::vector<float> TableGradient(const std::vector<float>& latent, ThreadPool& pool) const;
  void RoundTable();
  void RoundRow(int64_t row);
  bool has_table() const { return quantized_.type == format::TensorType::kW2Free; }

  QuantizedMatrix quantized_;
  NearestCode nearest_code_;    // of a free codebook
  std::vector<uint8_t> codes_;  // [rows, level_cols / 4] of the levels; likewise, else empty
  bool keep_mask_;
  float mean_level_;  // of the start, in magnitude
  int64_t max_multiplier_;
  std::vector<float> latent_;           // [rows, level_cols] in steps
  std::vector<float> log_multipliers_;  // [rows, n_groups]; -infinity for groups of zeros
  std::vector<float> log_row_scales_;   // [rows]
  std::vector<float> table_;            // [4, kCodes] levels of a free codebook, else empty
  Adam latent_adam_;
  Adam multiplier_adam_;
  Adam row_scale_adam_;
  Adam table_adam_;
};

// The code of least squared error for four weights in units of the step; with `mask` among those
// that keep its non-zeros. Levels of the two survivors are +-1 or +-2, the others 0.
void RoundFour(const float* latent, const int8_t* mask, int8_t* levels);

}  // namespace accllm::tune
