// The operations of a LLaMA in float, on whole matrices: readable, and fast through BLAS.
#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <vector>

#include "base/float_layer.h"
#include "base/model_config.h"
#include "kernels/rope/rope.h"

namespace accllm::reference {

// Row-major; a row is one token.
using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

// y = x W^T. x: [n_tokens, cols]; w: [rows, cols] row-major; returns [n_tokens, rows].
Matrix Linear(const Matrix& x, const std::vector<float>& w);

// The same with a linear layer of a block and its bias, if it has one.
Matrix Linear(const Matrix& x, const FloatLayer& w, LinearKind kind);

// RMSNorm of each row. x: [n_tokens, n]; weight: [n].
Matrix RmsNorm(const Matrix& x, const std::vector<float>& weight, float eps);

// RMSNorm of each head of each row; x itself if there is no weight. x: [n_tokens, n_heads *
// weight.size()].
Matrix HeadNorm(Matrix x, const std::vector<float>& weight, float eps);

// silu(gate) * up, element by element.
Matrix SiluMul(const Matrix& gate, const Matrix& up);

// Rotates every head of every row at its position. x: [n_tokens, n_heads * head_dim];
// positions: [n_tokens].
Matrix Rope(const Matrix& x, const std::vector<int64_t>& positions, int64_t head_dim,
            const kernels::RopeFrequencies& frequencies);

// Keys and values with their positions, in ascending position.
struct Context {
  Matrix keys;                     // [n_keys, n_kv_heads * head_dim], rotated at their positions
  Matrix values;                   // [n_keys, n_kv_heads * head_dim]
  std::vector<int64_t> positions;  // [n_keys]
};

// Λ-shaped attention (full causal attention for AttentionWindow::kAll) with GQA. q: [n_tokens,
// n_heads
// * head_dim], not rotated yet; positions: [n_tokens]. Sinks outside the window are seen by the
// query rotated at min(position, n_sinks + window - 1). Returns [n_tokens, n_heads * head_dim].
Matrix Attention(const Matrix& q, const std::vector<int64_t>& positions, const Context& context,
                 const ModelConfig& config, const AttentionWindow& window,
                 const kernels::RopeFrequencies& frequencies);

// Rounds every row to A8 and back (kernels/quantize/quantize.h).
void FakeQuantizeA8(Eigen::Ref<Matrix> x);

// Rounds every head of every row to KV4 and back (kernels/kv4/kv4.h); keys, already rotated,
// through the Hadamard transform.
void FakeQuantizeKeys(Eigen::Ref<Matrix> x, int64_t head_dim);
void FakeQuantizeValues(Eigen::Ref<Matrix> x, int64_t head_dim);

}  // namespace accllm::reference
