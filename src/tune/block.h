// One transformer block, forward and backward, for gradient descent on its weights.
#pragma once

#include <functional>
#include <optional>

#include "base/float_layer.h"
#include "reference/float_model.h"
#include "tune/ops.h"

namespace accllm::tune {

// What a forward pass keeps for the backward pass. A row is one token.
struct BlockTape {
  Matrix x;             // [n_tokens, hidden] the block's input
  Matrix attention_in;  // [n_tokens, hidden] input of q, k and v_proj
  Matrix q_raw, k_raw;  // before their norm; empty if there is none
  Matrix q, k, v;       // as attention sees them
  Matrix mixed;         // [n_tokens, q_size] input of o_proj
  Matrix middle;        // [n_tokens, hidden] the stream after attention
  Matrix mlp_in;        // [n_tokens, hidden] input of gate and up_proj
  Matrix gate, up;      // [n_tokens, intermediate]
  Matrix hidden;        // [n_tokens, intermediate] input of down_proj
};

// Sees the gradient of the loss with respect to a linear layer's output: dy [n_tokens, rows].
using WatchOutput = std::function<void(LinearKind kind, const Matrix& dy)>;

// Gradients of a block's weights, as zeros.
FloatLayer ZerosLike(const FloatLayer& w);

class Block {
 public:
  // `config` must outlive the block. Rounds activations, keys and values as `precision` says, with
  // gradients passing straight through. Sequences have `sequence_tokens` tokens each.
  Block(const ModelConfig& config, int64_t sequence_tokens,
        reference::SimulatedPrecision precision);

  int64_t sequence_tokens() const { return rotary_.cosines.rows(); }

  // x: [n_sequences * sequence_tokens, hidden]. `tape` may be null.
  Matrix Forward(const Matrix& x, const FloatLayer& w, BlockTape* tape, ThreadPool& pool) const;

  // Gradient of a loss with respect to x from that with respect to the output; adds those with
  // respect to the weights to `dw`. `watch` may be null.
  Matrix Backward(const Matrix& dy, const FloatLayer& w, const BlockTape& tape, FloatLayer& dw,
                  ThreadPool& pool, const WatchOutput& watch = nullptr) const;

 private:
  void RoundInput(Matrix& x, ThreadPool& pool) const;
  Matrix SelfAttention(const FloatLayer& w, BlockTape& tape, ThreadPool& pool) const;
  Matrix SelfAttentionBackward(const Matrix& dy, const FloatLayer& w, const BlockTape& tape,
                               FloatLayer& dw, ThreadPool& pool, const WatchOutput& watch) const;

  const ModelConfig& config_;
  reference::SimulatedPrecision precision_;
  RotaryTable rotary_;
};

}  // namespace accllm::tune
