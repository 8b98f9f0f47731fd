// Where the float model gets its weights: a checkpoint, or a packed file dequantised.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/float_layer.h"
#include "base/model_config.h"
#include "base/result.h"
#include "checkpoint/checkpoint.h"
#include "packed/packed_file.h"

namespace accllm::reference {

class FloatWeights {
 public:
  virtual ~FloatWeights() = default;

  const ModelConfig& config() const { return config_; }
  const std::vector<float>& embedding() const { return embedding_; }    // [vocab, hidden]
  const std::vector<float>& final_norm() const { return final_norm_; }  // [hidden]
  // [vocab, hidden]; the embedding if tied
  const std::vector<float>& lm_head() const {
    return config_.tie_word_embeddings ? embedding_ : lm_head_;
  }

  // One layer. A model whose float layers fit kCacheBytes is read once and kept; of a larger one
  // only the layer last asked for is held, and reading it again costs a conversion.
  Result<std::shared_ptr<const FloatLayer>> Layer(int64_t layer);

 protected:
  static constexpr int64_t kCacheBytes = int64_t{4} << 30;

  virtual Result<FloatLayer> ReadLayer(int64_t layer) = 0;

  ModelConfig config_;
  std::vector<float> embedding_;
  std::vector<float> final_norm_;
  std::vector<float> lm_head_;

 private:
  std::vector<std::shared_ptr<const FloatLayer>> layers_;  // [n_layers], null where not held
};

// Errors: those of reading. The sources must outlive the result.
Result<std::unique_ptr<FloatWeights>> WeightsOf(const Checkpoint& checkpoint);
Result<std::unique_ptr<FloatWeights>> WeightsOf(const PackedFile& packed);

}  // namespace accllm::reference
