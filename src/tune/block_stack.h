// Consecutive blocks of a model, forward and backward.
#pragma once

#include <functional>
#include <vector>

#include "tune/block.h"

namespace accllm::tune {

class BlockStack {
 public:
  using WeightsOf = std::function<const FloatLayer&(size_t block)>;
  using TakeGradient = std::function<void(size_t block, const FloatLayer& dw)>;

  // `config` must outlive the stack. Batches have at most `max_tokens` tokens, in sequences of
  // `sequence_tokens`: where the tapes of all blocks would take more than 2 GB, each is made again
  // when its turn comes in the backward pass.
  BlockStack(const ModelConfig& config, int64_t n_blocks, int64_t sequence_tokens,
             int64_t max_tokens, reference::SimulatedPrecision precision);

  // x: [n_tokens, hidden], the first block's input. Returns the last one's output and keeps what
  // Backward needs.
  const Matrix& Forward(Matrix x, const WeightsOf& weights, ThreadPool& pool);

  // Gradient of a loss with respect to x from that with respect to the output of the last Forward;
  // gives `take` that of each block's weights, from the last block to the first. `take` may change
  // the weights of its block.
  Matrix Backward(Matrix dy, const WeightsOf& weights, const TakeGradient& take, ThreadPool& pool);

 private:
  Block block_;
  bool keeps_tapes_;
  std::vector<Matrix> streams_;  // input of each block, and the last one's output
  std::vector<BlockTape> tapes_;
};

}  // namespace accllm::tune
