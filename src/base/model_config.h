// The architecture of one LLaMA-family model, as every room needs it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace accllm {

struct ModelConfig {
  std::string architecture;       // "LlamaForCausalLM"; see base/architecture.h
  int64_t hidden_size = 0;        // width of the residual stream
  int64_t intermediate_size = 0;  // width of the gated MLP
  int64_t n_layers = 0;
  int64_t n_heads = 0;     // query heads
  int64_t n_kv_heads = 0;  // key/value heads; GQA: divides n_heads
  int64_t head_dim = 0;    // even
  int64_t vocab_size = 0;
  int64_t max_position_embeddings = 0;  // context the model was trained with, in tokens
  int64_t sliding_window = 0;  // tokens each token saw in training, itself included; 0: all
  float rms_norm_eps = 1e-5F;
  double rope_theta = 10000.0;
  // Divisors of the rotary frequencies, one a pair of channels: [head_dim / 2]; empty: all 1.
  std::vector<double> rope_factors;
  bool tie_word_embeddings = false;
  bool has_qkv_bias = false;  // q, k and v_proj
  bool has_o_bias = false;
  bool has_mlp_bias = false;  // gate, up and down_proj
  bool has_qk_norm = false;   // RMSNorm of every query and key head before its rotation
  int64_t bos_token_id = -1;  // -1: none
  std::vector<int64_t> eos_token_ids;

  int64_t q_size() const { return n_heads * head_dim; }
  int64_t kv_size() const { return n_kv_heads * head_dim; }
  int64_t heads_per_kv_head() const { return n_heads / n_kv_heads; }
};

// The Λ-shaped attention mask: token t sees positions [0, n_sinks) and the last `window` tokens,
// itself included (StreamingLLM, arXiv 2309.17453).
struct AttentionWindow {
  static constexpr int64_t kAll = 0;  // window value for full causal attention

  int64_t n_sinks = 4;
  int64_t window = 2044;  // tokens, or kAll
};

// The mask the model was trained with: full causal attention, or its sliding window without sinks.
inline AttentionWindow TrainedAttention(const ModelConfig& config) {
  if (config.sliding_window > 0) return {.n_sinks = 0, .window = config.sliding_window};
  return {.window = AttentionWindow::kAll};
}

}  // namespace accllm
