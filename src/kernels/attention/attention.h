// Attention of one token over a 4-bit cache: q.K, softmax and p.V of the integer contract.
#pragma once

#include <cstdint>
#include <span>

#include "kernels/quantize/quantize.h"

namespace accllm::kernels {

// Slots of a chunk share one scale of the softmax weights; chunks start at multiples of this.
inline constexpr int64_t kAttentionChunk = 32;

// The cache of one layer and one KV head.
struct KvHead {
  const uint8_t* keys = nullptr;          // [n_slots, padded_dim / 2] packed int4
  const uint8_t* values = nullptr;        // [n_slots, padded_dim / 2] packed int4
  const KvParam* key_params = nullptr;    // [n_slots]
  const KvParam* value_params = nullptr;  // [n_slots]
};

// Slots [begin, end) in ascending position.
struct SlotRange {
  int64_t begin = 0;
  int64_t end = 0;
  bool is_sink = false;  // use the query rotated for the sinks
};

// The query heads that share one KV head (GQA), quantised by QuantizeQuery after rotation.
struct AttentionQuery {
  int64_t n_heads = 0;
  int64_t head_dim = 0;
  const int8_t* window = nullptr;       // [n_heads, padded_dim]
  const float* window_scale = nullptr;  // [n_heads]
  const int8_t* sink = nullptr;         // [n_heads, padded_dim]
  const float* sink_scale = nullptr;    // [n_heads]
};

// For each head, with every float operation rounded once:
//
//   score[t] = float(sum_i q[i] * (code[t, i] - zero[t])) *
//              ((q_scale * (1 / sqrt(head_dim))) * k_scale[t])
//   p[t]     = Exp2NegQ30 of (max score - score[t])
//   total    = sum of p, exact
//   w[t]     = float(p[t]) * v_scale[t]
//   per chunk, in slot order: f = max w / 127; n[t] = round(w[t] * (127 / max w)) in 0..127
//   out[i]  += f * float(sum_t n[t] * (code[t, i] - zero[t]))
//   out[i]   = out[i] * (1 / float(total))
//
// A chunk whose weights are all zero adds nothing; a level that is NaN or negative is 0. Without
// slots, out is NaN.
// ranges: sinks first. scratch: AttentionScratchFloats(slots of all ranges, n_heads). out:
// [n_heads, head_dim].
using Attention = void (*)(const KvHead& cache, const AttentionQuery& query,
                           std::span<const SlotRange> ranges, float* scratch, float* out);
void AttentionScalar(const KvHead& cache, const AttentionQuery& query,
                     std::span<const SlotRange> ranges, float* scratch, float* out);
#if defined(ACCLLM_HAVE_X86_SIMD)
void AttentionAvx2(const KvHead& cache, const AttentionQuery& query,
                   std::span<const SlotRange> ranges, float* scratch, float* out);
void AttentionAvx512(const KvHead& cache, const AttentionQuery& query,
                     std::span<const SlotRange> ranges, float* scratch, float* out);
#endif

// Floats of scratch that a call over `n_slots` slots needs, for every ISA.
inline int64_t AttentionScratchFloats(int64_t n_slots, int64_t n_heads) {
  return (n_slots + 64) * n_heads;
}

}  // namespace accllm::kernels
