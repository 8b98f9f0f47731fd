// The operations of a transformer block and their gradients, on batches of sequences of one length.
//
// A matrix holds one token a row, sequence after sequence. A backward function takes the gradient
// of a loss with respect to the operation's output, returns that with respect to its input and adds
// those with respect to its weights. Results are the same for every number of threads.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/model_config.h"
#include "base/thread_pool.h"
#include "reference/float_ops.h"

namespace accllm::tune {

using reference::Matrix;

// y = x W^T + b. x: [n_tokens, cols]; w: [rows, cols]; bias: [rows] or empty.
Matrix Linear(const Matrix& x, const std::vector<float>& w, const std::vector<float>& bias,
              ThreadPool& pool);
Matrix LinearBackward(const Matrix& dy, const Matrix& x, const std::vector<float>& w,
                      std::vector<float>& dw, std::vector<float>& dbias, ThreadPool& pool);

// The embedding's row of every token: [n_tokens, hidden]. embedding: [vocab, hidden].
using Sequences = std::vector<std::span<const int32_t>>;
Matrix Embed(const std::vector<float>& embedding, const Sequences& sequences, int64_t hidden);
void EmbedBackward(const Matrix& dy, const Sequences& sequences, std::vector<float>& dembedding);

// RMSNorm of every weight.size() values: of whole rows, or of each head. x: [n_tokens, multiple of
// weight.size()].
Matrix RmsNorm(const Matrix& x, const std::vector<float>& weight, float eps, ThreadPool& pool);
Matrix RmsNormBackward(const Matrix& dy, const Matrix& x, const std::vector<float>& weight,
                       float eps, std::vector<float>& dweight, ThreadPool& pool);

// silu(gate) * up.
Matrix SiluMul(const Matrix& gate, const Matrix& up, ThreadPool& pool);
struct SiluMulGradient {
  Matrix gate;
  Matrix up;
};
SiluMulGradient SiluMulBackward(const Matrix& dy, const Matrix& gate, const Matrix& up,
                                ThreadPool& pool);

// Cosines and sines of the first positions: [n_positions, head_dim / 2] each.
struct RotaryTable {
  RotaryTable(const ModelConfig& config, int64_t n_positions);

  int64_t head_dim;
  Matrix cosines;
  Matrix sines;
};

// Rotates every head of every row, in place; a row's position is its place in its sequence of
// table.cosines.rows() tokens. Backward turns the other way.
void Rotate(const RotaryTable& table, Matrix& x, ThreadPool& pool);
void RotateBackward(const RotaryTable& table, Matrix& dx, ThreadPool& pool);

// Causal attention within each sequence, with GQA and the sliding window the model was trained
// with. q: [n_tokens, q_size]; k, v: [n_tokens, kv_size]; q and k are rotated.
struct AttentionInput {
  const Matrix& q;
  const Matrix& k;
  const Matrix& v;
};
Matrix Attention(const AttentionInput& in, const ModelConfig& config, int64_t sequence_tokens,
                 ThreadPool& pool);
struct AttentionGradient {
  Matrix q;
  Matrix k;
  Matrix v;
};
// The probabilities are computed again rather than kept.
AttentionGradient AttentionBackward(const Matrix& dy, const AttentionInput& in,
                                    const ModelConfig& config, int64_t sequence_tokens,
                                    ThreadPool& pool);

// Rounding to the engine's grids and back (reference/float_ops.h). Their gradient passes straight
// through.
void RoundToA8(Matrix& x, ThreadPool& pool);
void RoundKeys(Matrix& x, int64_t head_dim, ThreadPool& pool);
void RoundValues(Matrix& x, int64_t head_dim, ThreadPool& pool);

}  // namespace accllm::tune
