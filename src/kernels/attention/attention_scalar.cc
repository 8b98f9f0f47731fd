#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "base/fp16.h"
#include "kernels/attention/attention.h"
#include "kernels/exp2/exp2.h"

namespace accllm::kernels {
namespace {

// One head's pass.
struct HeadPass {
  const KvHead& cache;
  std::span<const SlotRange> ranges;
  int64_t head_dim;
  int64_t padded_dim;
  int64_t head;
  float* weights;  // [slots of all ranges], scores at first
  float* out;      // [head_dim]
  uint64_t total = 0;
  float largest_weight = 0.0F;

  // Returns the largest score.
  float Scores(const AttentionQuery& query) {
    const float factor = ScoreFactor(head_dim);
    float largest = -std::numeric_limits<float>::infinity();
    int64_t n = 0;
    int64_t place = 0;  // among the slots that are not sinks
    for (const SlotRange& range : ranges) {
      const RotatedQueries& queries = range.is_sink ? query.sink : query.window;
      const int8_t* q = queries.q + head * padded_dim;
      const float q_scale = queries.scales[head] * factor;
      for (int64_t slot = range.begin; slot < range.end; ++slot) {
        int32_t dot = 0;
        for (int64_t i = 0; i < head_dim; ++i) {
          dot += q[i] * KvLevel(cache.keys, padded_dim, slot, i);
        }
        const bool is_seen =
            range.is_sink || query.visible == nullptr ||
            (place >= query.visible[head].begin && place < query.visible[head].end);
        if (!range.is_sink) ++place;
        const float score =
            is_seen ? static_cast<float>(dot) * (q_scale * HalfToFloat(cache.keys.scales[slot]))
                    : -std::numeric_limits<float>::infinity();
        weights[n++] = score;
        largest = score > largest ? score : largest;
      }
    }
    return largest;
  }

  // Turns scores into weights.
  void Softmax(float largest) {
    uint32_t max_bits = 0;
    int64_t n = 0;
    for (const SlotRange& range : ranges) {
      for (int64_t slot = range.begin; slot < range.end; ++slot, ++n) {
        const uint32_t p = Exp2NegQ30(Exp2ArgumentQ16(largest - weights[n]));
        total += p;
        weights[n] = static_cast<float>(p) * HalfToFloat(cache.values.scales[slot]);
        max_bits = std::max(max_bits, AbsBits(weights[n]));
      }
    }
    largest_weight = std::bit_cast<float>(max_bits);
  }

  void WeightedSum() {
    const float scale = OutputScale(largest_weight, static_cast<float>(total));
    for (int64_t dim = 0; dim < head_dim; dim += kKvGroup) {
      int64_t sums[kKvGroup] = {};
      const float* w = weights;
      for (const SlotRange& range : ranges) {
        for (int64_t begin = range.begin; begin < range.end;) {
          const int64_t chunk_end = (begin / kAttentionChunk + 1) * kAttentionChunk;
          const int64_t end = std::min(range.end, chunk_end);
          AddChunk(begin, end, w, dim, sums);
          w += end - begin;
          begin = end;
        }
      }
      for (int64_t i = 0; i < std::min(kKvGroup, head_dim - dim); ++i) {
        out[dim + i] = static_cast<float>(sums[i]) * scale;
      }
    }
  }

 private:
  // Weights are not negative, so their bits order them; NaN is the largest.
  static uint32_t AbsBits(float w) { return std::bit_cast<uint32_t>(w) & 0x7FFFFFFFU; }

  // Adds the values of slots [begin, end) of one chunk, whose weights start at w, to the sums of
  // the group of dimensions that starts at first_dim.
  void AddChunk(int64_t begin, int64_t end, const float* w, int64_t first_dim,
                int64_t* sums /*[32]*/) const {
    uint32_t max_bits = 0;
    for (int64_t i = 0; i < end - begin; ++i) max_bits = std::max(max_bits, AbsBits(w[i]));
    const auto largest = std::bit_cast<float>(max_bits);
    const int64_t factor = ChunkFactor(largest, kMaxChunkFactor / largest_weight);
    if (factor == 0) return;
    const float inverse = kMaxSlotWeight / largest;
    const KvRows& values = cache.values;
    for (int64_t slot = begin; slot < end; ++slot) {
      const float n = std::max(std::nearbyint(w[slot - begin] * inverse), 0.0F);
      const uint8_t group = values.groups[first_dim / kKvGroup * values.n_slots + slot];
      const int32_t level =
          (static_cast<int32_t>(n) * KvMultiplier(group) + (1 << (kLevelShift - 1))) >> kLevelShift;
      const uint8_t* row = values.codes + slot * padded_dim / 2;
      for (int64_t i = 0; i < kKvGroup; ++i) {
        sums[i] += factor * (level * (KvCode(row, padded_dim, first_dim + i) - KvZero(group)));
      }
    }
  }
};

}  // namespace

void AttentionScalar(const KvHead& cache, const AttentionQuery& query,
                     std::span<const SlotRange> ranges, float* scratch, float* out) {
  const int64_t padded_dim = KvPaddedDim(query.head_dim);
  for (int64_t head = 0; head < query.n_heads; ++head) {
    HeadPass pass{
        cache, ranges, query.head_dim, padded_dim, head, scratch, out + head * query.head_dim};
    pass.Softmax(pass.Scores(query));
    pass.WeightedSum();
  }
}

}  // namespace accllm::kernels
