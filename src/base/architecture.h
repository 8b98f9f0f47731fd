// What the supported architectures differ in. This table is the only place that names them; the
// rest of the program asks ModelConfig.
#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

namespace accllm {

struct Architecture {
  std::string_view name;       // in the "architectures" of a config.json
  std::string_view gguf_name;  // general.architecture of a GGUF file
  bool has_qkv_bias;           // q, k and v_proj always have a bias
  bool takes_attention_bias;   // "attention_bias": true gives q, k, v and o_proj one
  bool takes_mlp_bias;         // "mlp_bias": true gives gate, up and down_proj one
  bool has_qk_norm;            // RMSNorm of every query and key head before its rotation
  // "sliding_window" holds by itself; otherwise only with "use_sliding_window": true.
  bool always_slides;
  bool gguf_interleaves_rope;  // GGUF stores rows of q and k_proj pair by pair
};

// Llama 1, 2 and 3.x, TinyLlama and SmolLM2 are all LlamaForCausalLM.
inline constexpr auto kArchitectures = std::to_array<Architecture>({
    // name, gguf_name, qkv_bias, attention_bias, mlp_bias, qk_norm, slides, interleaves
    {"LlamaForCausalLM", "llama", false, true, true, false, false, true},
    {"MistralForCausalLM", "llama", false, false, false, false, true, true},
    {"Qwen2ForCausalLM", "qwen2", true, false, false, false, false, false},
    {"Qwen3ForCausalLM", "qwen3", false, true, false, true, false, false},
});

// The entry with this name, or null.
constexpr const Architecture* FindArchitecture(std::string_view name) {
  const auto* const found = std::ranges::find(kArchitectures, name, &Architecture::name);
  return found == kArchitectures.end() ? nullptr : found;
}

// "LlamaForCausalLM, MistralForCausalLM, ...", for messages.
inline std::string ArchitectureNames() {
  std::string names;
  for (const Architecture& architecture : kArchitectures) {
    if (!names.empty()) names += ", ";
    names += architecture.name;
  }
  return names;
}

}  // namespace accllm
