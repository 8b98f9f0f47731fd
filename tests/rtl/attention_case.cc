#include "tests/rtl/attention_case.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <random>

#include "base/fp16.h"
#include "kernels/attention/attention.h"
#include "kernels/exp2/exp2.h"
#include "kernels/kv4/kv4.h"

namespace accllm::rtl {
namespace {

constexpr int kChunk = 32;
constexpr int kMaxProduct = 127 * 225 * 128;

class HeadMaker {
 public:
  HeadMaker(const AttentionShape& shape, uint32_t seed) : s_(shape), random_(seed) {}

  AttentionHead Make() {
    head_.split = s_.split;
    head_.sink_slots = kChunk * Below(3);
    head_.ring_slots = kChunk * (1 + Below(8));
    for (int i = 0; i < s_.head_queries; ++i) head_.queries.push_back(Query());
    const int turn = Below(s_.lanes);
    const int period = std::min(s_.lanes, kChunk / head_.per_beat());
    for (int lane = 0; lane < s_.lanes; ++lane) {
      const int turned = lane / period * period + (lane + turn) % period;
      head_.offsets.push_back(turned * head_.per_beat());
    }
    AddRows();
    return std::move(head_);
  }

 private:
  int Below(int n) { return static_cast<int>(random_() % static_cast<uint32_t>(n)); }
  bool IsSpecial() { return s_.specials && Below(8) == 0; }

  AttentionQueryOf Query() {
    AttentionQueryOf query;
    query.sinks = Below(head_.sink_slots + 1);
    query.first_slot = head_.sink_slots + Below(head_.ring_slots);
    query.count = Below(4) == 0 ? Below(4) : Below(head_.ring_slots + 1);
    query.sink_factor = Factor();
    query.window_factor = Factor();
    return query;
  }

  // Scores of up to about 40 apart, or much closer to each other.
  uint32_t Factor() {
    if (IsSpecial()) {
      constexpr uint32_t kBits[] = {0, 1, 0x00400000, 0x7F800000, 0x7FC00000, 0x7F7FFFFF};
      return kBits[Below(6)];
    }
    return std::bit_cast<uint32_t>(
        std::ldexp(1.0F + 0.001F * static_cast<float>(Below(1000)), -18 - Below(12)));
  }

  // KV4 gives NaN, and no infinity.
  uint16_t Scale() {
    if (IsSpecial()) {
      constexpr uint16_t kBits[] = {0, 1, 0x03FF, 0x0400, 0x7BFF, 0x7E00};
      return kBits[Below(6)];
    }
    return static_cast<uint16_t>(0x3000 + Below(0x0C00));
  }

  void AddRows() {
    const int per_row = s_.lanes * head_.per_beat();
    const int step = std::max(per_row, kChunk);  // slots of whole chunks and rows
    const int all = (head_.sink_slots + head_.ring_slots + step - 1) / step;
    std::vector<int> steps(all);
    for (int i = 0; i < all; ++i) steps[i] = i;
    std::shuffle(steps.begin(), steps.end(), random_);
    steps.resize(1 + Below(std::min(all, s_.most_chunks)));
    std::sort(steps.begin(), steps.end());
    for (const int at : steps) {
      for (int slot = at * step; slot < (at + 1) * step; slot += per_row) AddRow(slot);
      head_.n_chunks += step / kChunk;
    }
  }

  void AddRow(int slot) {
    const auto row = static_cast<int>(head_.row_slots.size());
    head_.row_slots.push_back(slot);
    for (int lane = 0; lane < s_.lanes; ++lane) {
      for (int half = 0; half < head_.per_beat(); ++half) {
        AttentionToken token;
        token.slot = slot + head_.offsets[lane] + half;
        token.chunk = ((row * s_.lanes + lane) * head_.per_beat() + half) / kChunk;
        token.key_scale = Scale();
        token.value_scale = Scale();
        for (int g = 0; g < kAttentionGroups; ++g) {
          token.key_groups[g] = static_cast<uint8_t>(random_());
          token.value_groups[g] = static_cast<uint8_t>(random_());
        }
        for (int i = 0; i < s_.head_queries; ++i) token.products.push_back(Product());
        head_.tokens.push_back(std::move(token));
      }
    }
  }

  int Product() {
    if (Below(16) == 0) return Below(2) == 0 ? -kMaxProduct : kMaxProduct;
    if (Below(16) == 0) return Below(3) - 1;
    return Below(2 * kMaxProduct + 1) - kMaxProduct;
  }

