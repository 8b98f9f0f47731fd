// Attention over the cache: what the lanes and the softmax unit make of keys and values.
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>

#include "accel/functional/machine_state.h"
#include "accel/program/layout.h"
#include "base/fp16.h"
#include "kernels/attention/attention.h"
#include "kernels/exp2/exp2.h"
#include "kernels/hadamard/hadamard.h"
#include "kernels/quantize/quantize.h"
#include "kernels/rope/rope.h"

namespace accllm::accel {
namespace {

// A query head on its way into the lanes.
struct Query {
  std::vector<int8_t> codes;  // [padded_dim]
  float scale = 0;
};

// What a token sees, in ascending position.
struct Visible {
  int64_t position;
  int64_t slot;
};

std::vector<Visible> VisibleTo(const isa::Geometry& g, int64_t position) {
  std::vector<Visible> all;
  const int64_t n_sinks = std::min(int64_t{g.sinks}, position + 1);
  for (int64_t i = 0; i < n_sinks; ++i) all.push_back({i, SlotOf(g, i)});
  const int64_t first = g.window == 0 ? 0 : position + 1 - int64_t{g.window};
  for (int64_t i = std::max(n_sinks, first); i <= position; ++i) all.push_back({i, SlotOf(g, i)});
  return all;
}

// One query head of one token.
class HeadAttention {
 public:
  HeadAttention(const MachineState& m, const isa::Instruction& instruction, int64_t kv_head)
      : g_(m.g),
        layout_(CacheLayout::For(m.g)),
        keys_(m.At(instruction.keys)),
        values_(m.At(instruction.values)),
        head_(kv_head),
        sums_(Index(layout_.padded_dim)) {}

  void Run(std::span<const Visible> visible, const Query& window, const Query& sink,
           std::span<float> out) {
    visible_ = visible;
    weights_.resize(visible.size());
    for (size_t i = 0; i < visible.size(); ++i) {
      weights_[i] = Score(visible[i], visible[i].position < int64_t{g_.sinks} ? sink : window);
    }
    const uint64_t total = Softmax();
    const uint32_t max_bits = LargestBits(0, visible.size());
    const auto largest = std::bit_cast<float>(max_bits);
    std::fill(sums_.begin(), sums_.end(), 0);
    if (max_bits != 0) AddChunks(kernels::kMaxChunkFactor / largest);
    const float scale = kernels::OutputScale(largest, total);
    for (size_t i = 0; i < out.size(); ++i) out[i] = static_cast<float>(sums_[i]) * scale;
  }

 private:
  float Score(const Visible& at, const Query& query) const {
    int32_t dot = 0;
    for (int64_t group = 0; group < layout_.n_groups(); ++group) {
      const uint8_t byte = Group(CacheLayout::kKeys, at.slot, group);
      int32_t sum = 0;
      for (int64_t i = 32 * group; i < 32 * group + 32; ++i) {
        const BeatPlace place = layout_.KeyCode(head_, at.slot, i);
        const int code =
            keys_[place.Offset(layout_.lanes)] >> (CacheLayout::IsHighKey(i) ? 4 : 0) & 0xF;
        sum += query.codes[Index(i)] * (code - kernels::KvZero(byte));
      }
      dot += sum * kernels::KvMultiplier(byte);
    }
    const float factor = query.scale * kernels::ScoreFactor(g_.head_dim);
    return static_cast<float>(dot) * (factor * ScaleOf(CacheLayout::kKeys, at.slot));
  }

  uint8_t Group(CacheLayout::Of of, int64_t slot, int64_t group) const {
    return keys_[layout_.Group(of, head_, slot, group).Offset(layout_.lanes)];
  }

  float ScaleOf(CacheLayout::Of of, int64_t slot) const {
    uint16_t bits = 0;
    std::memcpy(&bits, keys_ + layout_.Scale(of, head_, slot, 0).Offset(layout_.lanes),
                sizeof(bits));
    return HalfToFloat(bits);
  }

  // Scores become p * v_scale; returns the sum of p.
  uint64_t Softmax() {
    float largest = -std::numeric_limits<float>::infinity();
    for (const float score : weights_) largest = score > largest ? score : largest;
    uint64_t total = 0;
    for (size_t i = 0; i < weights_.size(); ++i) {
      const uint32_t p = kernels::Exp2NegQ30(kernels::Exp2ArgumentQ16(largest - weights_[i]));
      total += p;
      weights_[i] = static_cast<float>(p) * ScaleOf(CacheLayout::kValues, visible_[i].slot);
    }
    return total;
  }

  // Of weights [begin, end); they are not negative, so their bits order them, and NaN is largest.
  uint32_t LargestBits(size_t begin, size_t end) const {
    uint32_t bits = 0;
    for (size_t i = begin; i < end; ++i) {
      bits = std::max(bits, std::bit_cast<uint32_t>(weights_[i]) & 0x7FFFFFFFU);
    }
    return bits;
  }

