// Calibration activations and the forward pass of one block at a time over them.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/float_layer.h"
#include "base/model_config.h"
#include "base/result.h"
#include "base/thread_pool.h"
#include "compress/second_moment.h"
#include "kernels/rope/rope.h"
#include "reference/float_ops.h"

namespace accllm {

// Largest magnitudes that a block's activations reach on the calibration text.
struct LayerMaxima {
  std::vector<float> attention_input;   // [hidden] after input_layernorm
  std::vector<float> keys;              // [kv_size] after rotation
  std::vector<float> attention_output;  // [q_size] input of o_proj
  std::vector<float> mlp_input;         // [hidden] after post_attention_layernorm
  std::vector<float> mlp_hidden;        // [intermediate] input of down_proj
};

// The residual stream of all samples between two blocks.
class Calibration {
 public:
  using Matrix = reference::Matrix;

  // Samples of `sample_tokens` tokens, embedded. samples: [n_samples][sample_tokens] token ids.
  Calibration(const ModelConfig& config, const std::vector<float>& embedding,
              const std::vector<std::vector<int32_t>>& samples, ThreadPool& pool);

  // Maxima of the block `w` on its present input.
  LayerMaxima Maxima(const FloatLayer& w);

  // Second moments of the inputs of the linear layers, computed with the weights that `w` has now.
  SecondMoment AttentionInput(const FloatLayer& w);   // of q, k and v_proj
  SecondMoment AttentionOutput(const FloatLayer& w);  // of o_proj
  SecondMoment MlpInput(const FloatLayer& w);         // of gate and up_proj; after ApplyAttention
  SecondMoment MlpHidden(const FloatLayer& w);        // of down_proj; after ApplyAttention

  // Adds the block's attention, then its MLP, to the residual stream.
  void ApplyAttention(const FloatLayer& w);
  void ApplyMlp(const FloatLayer& w);

  // The stream as bytes, and back; for resuming. Errors: kIo, kCorrupt (wrong size).
  Status Save(const std::string& path) const;
  Status Load(const std::string& path);

 private:
  using SampleFunction = std::function<Matrix(const Matrix& x)>;

  // Mixed heads of one sample: the input of o_proj.
  Matrix Attend(const Matrix& x, const FloatLayer& w) const;
  Matrix Hidden(const Matrix& x, const FloatLayer& w) const;
  Matrix RotatedKeys(const Matrix& normed, const FloatLayer& w) const;

  // Runs f on every sample, several at a time, and hands the results to `use` in order.
  void ForEach(const SampleFunction& f, const std::function<void(size_t, const Matrix&)>& use);
  SecondMoment MomentOf(int64_t cols, const SampleFunction& f);
  std::vector<float> MaximaOf(int64_t cols, const SampleFunction& f);

  ModelConfig config_;
  kernels::RopeFrequencies frequencies_;
  std::vector<int64_t> positions_;  // 0..sample_tokens - 1
  std::vector<Matrix> samples_;     // [n_samples] of [sample_tokens, hidden]
  ThreadPool& pool_;
};

}  // namespace accllm
