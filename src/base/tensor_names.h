// The names and shapes of a LLaMA's tensors. Names are those of Hugging Face without "model." and
// ".weight".
#pragma once

#include <fmt/format.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/model_config.h"

namespace accllm {

inline constexpr std::string_view kEmbedTokensName = "embed_tokens";  // [vocab, hidden]
inline constexpr std::string_view kFinalNormName = "norm";            // [hidden]
inline constexpr std::string_view kLmHeadName = "lm_head";            // [vocab, hidden]

// The seven linear layers of a transformer block, in the order they run.
enum class LinearKind { kQ, kK, kV, kO, kGate, kUp, kDown };

inline constexpr std::array<LinearKind, 7> kLinearKinds = {
    LinearKind::kQ,    LinearKind::kK,  LinearKind::kV,   LinearKind::kO,
    LinearKind::kGate, LinearKind::kUp, LinearKind::kDown};

inline constexpr std::array<std::string_view, 7> kLinearNames = {
    "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj",
    "mlp.gate_proj",    "mlp.up_proj",      "mlp.down_proj"};

constexpr std::string_view LinearName(LinearKind kind) {
  return kLinearNames[static_cast<size_t>(kind)];
}

// Shape of a linear layer's weight: y[rows] = W[rows, cols] x[cols].
struct LinearShape {
  int64_t rows = 0;
  int64_t cols = 0;

  bool operator==(const LinearShape&) const = default;
};

constexpr LinearShape ShapeOfLinear(const ModelConfig& config, LinearKind kind) {
  switch (kind) {
    case LinearKind::kQ:
      return {config.q_size(), config.hidden_size};
    case LinearKind::kK:
    case LinearKind::kV:
      return {config.kv_size(), config.hidden_size};
    case LinearKind::kO:
      return {config.hidden_size, config.q_size()};
    case LinearKind::kGate:
    case LinearKind::kUp:
      return {config.intermediate_size, config.hidden_size};
    case LinearKind::kDown:
      return {config.hidden_size, config.intermediate_size};
  }
  return {};
}

// The vectors of a transformer block, in the order they lie in a packed file. A block holds those
// whose SizeOfVector is not 0.
enum class VectorKind {
  kInputLayernorm,
  kPostAttentionLayernorm,
  kQNorm,
  kKNorm,
  kQBias,
  kKBias,
  kVBias,
  kOBias,
  kGateBias,
  kUpBias,
  kDownBias,
};

inline constexpr std::array<std::string_view, 11> kVectorNames = {
    "input_layernorm",       "post_attention_layernorm", "self_attn.q_norm",
    "self_attn.k_norm",      "self_attn.q_proj.bias",    "self_attn.k_proj.bias",
    "self_attn.v_proj.bias", "self_attn.o_proj.bias",    "mlp.gate_proj.bias",
    "mlp.up_proj.bias",      "mlp.down_proj.bias"};

inline constexpr auto kVectorKinds = [] {
  std::array<VectorKind, kVectorNames.size()> kinds = {};
  for (size_t i = 0; i < kinds.size(); ++i) kinds[i] = static_cast<VectorKind>(i);
  return kinds;
}();

constexpr std::string_view VectorName(VectorKind kind) {
  return kVectorNames[static_cast<size_t>(kind)];
}

constexpr VectorKind BiasOf(LinearKind kind) {
  return static_cast<VectorKind>(static_cast<size_t>(VectorKind::kQBias) +
                                 static_cast<size_t>(kind));
}

// 0 where the architecture has no such vector.
constexpr int64_t SizeOfVector(const ModelConfig& config, VectorKind kind) {
  switch (kind) {
    case VectorKind::kInputLayernorm:
    case VectorKind::kPostAttentionLayernorm:
      return config.hidden_size;
    case VectorKind::kQNorm:
    case VectorKind::kKNorm:
      return config.has_qk_norm ? config.head_dim : 0;
    case VectorKind::kQBias:
      return config.has_qkv_bias ? config.q_size() : 0;
    case VectorKind::kKBias:
    case VectorKind::kVBias:
      return config.has_qkv_bias ? config.kv_size() : 0;
    case VectorKind::kOBias:
      return config.has_o_bias ? config.hidden_size : 0;
    case VectorKind::kGateBias:
    case VectorKind::kUpBias:
      return config.has_mlp_bias ? config.intermediate_size : 0;
    case VectorKind::kDownBias:
      return config.has_mlp_bias ? config.hidden_size : 0;
  }
  return 0;
}

// "layers.3.mlp.up_proj" for layer 3 and part "mlp.up_proj".
inline std::string LayerTensorName(int64_t layer, std::string_view part) {
  return fmt::format("layers.{}.{}", layer, part);
}

inline std::string LayerTensorName(int64_t layer, LinearKind kind) {
  return LayerTensorName(layer, LinearName(kind));
}

inline std::string LayerTensorName(int64_t layer, VectorKind kind) {
  return LayerTensorName(layer, VectorName(kind));
}

// The two halves of a linear layer's low-rank part B A: A [rank, cols], and B transposed [rank,
// rows].
inline std::string LowRankNameA(std::string_view linear) {
  return fmt::format("{}.lowrank_a", linear);
}
inline std::string LowRankNameB(std::string_view linear) {
  return fmt::format("{}.lowrank_b", linear);
}

// As the files of a Hugging Face folder have it: "layers.0.mlp.up_proj" ->
// "model.layers.0.mlp.up_proj.weight".
inline std::string FolderTensorName(std::string_view name) {
  return fmt::format("{}{}{}", name == kLmHeadName ? "" : "model.", name,
                     name.ends_with(".bias") ? "" : ".weight");
}

}  // namespace accllm
