// A LLaMA in float: what a checkpoint computes, the yardstick of everything else.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "base/language_model.h"
#include "reference/float_ops.h"
#include "reference/float_weights.h"

namespace accllm::reference {

// Which parts of W2A8KV4 are simulated by rounding to the integer grid and back.
struct SimulatedPrecision {
  bool a8 = false;   // the input of every linear layer
  bool kv4 = false;  // keys and values
};

class FloatModel final : public LanguageModel {
 public:
  // `weights` must outlive the model.
  FloatModel(FloatWeights& weights, AttentionWindow window, SimulatedPrecision precision = {});

  int64_t vocab_size() const override { return weights_.config().vocab_size; }
  int64_t position() const override { return position_; }
  void Reset() override;
  Status Append(std::span<const int32_t> tokens, int64_t n_logits, float* logits) override;

 private:
  // Tokens are run in chunks of this many, so that memory does not grow with the prompt.
  static constexpr int64_t kChunk = 256;

  Status AppendChunk(std::span<const int32_t> tokens, int64_t n_logits, float* logits);
  Matrix Project(Matrix x, const FloatLayer& w, LinearKind kind) const;
  Matrix SelfAttention(const Matrix& x, const FloatLayer& w, const std::vector<int64_t>& positions,
                       Context& context) const;
  Matrix Mlp(const Matrix& x, const FloatLayer& w) const;
  void Remember(const Matrix& keys, const Matrix& values, const std::vector<int64_t>& positions,
                Context& context) const;

  FloatWeights& weights_;
  AttentionWindow window_;
  SimulatedPrecision precision_;
  kernels::RopeFrequencies frequencies_;
  std::vector<Context> contexts_;  // [n_layers]
  int64_t position_ = 0;
};

}  // namespace accllm::reference
