// The activations of the tokens that run through the model together.
#pragma once

#include <cstdint>
#include <span>

#include "base/huge_buffer.h"
#include "base/model_config.h"
#include "base/result.h"

namespace accllm {

// C is the most tokens of a chunk. All lie in one allocation: in huge pages, as a chunk is worked
// on by rows that are tens of kilobytes apart.
struct ChunkBuffers {
  // Errors: kOutOfMemory.
  static Result<ChunkBuffers> Create(const ModelConfig& config, int64_t chunk);

  std::span<float> x;             // [C, hidden] residual stream
  std::span<float> normed;        // [C, hidden]
  std::span<float> q;             // [C, q_size]
  std::span<float> k;             // [C, kv_size]
  std::span<float> v;             // [C, kv_size]
  std::span<float> mixed;         // [C, q_size] attention output
  std::span<float> gated;         // [C, intermediate] silu(gate) * up
  std::span<float> projected;     // [C, hidden] output of o_proj and down_proj
  std::span<float> code_scales;   // [C]
  std::span<float> cosines;       // [C, head_dim / 2] at the token's position
  std::span<float> sines;         // [C, head_dim / 2]
  std::span<float> sink_cosines;  // [C, head_dim / 2] at the position that meets the sinks
  std::span<float> sink_sines;    // [C, head_dim / 2]
  std::span<uint8_t> codes;       // [C, widest input in whole blocks] quantised activations
  std::span<uint8_t> arranged;    // the same in QuantizedRows::arranged's order

 private:
  HugeBuffer memory_;
};

}  // namespace accllm
