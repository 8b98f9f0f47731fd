// A quantised weight matrix as parameters of gradient descent.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "packed/quantized_matrix.h"
#include "tune/adam.h"
#include "tune/nearest_code.h"
#include "tune/trainable_scales.h"

namespace accllm::tune {

// How far a step may move each kind of parameter.
struct LearningRates {
  float levels = 0;  // latent weights, relative to the mean magnitude of the matrix's levels
  float tables = 0;  // entries of free codebooks, likewise
  float scales = 0;  // logarithms of multipliers and row scales
  float norms = 0;   // vectors, relative to their mean magnitude
  float head = 0;    // the output head's weights, likewise
};

// What of a matrix is trained.
enum class Trained {
  kAll,
  kScales,  // multipliers and row scales; levels, a free codebook and a low-rank part stay
};

// The matrix is row_scale * multiplier * level, where the levels are the nearest code to a latent
// weight in units of its step (coded types: of the codes of four weights), multipliers are the
// nearest integers to latent ones, row scales and a free codebook's entries likewise, and gradients
// pass straight through the roundings. So masks, levels, multipliers and codebooks may all move.
class TrainableMatrix {
 public:
  // Starts at `start`. With `keep_mask` the survivors of a 2:4 matrix stay.
  TrainableMatrix(QuantizedMatrix start, bool keep_mask, Trained trained = Trained::kAll);

  const QuantizedMatrix& quantized() const { return quantized_; }
  bool trains_levels() const { return trained_ == Trained::kAll; }

  // Levels that stay take no more than in the file while the matrix is closed, and nothing but
  // State may be called. Does nothing to a matrix whose levels are trained.
  void Close();
  void Open(ThreadPool& pool);
  bool is_closed() const { return quantized_.levels.empty(); }

  // One step of Adam down `dw` [rows, cols], the gradient with respect to what it stands for.
  void Step(std::span<const float> dw, const LearningRates& rates, int64_t step, ThreadPool& pool);

  // Every array that the next steps depend on, to save and to restore.
  std::vector<std::vector<float>*> State();
  // Rounds the latent parameters to the matrix; after its state was restored.
  void Round(ThreadPool& pool);

 private:
  std::vector<float> LatentGradient(std::span<const float> dw, ThreadPool& pool) const;
  std::vector<float> TableGradient(const std::vector<float>& latent, ThreadPool& pool) const;
  void RoundTable();
  void RoundRow(int64_t row);
  void RoundLevels(int64_t row);
  bool has_table() const {
    return trains_levels() && quantized_.type == format::TensorType::kW2Free;
  }

  Trained trained_;
  QuantizedMatrix quantized_;
  std::vector<uint8_t> packed_;  // of the start, once it was closed
  NearestCode nearest_code_;     // of a free codebook
  std::vector<uint8_t> codes_;   // [rows, level_cols / 4] of the levels; likewise, else empty
  bool keep_mask_;
  float mean_level_;           // of the start, in magnitude
  std::vector<float> latent_;  // [rows, level_cols] in steps; empty if levels stay
  TrainableScales scales_;
  std::vector<float> table_;  // [4, kCodes] levels of a free codebook, else empty
  Adam latent_adam_;
  Adam table_adam_;
};

// The code of least squared error for four weights in units of the step; with `mask` among those
// that keep its non-zeros. Levels of the two survivors are +-1 or +-2, the others 0.
void RoundFour(const float* latent, const int8_t* mask, int8_t* levels);

}  // namespace accllm::tune
