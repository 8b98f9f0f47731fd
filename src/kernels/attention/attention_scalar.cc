#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "base/fp16.h"
#include "kernels/attention/attention.h"
#include "kernels/exp2/exp2.h"

namespace accllm::kernels {
namespace {

// One head's pass; `weights` is the scratch: scores first, softmax weights after.
struct HeadPass {
  const KvHead& cache;
  std::span<const SlotRange> ranges;
  int64_t head_dim;
  int64_t padded_dim;
  int64_t head;
  float* weights;
  float* out;  // [head_dim]

  // Returns the largest score.
  float Scores(const AttentionQuery& query) {
    const float factor = ScoreFactor(head_dim);
    float largest = -std::numeric_limits<float>::infinity();
    int64_t n = 0;
    for (const SlotRange& range : ranges) {
      const RotatedQueries& queries = range.is_sink ? query.sink : query.window;
      const int8_t* q = queries.q + head * padded_dim;
      const float q_scale = queries.scales[head] * factor;
      for (int64_t slot = range.begin; slot < range.end; ++slot) {
        int32_t dot = 0;
        for (int64_t i = 0; i < head_dim; ++i) {
          dot += q[i] * KvLevel(cache.keys, padded_dim, slot, i);
        }
        const float score =
            static_cast<float>(dot) * (q_scale * HalfToFloat(cache.keys.scales[slot]));
        weights[n++] = score;
        largest = score > largest ? score : largest;
      }
    }
    return largest;
  }

  // Turns scores into p * v_scale; returns the sum of p.
  uint64_t Softmax(float largest) {
    uint64_t total = 0;
    int64_t n = 0;
    for (const SlotRange& range : ranges) {
      for (int64_t slot = range.begin; slot < range.end; ++slot, ++n) {
        const uint32_t p = Exp2NegQ30(Exp2ArgumentQ16(largest - weights[n]));
        total += p;
        weights[n] = static_cast<float>(p) * HalfToFloat(cache.values.scales[slot]);
      }
    }
    return total;
  }

  // Adds the values of slots [begin, end) of one chunk, whose weights start at w.
  void AddChunk(int64_t begin, int64_t end, const float* w) {
    uint32_t max_bits = 0;  // weights are not negative, so their bits order them; NaN is largest
    for (int64_t i = 0; i < end - begin; ++i) {
      max_bits = std::max(max_bits, std::bit_cast<uint32_t>(w[i]) & 0x7FFFFFFFU);
    }
    if (max_bits == 0) return;
    const auto largest = std::bit_cast<float>(max_bits);
    const float factor = largest / kMaxSlotWeight * static_cast<float>(1 << kLevelShift);
    const float inverse = kMaxSlotWeight / largest;
    int32_t n[kAttentionChunk];
    for (int64_t i = 0; i < end - begin; ++i) {
      const float weight = std::nearbyint(w[i] * inverse);
      n[i] = weight >= 0.0F ? static_cast<int32_t>(std::min(weight, kMaxSlotWeight)) : 0;
    }
    const KvRows& values = cache.values;
    for (int64_t dim = 0; dim < head_dim; ++dim) {
      int32_t sum = 0;
      for (int64_t slot = begin; slot < end; ++slot) {
        const uint8_t group = values.groups[dim / kKvGroup * values.n_slots + slot];
        const int32_t level =
            (n[slot - begin] * KvMultiplier(group) + (1 << (kLevelShift - 1))) >> kLevelShift;
        const uint8_t* row = values.codes + slot * padded_dim / 2;
        sum += level * (KvCode(row, padded_dim, dim) - KvZero(group));
      }
      out[dim] += factor * static_cast<float>(sum);
    }
  }

  void WeightedSum(uint64_t total) {
    std::fill(out, out + head_dim, 0.0F);
    const float* w = weights;
    for (const SlotRange& range : ranges) {
      for (int64_t begin = range.begin; begin < range.end;) {
        const int64_t chunk_end = (begin / kAttentionChunk + 1) * kAttentionChunk;
        const int64_t end = std::min(range.end, chunk_end);
        AddChunk(begin, end, w);
        w += end - begin;
        begin = end;
      }
    }
    const float inverse = 1.0F / static_cast<float>(total);
    for (int64_t dim = 0; dim < head_dim; ++dim) out[dim] *= inverse;
  }
};

}  // namespace

void AttentionScalar(const KvHead& cache, const AttentionQuery& query,
                     std::span<const SlotRange> ranges, float* scratch, float* out) {
  const int64_t padded_dim = KvPaddedDim(query.head_dim);
  for (int64_t head = 0; head < query.n_heads; ++head) {
    HeadPass pass{
        cache, ranges, query.head_dim, padded_dim, head, scratch, out + head * query.head_dim};
    const float largest = pass.Scores(query);
    pass.WeightedSum(pass.Softmax(largest));
  }
}

}  // namespace accllm::kernels
