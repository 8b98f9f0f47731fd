// Calibration activations and the forward pass of one block at a time over them.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
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
  std::vector<float> attention_output;  // [q_size] input of o_proj
  std::vector<float> mlp_input;         // [hidden] after post_attention_layernorm
  std::vector<float> mlp_hidden;        // [intermediate] input of down_proj
};

// What the calibration text says about linear layers that share their input. x is the input that
// the compressed model gives them, x' that of the float model; likewise the residual stream r and
// r'.
struct StageMoments {
  SecondMoment second;    // sum of x x^T: [cols, cols]
  CrossMoment deviation;  // sum of (x' - x) x^T: [cols, cols]
  // Sum of (r' - r) x^T: [hidden, cols]; only for layers whose output is added to the stream, so
  // that they make up for what it has lost so far.
  std::optional<CrossMoment> residual;
};

// The residual streams of all samples between two blocks: of the float model, and of what has been
// compressed so far. `original` below is the block in float, `w` the same block with the linear
// layers that are already compressed replaced by what they stand for.
class Calibration {
 public:
  using Matrix = reference::Matrix;

  // Samples of `sample_tokens` tokens, embedded. samples: [n_samples][sample_tokens] token ids.
  Calibration(const ModelConfig& config, const std::vector<float>& embedding,
              const std::vector<std::vector<int32_t>>& samples, ThreadPool& pool);

  // Maxima of the block `w` on its present input.
  LayerMaxima Maxima(const FloatLayer& w);

  // Moments at the inputs of the linear layers.
  StageMoments AttentionInput(const FloatLayer& original, const FloatLayer& w);   // q, k and v_proj
  StageMoments AttentionOutput(const FloatLayer& original, const FloatLayer& w);  // o_proj
  // The next two after ApplyAttention: of gate and up_proj, and of down_proj.
  StageMoments MlpInput(const FloatLayer& original, const FloatLayer& w);
  StageMoments MlpHidden(const FloatLayer& original, const FloatLayer& w);

  // Adds the block's attention, then its MLP, to both streams.
  void ApplyAttention(const FloatLayer& original, const FloatLayer& w);
  void ApplyMlp(const FloatLayer& original, const FloatLayer& w);

  // The streams of all samples before the next block: [sample_tokens, hidden] each.
  std::vector<const Matrix*> FloatStreams() const;
  std::vector<Matrix> CompressedStreams() const;
  // For a block that was changed after it was applied.
  void ReplaceCompressedStreams(std::vector<Matrix> streams);

  // Both streams as bytes, and back; for resuming. Errors: kIo, kCorrupt (wrong size).
  Status Save(const std::string& path) const;
  Status Load(const std::string& path);

 private:
  // The same matrix of one sample in the float model and in the compressed one.
  struct Pair {
    Matrix real;
    Matrix compressed;
  };
  using PairFunction = std::function<Pair(const Pair& sample)>;
  using BlockFunction = std::function<Matrix(const Matrix& x, const FloatLayer& w)>;

  Matrix NormedForAttention(const Matrix& x, const FloatLayer& w) const;
  Matrix NormedForMlp(const Matrix& x, const FloatLayer& w) const;
  Matrix RotatedKeys(const Matrix& normed, const FloatLayer& w) const;
  Matrix Attend(const Matrix& x, const FloatLayer& w) const;  // mixed heads: input of o_proj
  Matrix Hidden(const Matrix& x, const FloatLayer& w) const;  // input of down_proj

  // Runs f on every sample, several at a time, and hands the results to `use` in order.
  void ForEach(const PairFunction& f, const std::function<void(Pair&, const Pair&)>& use);
  StageMoments MomentsOf(int64_t cols, bool with_residual, const BlockFunction& input,
                         const FloatLayer& original, const FloatLayer& w);
  void Apply(const BlockFunction& output, const FloatLayer& original, const FloatLayer& w);
  std::vector<float> MaximaOf(int64_t cols, const std::function<Matrix(const Matrix& x)>& f);

  ModelConfig config_;
  kernels::RopeFrequencies frequencies_;
  std::vector<int64_t> positions_;  // 0..sample_tokens - 1
  std::vector<Pair> samples_;       // residual streams: [sample_tokens, hidden] each
  ThreadPool& pool_;
};

}  // namespace accllm
