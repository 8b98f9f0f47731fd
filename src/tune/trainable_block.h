// A transformer block with quantised matrices as parameters of gradient descent.
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "base/float_layer.h"
#include "tune/trainable_low_rank.h"
#include "tune/trainable_matrix.h"

namespace accllm::tune {

class TrainableBlock {
 public:
  using Matrices = std::array<std::optional<TrainableMatrix>, kLinearKinds.size()>;
  using LowRanks = std::array<std::optional<TrainableLowRank>, kLinearKinds.size()>;

  // `w` gives the vectors and those matrices that are not trained; they stay as they are.
  // A matrix that is trained may have a low-rank part.
  TrainableBlock(FloatLayer w, Matrices matrices, LowRanks low_ranks, ThreadPool& pool);

  // What a forward pass runs with.
  const FloatLayer& weights() const { return weights_; }

  // Null for a matrix that is not trained.
  const QuantizedMatrix* quantized(LinearKind kind) const;

  // Nothing for a matrix without.
  std::optional<LowRank> low_rank(LinearKind kind) const;

  // All matrices: see TrainableMatrix.
  void Close();
  void Open(ThreadPool& pool);

  // One step down the gradient `dw` of weights(), the `step`th, from 1.
  void Step(const FloatLayer& dw, const LearningRates& rates, int64_t step, ThreadPool& pool);

  // Every array that the next steps depend on, to save and to restore; after that, Refresh().
  std::vector<std::vector<float>*> State();
  void Refresh(ThreadPool& pool);

 private:
  void Write(LinearKind kind, ThreadPool& pool);

  FloatLayer weights_;
  Matrices matrices_;
  LowRanks low_ranks_;
  std::vector<Adam> vector_adams_;   // in the order of kVectorKinds
  std::vector<float> vector_units_;  // mean magnitude of each vector at the start
};

// Of several blocks, one after the other.
std::vector<std::vector<float>*> StateOf(std::vector<TrainableBlock>& blocks);

}  // namespace accllm::tune