  void AddChunks(float to_factor) {
    for (size_t begin = 0; begin < visible_.size();) {
      const int64_t chunk = visible_[begin].position / isa::kChunkSlots;
      const bool is_sink = visible_[begin].position < int64_t{g_.sinks};
      size_t end = begin + 1;
      while (end < visible_.size() && visible_[end].position / isa::kChunkSlots == chunk &&
             (visible_[end].position < int64_t{g_.sinks}) == is_sink) {
        ++end;
      }
      AddChunk(begin, end, to_factor);
      begin = end;
    }
  }

  static int32_t SlotWeight(float x) {
    const float rounded = std::nearbyint(x);
    return rounded >= 0.0F ? static_cast<int32_t>(std::min(rounded, kernels::kMaxSlotWeight)) : 0;
  }

  // Four dimensions a beat, 32 slots each.
  void AddChunk(size_t begin, size_t end, float to_factor) {
    const uint32_t max_bits = LargestBits(begin, end);
    if (max_bits == 0) return;
    const auto largest = std::bit_cast<float>(max_bits);
    const int64_t factor = kernels::ChunkFactor(largest, to_factor);
    const float inverse = kernels::kMaxSlotWeight / largest;
    const int64_t chunk = visible_[begin].slot / isa::kChunkSlots;
    for (int64_t group = 0; group < layout_.n_groups(); ++group) {
      std::array<int32_t, isa::kChunkSlots> levels = {};
      std::array<int32_t, isa::kChunkSlots> zeros = {};
      for (size_t i = begin; i < end; ++i) {
        const int64_t slot = visible_[i].slot;
        const uint8_t byte = Group(CacheLayout::kValues, slot, group);
        const int32_t n = SlotWeight(weights_[i] * inverse);
        const size_t at = Index(layout_.ValuePosition(head_, slot));
        levels[at] = (n * kernels::KvMultiplier(byte) + (1 << (kernels::kLevelShift - 1))) >>
                     kernels::kLevelShift;
        zeros[at] = kernels::KvZero(byte);
      }
      for (int64_t dim = 32 * group; dim < 32 * group + 32; ++dim) {
        const uint8_t* beat = values_ +
                              layout_.ValueBeat(head_, chunk, dim / 4).Offset(layout_.lanes) +
                              16 * (dim % 4);
        int32_t sum = 0;
        for (size_t slot = 0; slot < levels.size(); ++slot) {
          sum += levels[slot] * ((beat[slot % 16] >> (slot / 16 * 4) & 0xF) - zeros[slot]);
        }
        sums_[Index(dim)] += factor * sum;
      }
    }
  }

  const isa::Geometry& g_;
  CacheLayout layout_;
  const uint8_t* keys_;
  const uint8_t* values_;
  int64_t head_;
  std::span<const Visible> visible_;
  std::vector<float> weights_;  // scores first
  std::vector<int64_t> sums_;   // [padded_dim]
};

Query QueryOf(const isa::Geometry& g, const float* head, const float* cosines) {
  const int64_t dim = g.head_dim;
  const int64_t padded_dim = RoundUp(dim, 64);
  std::vector<float> rotated(Index(dim));
  kernels::Rope(head, cosines, cosines + dim / 2, dim, rotated.data());
  kernels::Hadamard(rotated.data(), dim);
  Query query = {std::vector<int8_t>(Index(padded_dim))};
  kernels::QuantizeQuery(rotated.data(), dim, padded_dim, query.codes.data(), &query.scale);
  return query;
}

}  // namespace

void RunAttend(MachineState& m, const isa::Instruction& instruction, ThreadPool& pool) {
  const int64_t dim = m.g.head_dim;
  for (int64_t token = 0; token < m.pass.n_tokens; ++token) {
    const std::vector<float> queries =
        NormedHeads(m, instruction, m.Of(isa::Vector::kQuery, token));
    const std::vector<float> angles = AnglesOf(m, token);
    const float* at_position = angles.data();
    const float* at_sinks = at_position + dim;
    const std::vector<Visible> visible = VisibleTo(m.g, m.pass.position + token);
    pool.ParallelFor(m.g.heads, [&](int64_t begin, int64_t end, int) {
      for (int64_t head = begin; head < end; ++head) {
        const float* query = &queries[Index(head * dim)];
        HeadAttention attention(m, instruction, head * m.g.kv_heads / m.g.heads);
        attention.Run(visible, QueryOf(m.g, query, at_position), QueryOf(m.g, query, at_sinks),
                      m.Of(isa::Vector::kMixed, token).subspan(Index(head * dim), Index(dim)));
      }
    });
  }
}

}  // namespace accllm::accel
