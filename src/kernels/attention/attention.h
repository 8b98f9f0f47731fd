// Attention of one token over a 4-bit cache: q.K, softmax and p.V of the integer contract.
#pragma once

#include <cmath>
#include <cstdint>
#include <span>

#include "kernels/hadamard/hadamard.h"
#include "kernels/kv4/kv4.h"

namespace accllm::kernels {

// Slots of a chunk share one scale of the softmax weights; chunks start at multiples of this.
inline constexpr int64_t kAttentionChunk = 32;
// Largest softmax weight of a chunk before the multipliers of the values: 2167 * 15 + 128 is the
// most that fits 15 bits.
inline constexpr float kMaxSlotWeight = 2167.0F;
inline constexpr int kLevelShift = 8;

// The cache of one layer and one KV head.
struct KvHead {
  KvRows keys;  // transformed by Hadamard after rotation
  KvRows values;
};

// Slots [begin, end) in ascending position.
struct SlotRange {
  int64_t begin = 0;
  int64_t end = 0;
  bool is_sink = false;  // use the query rotated for the sinks
};

// Query heads rotated for one kind of slots, transformed by Hadamard and quantised.
struct RotatedQueries {
  const int8_t* q = nullptr;      // [n_heads, padded_dim]
  const float* scales = nullptr;  // [n_heads]
  const int32_t* sums = nullptr;  // [n_heads, padded_dim / 32] of q, by group
};

// The query heads that share one KV head (GQA).
struct AttentionQuery {
  int64_t n_heads = 0;
  int64_t head_dim = 0;
  RotatedQueries window;
  RotatedQueries sink;
};

// Of the product of a query and a key that both went through Hadamard.
inline float ScoreFactor(int64_t head_dim) {
  return 1.0F / std::sqrt(static_cast<float>(head_dim)) /
         static_cast<float>(HadamardSize(head_dim));
}

// For each head, with every float operation rounded once; m and zero are those of t and the group
// of dimension i:
//
//   score[t]   = float(sum_i q[i] * m * (code[t, i] - zero)) *
//                ((q_scale * ScoreFactor) * k_scale[t])
//   p[t]       = Exp2NegQ30 of (max score - score[t])
//   total      = sum of p, exact
//   w[t]       = float(p[t]) * v_scale[t]
//   per chunk, in slot order:
//     n[t]     = round(w[t] * (2167 / max w)) in 0..2167
//     level[t] = (n[t] * m + 128) >> 8 in 0..127, one for each group
//     out[i]  += ((max w / 2167) * 256) * float(sum_t level[t] * (code[t, i] - zero))
//   out[i]     = out[i] * (1 / float(total))
//
// A chunk whose weights are all zero adds nothing; an n that is NaN or negative is 0. Without
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
#elif defined(ACCLLM_HAVE_NEON)
void AttentionNeon(const KvHead& cache, const AttentionQuery& query,
                   std::span<const SlotRange> ranges, float* scratch, float* out);
#endif

// Floats of scratch that a call over `n_slots` slots needs, for every ISA.
inline int64_t AttentionScratchFloats(int64_t n_slots, int64_t n_heads) {
  return (n_slots + 64) * n_heads;
}

}  // namespace accllm::kernels
