// The two orders of the rows that rotary positions turn.
//
// Hugging Face rotates channels (i, i + head_dim / 2) of a head together, and so do we. GGUF files
// of LLaMAs hold the rows of q_proj and k_proj such that (2 i, 2 i + 1) belong together.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace accllm {

// The rows [n_heads * head_dim, n_cols] of Hugging Face in GGUF's order; a bias has one column.
std::vector<float> InterleaveRopeRows(std::span<const float> rows, int64_t head_dim,
                                      int64_t n_cols);

// The inverse.
std::vector<float> SplitRopeRows(std::span<const float> rows, int64_t head_dim, int64_t n_cols);

}  // namespace accllm
