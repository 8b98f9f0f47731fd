// The names of a LLaMA's tensors: those of Hugging Face without "model." and ".weight".
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

// Parts of a layer, to be given to LayerTensorName.
inline constexpr std::string_view kInputLayernormName = "input_layernorm";  // [hidden]
inline constexpr std::string_view kPostAttentionLayernormName =
    "post_attention_layernorm";  // [hidden]

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

// "layers.3.mlp.up_proj" for layer 3 and part "mlp.up_proj".
inline std::string LayerTensorName(int64_t layer, std::string_view part) {
  return fmt::format("layers.{}.{}", layer, part);
}

inline std::string LayerTensorName(int64_t layer, LinearKind kind) {
  return LayerTensorName(layer, LinearName(kind));
}

}  // namespace accllm
