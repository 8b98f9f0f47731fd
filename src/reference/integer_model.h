// The scalar integer forward pass: the numeric contract of W2A8KV4, one token at a time.
//
// It keeps every key and value it ever made, at the slot that is its position, unpacks whole weight
// matrices to plain levels and adds in 64-bit integers: slow, and with nothing of the engine's
// ring, tiling, threads or offsets in it. The engine must produce the same logits bit for bit.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "base/float_layer.h"
#include "base/language_model.h"
#include "base/model_config.h"
#include "kernels/kv4/kv_list.h"
#include "kernels/rope/rope.h"
#include "packed/packed_file.h"
#include "packed/quantized_matrix.h"

namespace accllm::reference {

class IntegerModel final : public LanguageModel {
 public:
  // Errors: kCorrupt. Unpacks the whole model: meant for small ones.
  static Result<std::unique_ptr<IntegerModel>> Load(const PackedFile& packed,
                                                    AttentionWindow window);

  int64_t vocab_size() const override { return config_.vocab_size; }
  int64_t position() const override { return position_; }
  void Reset() override;
  Status Append(std::span<const int32_t> tokens, int64_t n_logits, float* logits) override;

 private:
  // A weight matrix: levels of a block type, perhaps with a low-rank part, or binary16 values.
  struct Weight {
    QuantizedMatrix quantized;
    std::vector<uint16_t> halves;  // [rows, cols]; empty for block types
    std::optional<LowRank> low_rank;
    int64_t rows = 0;
    int64_t cols = 0;
  };

  struct Layer {
    LayerVectors vectors;
    std::vector<Weight> linear;  // in the order of kLinearKinds
  };

  // History of one layer and KV head.
  struct History {
    kernels::KvList keys;
    kernels::KvList values;
  };

  using Vector = std::vector<float>;

  IntegerModel(const ModelConfig& config, AttentionWindow window);
  static Result<Weight> LoadWeight(const PackedFile& packed, const std::string& name);
  static Vector Multiply(const Weight& w, const Vector& x);
  static void AddLowRank(const LowRank& low_rank, const std::vector<uint8_t>& codes, float a_scale,
                         Vector& y);
  static Vector RowOf(const Weight& w, int64_t row);
  static Vector Project(const Vector& x, const Layer& layer, LinearKind kind);
  Vector Norm(const Vector& x, const Vector& weight) const;
  Vector SelfAttention(const Vector& x, const Layer& layer, std::vector<History>& histories) const;
  Vector AttendHead(const Vector& q, int64_t kv_head, const History& history) const;
  Vector Mlp(const Vector& x, const Layer& layer) const;
  Vector Step(int32_t token);

  ModelConfig config_;
  AttentionWindow window_;
  kernels::RopeFrequencies frequencies_;
  Weight embedding_;
  Weight lm_head_;  // empty if tied
  Vector final_norm_;
  std::vector<Layer> layers_;
  std::vector<std::vector<History>> histories_;  // [n_layers][n_kv_heads]
  int64_t position_ = 0;
};

}  // namespace accllm::reference
