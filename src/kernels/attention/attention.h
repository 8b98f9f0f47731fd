// Attention of a token, or of several, over a 4-bit cache: q.K, softmax and p.V of the integer
// contract.
#pragma once

#include <cmath>
#include <cstdint>
#include <span>

#include "kernels/hadamard/hadamard.h"
#include "kernels/kv4/kv4.h"

namespace accllm::kernels {

// Heads that share one unpacking of the cache; more heads take several passes.
inline constexpr int64_t kHeadsAtOnce = 32;
// Slots of a chunk share one scale of the softmax weights; chunks start at multiples of this.
inline constexpr int64_t kAttentionChunk = 32;
// Largest softmax weight of a chunk before the multipliers of the values: 2167 * 15 + 128 is the
// most that fits 15 bits.
inline constexpr float kMaxSlotWeight = 2167.0F;
inline constexpr int kLevelShift = 8;
// Factor of the chunk with the largest weight of all. A chunk's sum is at most 32 * 127 * 15 in
// magnitude, so that its product with a factor fits 32 bits with sign.
inline constexpr float kMaxChunkFactor = 32767.0F;
// What one unit of the sums is worth, as part of the largest weight: 0x1.e3e604p-19.
inline constexpr float kSumUnit =
    static_cast<float>(1 << kLevelShift) / (kMaxSlotWeight * kMaxChunkFactor);

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

// Of the slots that are not sinks, in the order of the ranges: which a head sees.
struct VisibleSlots {
  int64_t begin = 0;
  int64_t end = 0;
};

// The query heads that share one KV head (GQA), of one token or of several.
struct AttentionQuery {
  int64_t n_heads = 0;
  int64_t head_dim = 0;
  RotatedQueries window;
  RotatedQueries sink;
  const VisibleSlots* visible = nullptr;  // [n_heads]; nullptr: all see all
};

// Of the product of a query and a key that both went through Hadamard.
inline float ScoreFactor(int64_t head_dim) {
  return 1.0F / std::sqrt(static_cast<float>(head_dim)) /
         static_cast<float>(HadamardSize(head_dim));
}

// The factor of a chunk. inverse: 32767 / the largest weight of all. NaN, which weights that are
// not finite give, becomes 0.
inline int32_t ChunkFactor(float largest_of_chunk, float inverse) {
  const float factor = std::nearbyint(largest_of_chunk * inverse);
  return factor >= 0.0F ? static_cast<int32_t>(factor) : 0;
}

// What a head's sums are multiplied by.
inline float OutputScale(float largest_weight, float total) {
  return (largest_weight * kSumUnit) * (1.0F / total);
}

// For each head, with every float operation rounded once; m and zero are those of t and the group
// of dimension i, max w[c] is the largest of chunk c and max w that of all chunks:
//
//   score[t]   = float(sum_i q[i] * m * (code[t, i] - zero)) *
//                ((q_scale * ScoreFactor) * k_scale[t])
//   p[t]       = Exp2NegQ30 of (max score - score[t])
//   total      = sum of p, exact
//   w[t]       = float(p[t]) * v_scale[t]
//   per chunk c:
//     factor   = round(max w[c] * (32767 / max w)) in 0..32767
//     n[t]     = round(w[t] * (2167 / max w[c])) in 0..2167
//     level[t] = (n[t] * m + 128) >> 8 in 0..127, one for each group
//     sum[i]  += factor * (sum_t level[t] * (code[t, i] - zero)), exact, 64 bits
//   out[i]     = float(sum[i]) * ((max w * kSumUnit) * (1 / float(total)))
//
// The score of a slot that a head does not see is -infinity: p is 0, and the result is as without
// the slot, if its scale is finite. Every head sees a slot. Maxima of w are those of its bits
// without the sign, NaN on top. A factor that is NaN is 0, and its chunk adds nothing; a negative n
// is 0. So out is NaN if a w is not finite (0 times infinity or NaN), if the largest score is not,
// and without slots. ranges: sinks first. scratch: AttentionScratchFloats(slots of all ranges,
// n_heads, head_dim). out: [n_heads, head_dim].
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

// Floats of scratch that a call over `n_slots` slots needs, for every ISA: per head a weight for
// each slot, a 64-bit sum for each dimension, and a margin.
inline int64_t AttentionScratchFloats(int64_t n_slots, int64_t n_heads, int64_t head_dim) {
  return (n_slots + 2 * KvPaddedDim(head_dim) + 64) * n_heads;
}

}  // namespace accllm::kernels