  AttentionShape s_;
  std::mt19937 random_;
  AttentionHead head_;
};

// One query of a head.
class QueryReference {
 public:
  QueryReference(const AttentionHead& head, size_t query) : head_(head), query_(query) {}

  AttentionResult Run() {
    const AttentionQueryOf& query = head_.queries[query_];
    float largest = -std::numeric_limits<float>::infinity();
    std::vector<float> weights(head_.tokens.size());
    for (size_t i = 0; i < weights.size(); ++i) {
      const AttentionToken& token = head_.tokens[i];
      const uint32_t factor =
          token.slot < head_.sink_slots ? query.sink_factor : query.window_factor;
      weights[i] = static_cast<float>(token.products[query_]) *
                   (std::bit_cast<float>(factor) * HalfToFloat(token.key_scale));
      if (Sees(token) && weights[i] > largest) largest = weights[i];
    }
    Softmax(largest, weights);
    Levels(weights);
    return std::move(result_);
  }

 private:
  bool Sees(const AttentionToken& token) const {
    const AttentionQueryOf& query = head_.queries[query_];
    if (token.slot < head_.sink_slots) return token.slot < query.sinks;
    if (token.slot >= head_.sink_slots + head_.ring_slots) return false;
    const int ahead = (token.slot - query.first_slot + head_.ring_slots) % head_.ring_slots;
    return ahead < query.count;
  }

  static uint32_t Magnitude(float x) { return std::bit_cast<uint32_t>(x) & 0x7FFFFFFFU; }

  // Scores become weights, 0 where a token is not seen.
  void Softmax(float largest, std::vector<float>& weights) {
    uint64_t total = 0;
    uint32_t most = 0;
    chunk_most_.assign(head_.n_chunks, 0);
    for (size_t i = 0; i < weights.size(); ++i) {
      const AttentionToken& token = head_.tokens[i];
      const uint32_t p = kernels::Exp2NegQ30(kernels::Exp2ArgumentQ16(largest - weights[i]));
      weights[i] = static_cast<float>(p) * HalfToFloat(token.value_scale);
      if (!Sees(token)) {
        weights[i] = 0;
        continue;
      }
      total += p;
      most = std::max(most, Magnitude(weights[i]));
      uint32_t& of_chunk = chunk_most_[token.chunk];
      of_chunk = std::max(of_chunk, Magnitude(weights[i]));
    }
    const auto largest_weight = std::bit_cast<float>(most);
    to_factor_ = kernels::kMaxChunkFactor / largest_weight;
    result_.out_scale =
        std::bit_cast<uint32_t>(kernels::OutputScale(largest_weight, static_cast<float>(total)));
  }

  void Levels(const std::vector<float>& weights) {
    for (const uint32_t bits : chunk_most_) {
      result_.factors.push_back(kernels::ChunkFactor(std::bit_cast<float>(bits), to_factor_));
    }
    for (size_t i = 0; i < weights.size(); ++i) {
      const AttentionToken& token = head_.tokens[i];
      const float inverse =
          kernels::kMaxSlotWeight / std::bit_cast<float>(chunk_most_[token.chunk]);
      const float rounded = std::nearbyint(weights[i] * inverse);
      const int n =
          rounded >= 0.0F ? static_cast<int>(std::min(rounded, kernels::kMaxSlotWeight)) : 0;
      std::array<int, kAttentionGroups> levels = {};
      for (int g = 0; g < (head_.split ? 2 : kAttentionGroups); ++g) {
        const uint8_t group = token.value_groups[g];
        levels[g] = (n * kernels::KvMultiplier(group) + (1 << (kernels::kLevelShift - 1))) >>
                    kernels::kLevelShift;
        result_.zero_sums[g] +=
            int64_t{result_.factors[token.chunk]} * levels[g] * (8 - kernels::KvZero(group));
      }
      result_.levels.push_back(levels);
    }
  }

  const AttentionHead& head_;
  size_t query_;
  std::vector<uint32_t> chunk_most_;  // bits
  float to_factor_ = 0;
  AttentionResult result_;
};

}  // namespace

AttentionHead MakeAttentionHead(const AttentionShape& shape, uint32_t seed) {
  return HeadMaker(shape, seed).Make();
}

std::vector<AttentionResult> ReferenceAttention(const AttentionHead& head) {
  std::vector<AttentionResult> results;
  for (size_t i = 0; i < head.queries.size(); ++i) {
    results.push_back(QueryReference(head, i).Run());
  }
  return results;
}

}  // namespace accllm::rtl
