#include "checkpoint/gguf_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/tensor_names.h"

namespace accllm {
namespace {

using NamePair = std::pair<std::string_view, std::string_view>;  // canonical, GGUF

constexpr std::array<NamePair, 3> kGlobalNames = {
    {{kEmbedTokensName, "token_embd"}, {kFinalNormName, "output_norm"}, {kLmHeadName, "output"}}};

constexpr std::array<NamePair, 11> kLayerNames = {{{"input_layernorm", "attn_norm"},
                                                   {"post_attention_layernorm", "ffn_norm"},
                                                   {"self_attn.q_norm", "attn_q_norm"},
                                                   {"self_attn.k_norm", "attn_k_norm"},
                                                   {"self_attn.q_proj", "attn_q"},
                                                   {"self_attn.k_proj", "attn_k"},
                                                   {"self_attn.v_proj", "attn_v"},
                                                   {"self_attn.o_proj", "attn_output"},
                                                   {"mlp.gate_proj", "ffn_gate"},
                                                   {"mlp.up_proj", "ffn_up"},
                                                   {"mlp.down_proj", "ffn_down"}}};

constexpr std::string_view kLayerPrefix = "layers.";
constexpr std::string_view kBiasSuffix = ".bias";

}  // namespace

std::string GgufTensorName(std::string_view canonical) {
  const auto* global = std::ranges::find(kGlobalNames, canonical, &NamePair::first);
  if (global != kGlobalNames.end()) return fmt::format("{}.weight", global->second);
  const size_t dot = canonical.find('.', kLayerPrefix.size());
  if (!canonical.starts_with(kLayerPrefix) || dot == std::string_view::npos) {
    return std::string(canonical);
  }
  const std::string_view layer = canonical.substr(kLayerPrefix.size(), dot - kLayerPrefix.size());
  std::string_view part = canonical.substr(dot + 1);
  const bool is_bias = part.ends_with(kBiasSuffix);
  if (is_bias) part.remove_suffix(kBiasSuffix.size());
  const auto* name = std::ranges::find(kLayerNames, part, &NamePair::first);
  if (name == kLayerNames.end()) return std::string(canonical);
  return fmt::format("blk.{}.{}.{}", layer, name->second, is_bias ? "bias" : "weight");
}

}  // namespace accllm
