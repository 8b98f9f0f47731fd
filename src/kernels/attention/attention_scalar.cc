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
  float* weights;
  float* out;  // [head_dim]

  // Returns the largest score.
  float Scores(const int8_t* window, float window_scale, const int8_t* sink, float sink_scale) {
    const float inv_sqrt_dim = 1.0F / std::sqrt(static_cast<float>(head_dim));
    float largest = -std::numeric_limits<float>::infinity();
    int64_t n = 0;
    for (const SlotRange& range : ranges) {
      const int8_t* q = range.is_sink ? sink : window;
      const float q_scale = (range.is_sink ? sink_scale : window_scale) * inv_sqrt_dim;
      for (int64_t slot = range.begin; slot < range.end; ++slot) {
        const KvParam param = cache.key_params[slot];
        const uint8_t* row = cache.keys + slot * padded_dim / 2;
        int32_t dot = 0;
        for (int64_t i = 0; i < head_dim; ++i)
          dot += q[i] * (KvCode(row, padded_dim, i) - param.zero);
        const float score = static_cast<float>(dot) * (q_scale * HalfToFloat(param.scale));
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
        weights[n] = static_cast<float>(p) * HalfToFloat(cache.value_params[slot].scale);
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
    const float factor = largest / 127.0F;
    const float inverse = 127.0F / largest;
    int32_t levels[kAttentionChunk];
    for (int64_t i = 0; i < end - begin; ++i) {
      const float level = std::nearbyint(w[i] * inverse);
      levels[i] = level >= 0.0F ? static_cast<int32_t>(std::min(level, 127.0F)) : 0;
    }
    for (int64_t dim = 0; dim < head_dim; ++dim) {
      int32_t sum = 0;
      for (int64_t slot = begin; slot < end; ++slot) {
        const uint8_t* row = cache.values + slot * padded_dim / 2;
        sum +=
            levels[slot - begin] * (KvCode(row, padded_dim, dim) - cache.value_params[slot].zero);
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
    HeadPass pass{cache, ranges, query.head_dim, padded_dim, scratch, out + head * query.head_dim};
    const float largest = pass.Scores(query.window + head * padded_dim, query.window_scale[head],
                                      query.sink + head * padded_dim, query.sink_scale[head]);
    pass.WeightedSum(pass.Softmax(largest));
  }
}

}  // namespace accllm::kernels
