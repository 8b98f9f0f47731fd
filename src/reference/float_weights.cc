#include "reference/float_weights.h"

namespace accllm::reference {
namespace {

int64_t FloatLayerBytes(const ModelConfig& config) {
  int64_t weights = 0;
  for (const LinearKind kind : kLinearKinds) {
    const LinearShape shape = ShapeOfLinear(config, kind);
    weights += shape.rows * shape.cols;
  }
  return weights * int64_t{sizeof(float)};
}

class CheckpointWeights final : public FloatWeights {
 public:
  explicit CheckpointWeights(const Checkpoint& checkpoint) : checkpoint_(checkpoint) {}

  Status Load() {
    config_ = checkpoint_.config();
    ACCLLM_ASSIGN_OR_RETURN(embedding_, checkpoint_.ReadEmbedding());
    ACCLLM_ASSIGN_OR_RETURN(final_norm_, checkpoint_.ReadFinalNorm());
    if (!config_.tie_word_embeddings) {
      ACCLLM_ASSIGN_OR_RETURN(lm_head_, checkpoint_.ReadLmHead());
    }
    return {};
  }

 protected:
  Result<FloatLayer> ReadLayer(int64_t layer) override { return checkpoint_.ReadLayer(layer); }

 private:
  const Checkpoint& checkpoint_;
};

class PackedWeights final : public FloatWeights {
 public:
  explicit PackedWeights(const PackedFile& packed) : packed_(packed) {}

  Status Load() {
    config_ = packed_.config();
    ACCLLM_ASSIGN_OR_RETURN(embedding_, packed_.ReadFloat(kEmbedTokensName));
    ACCLLM_ASSIGN_OR_RETURN(final_norm_, packed_.ReadFloat(kFinalNormName));
    if (!config_.tie_word_embeddings) {
      ACCLLM_ASSIGN_OR_RETURN(lm_head_, packed_.ReadFloat(kLmHeadName));
    }
    return {};
  }

 protected:
  Result<FloatLayer> ReadLayer(int64_t layer) override {
    FloatLayer result;
    ACCLLM_ASSIGN_OR_RETURN(result.vectors, packed_.ReadVectors(layer));
    for (const LinearKind kind : kLinearKinds) {
      ACCLLM_ASSIGN_OR_RETURN(result.linear(kind),
                              packed_.ReadLinear(LayerTensorName(layer, kind)));
    }
    return result;
  }

 private:
  const PackedFile& packed_;
};

template <typename Weights, typename Source>
Result<std::unique_ptr<FloatWeights>> Make(const Source& source) {
  auto weights = std::make_unique<Weights>(source);
  ACCLLM_RETURN_IF_ERROR(weights->Load());
  return weights;
}

}  // namespace

Result<std::shared_ptr<const FloatLayer>> FloatWeights::Layer(int64_t layer) {
  layers_.resize(static_cast<size_t>(config_.n_layers));
  std::shared_ptr<const FloatLayer>& slot = layers_[static_cast<size_t>(layer)];
  if (slot != nullptr) return slot;
  if (FloatLayerBytes(config_) * config_.n_layers > kCacheBytes) {
    for (auto& held : layers_) held.reset();
  }
  ACCLLM_ASSIGN_OR_RETURN(FloatLayer weights, ReadLayer(layer));
  slot = std::make_shared<const FloatLayer>(std::move(weights));
  return slot;
}

Result<std::unique_ptr<FloatWeights>> WeightsOf(const Checkpoint& checkpoint) {
  return Make<CheckpointWeights>(checkpoint);
}

Result<std::unique_ptr<FloatWeights>> WeightsOf(const PackedFile& packed) {
  return Make<PackedWeights>(packed);
}

}  // namespace accllm::reference
