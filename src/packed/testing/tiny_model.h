// A tiny random packed model, for tests of every room.
#pragma once

#include <cstring>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "base/fp16.h"
#include "base/tensor_names.h"
#include "base/testing/unique_path.h"
#include "packed/low_rank.h"
#include "packed/packed_file.h"
#include "packed/packed_writer.h"
#include "packed/quantized_matrix.h"
#include "packed/testing/random_matrix.h"

namespace accllm::testing {

// Two layers, GQA 2:1, dimensions that are no multiples of a block.
inline ModelConfig TinyPackedConfig() {
  ModelConfig c;
  c.architecture = "LlamaForCausalLM";
  c.hidden_size = 40;
  c.intermediate_size = 52;
  c.n_layers = 2;
  c.n_heads = 4;
  c.n_kv_heads = 2;
  c.head_dim = 12;
  c.vocab_size = 61;
  c.max_position_embeddings = 64;
  c.tie_word_embeddings = false;
  c.bos_token_id = 1;
  c.eos_token_ids = {2};
  return c;
}

// All tensors of `config`: 2:4 linear layers but for one each of the other types; W8 embedding.
inline std::vector<TensorPlan> TinyPlan(const ModelConfig& config) {
  using format::TensorType;
  std::vector<TensorPlan> plan = {
      {std::string(kEmbedTokensName), TensorType::kW8, config.vocab_size, config.hidden_size},
      {std::string(kFinalNormName), TensorType::kF32, 1, config.hidden_size}};
  if (!config.tie_word_embeddings) {
    plan.push_back(
        {std::string(kLmHeadName), TensorType::kW4, config.vocab_size, config.hidden_size});
  }
  for (int64_t layer = 0; layer < config.n_layers; ++layer) {
    for (const VectorKind kind : kVectorKinds) {
      const int64_t size = SizeOfVector(config, kind);
      if (size > 0) plan.push_back({LayerTensorName(layer, kind), TensorType::kF32, 1, size});
    }
    for (const LinearKind kind : kLinearKinds) {
      const LinearShape shape = ShapeOfLinear(config, kind);
      TensorType type = TensorType::kW2S24;
      if (layer == 1 && kind == LinearKind::kO) type = TensorType::kW4;
      if (layer == 1 && kind == LinearKind::kDown) type = TensorType::kW8;
      if (layer == 1 && kind == LinearKind::kUp) type = TensorType::kF16;
      if (layer == 0 && kind == LinearKind::kV) type = TensorType::kW2;
      if (layer == 0 && kind == LinearKind::kGate) type = TensorType::kW3;
      if (layer == 0 && kind == LinearKind::kDown) type = TensorType::kW2Free;
      plan.push_back({LayerTensorName(layer, kind), type, shape.rows, shape.cols});
    }
  }
  return plan;
}

// The same with a low-rank part for every linear layer of a block type.
inline std::vector<TensorPlan> WithLowRank(const std::vector<TensorPlan>& plan, int64_t rank) {
  std::vector<TensorPlan> with;
  for (const TensorPlan& tensor : plan) {
    with.push_back(tensor);
    if (!IsBlockType(tensor.type) || !tensor.name.starts_with("layers.")) continue;
    with.push_back({LowRankNameA(tensor.name), format::TensorType::kI8, rank, tensor.cols});
    with.push_back({LowRankNameB(tensor.name), format::TensorType::kI8, rank, tensor.rows});
  }
  return with;
}

inline Result<std::vector<uint8_t>> RandomTensorBytes(const TensorPlan& plan, std::mt19937& rng) {
  if (IsBlockType(plan.type)) {
    QuantizedMatrix m = RandomMatrix(plan.type, plan.rows, plan.cols, rng);
    // Weights around 0.2, whatever the type's levels and multipliers are.
    const double typical =
        static_cast<double>(MaxMultiplier(plan.type, plan.cols)) *
        (plan.type == format::TensorType::kW2S24    ? 0.5
         : plan.type == format::TensorType::kW2Free ? 4.0
                                                    : DenseLevelsOf(plan.type).max / 4.0);
    for (float& scale : m.row_scales) {
      scale = NearestRowScale(static_cast<float>(scale / 2e-4 * 0.4 / typical));
    }
    return PackMatrix(m);
  }
  if (plan.type == format::TensorType::kI8) {
    // Products around 0.05.
    std::vector<float> values(static_cast<size_t>(plan.rows * plan.cols));
    for (float& value : values) value = 0.6F * (static_cast<float>(rng() % 1024) / 1024.0F - 0.5F);
    ACCLLM_ASSIGN_OR_RETURN(const Int8Matrix half, RoundToInt8(plan.rows, plan.cols, values));
    return PackInt8(half);
  }
  ACCLLM_ASSIGN_OR_RETURN(const TensorLayout layout, LayOutTensor(plan.type, plan.rows, plan.cols));
  std::vector<uint8_t> bytes(static_cast<size_t>(layout.data_bytes));
  const bool is_half = plan.type == format::TensorType::kF16;
  for (size_t at = 0; at < bytes.size(); at += is_half ? 2 : 4) {
    // Norms in 0.5..1.5; halves in -0.25..0.25.
    const float unit = static_cast<float>(rng() % 1024) / 1024.0F;
    const uint16_t half = FloatToHalf(0.5F * unit - 0.25F);
    const float norm = 0.5F + unit;
    std::memcpy(bytes.data() + at, is_half ? static_cast<const void*>(&half) : &norm,
                is_half ? 2 : 4);
  }
  return bytes;
}

inline Status WriteTinyModel(const ModelConfig& config, const std::string& path, uint32_t seed,
                             const std::vector<TensorPlan>& plan) {
  std::mt19937 rng(seed);
  ACCLLM_ASSIGN_OR_RETURN(PackedWriter writer, PackedWriter::Create(path, plan, false));
  for (const TensorPlan& tensor : plan) {
    ACCLLM_ASSIGN_OR_RETURN(const std::vector<uint8_t> bytes, RandomTensorBytes(tensor, rng));
    ACCLLM_RETURN_IF_ERROR(writer.WriteTensor(tensor.name, bytes));
  }
  const std::string tokenizer = "tokenizer";
  const PackedMetadata metadata = {config, {4, 60}, R"({"name":"test"})", "{}"};
  return writer.Finish(
      std::span(reinterpret_cast<const uint8_t*>(tokenizer.data()), tokenizer.size()),
      PackedMetadataToJson(metadata));
}

inline Status WriteTinyModel(const ModelConfig& config, const std::string& path, uint32_t seed) {
  return WriteTinyModel(config, path, seed, TinyPlan(config));
}

}  // namespace accllm::testing
