#include "accel/timing/lane_engine.h"

#include <algorithm>

namespace accllm::accel {

LaneEngine::LaneEngine(const isa::Geometry& geometry, int64_t cache_bits)
    : g_(geometry), cache_(CacheLayout::For(geometry)), cache_bits_(cache_bits) {}

// A lane has two digits for each pair of tokens: dense weights and the cache take both for one.
LaneEngine::Cost LaneEngine::CostOf(isa::WeightFormat format, int64_t n_tokens) const {
  const int64_t slots = g_.slots;
  if (format == isa::WeightFormat::kSparse24) return {1, n_tokens};
  const int64_t cycles = CeilDiv(2 * n_tokens, slots);
  // Half of the digits of a beat of these at once.
  const bool is_slow = format == isa::WeightFormat::kDense2 || format == isa::WeightFormat::kDense8;
  return {is_slow ? 2 * cycles : cycles, std::min(slots, 2 * n_tokens)};
}

// Codes of 8 bits are taken as W8; 32 of 16 bits, eight digits each, fill a quarter of a lane's
// positions.
LaneEngine::Cost LaneEngine::CostOfCache(int64_t n_queries) const {
  if (cache_bits_ == 4) return CostOf(isa::WeightFormat::kDense4, n_queries);
  Cost cost = CostOf(isa::WeightFormat::kDense8, n_queries);
  if (cache_bits_ == 16) cost.cycles *= 2;
  return cost;
}

void LaneEngine::Round(const isa::Instruction& linear, int64_t round, int64_t n_tokens,
                       const OnBeat& on_beat) const {
  const MatrixLayout layout = {static_cast<isa::WeightFormat>(linear.format), linear.rows,
                               linear.blocks, g_.lanes, linear.has_bias == 1};
  const bool has_multipliers = layout.format != isa::WeightFormat::kSparse24;
  const int64_t beats_of_block = layout.tile_beats() / layout.blocks;
  const Cost cost = CostOf(layout.format, n_tokens);
  const auto visit = [&](int64_t beat, Cost of_beat) {
    on_beat({linear.address + beat, g_.lanes, of_beat.cycles, of_beat.slots});
  };
  for (int64_t b = 0; round % isa::kScaleTiles == 0 && b < layout.head_beats(); ++b) {
    visit(layout.ScaleBeat(round) + b, kNoProducts);
  }
  for (int64_t b = 0; b < layout.tile_beats(); ++b) {
    const bool is_multipliers = has_multipliers && b % beats_of_block == 0;
    visit(layout.TileBeat(round) + b, is_multipliers ? kNoProducts : cost);
  }
}

// The stripes of codes of 8 or 16 bits are two or four times as many.
void LaneEngine::VisitCodes(int64_t base, int64_t stripe, Cost cost, const OnBeat& on_beat) const {
  const int64_t n = cache_bits_ / 4;
  for (int64_t i = 0; i < n; ++i) {
    on_beat({base + n * stripe + i, g_.lanes, cost.cycles, cost.slots});
  }
}

void LaneEngine::Keys(const isa::Instruction& attend, std::span<const SlotSpan> spans, int64_t head,
                      int64_t n_queries, const OnBeat& on_beat) const {
  const Cost cost = CostOfCache(n_queries);
  for (const SlotSpan& s : spans) {
    const int64_t first = cache_.KeyRow(s.first, 0);
    for (int64_t row = first; row <= cache_.KeyRow(s.last, cache_.padded_dim - 1); ++row) {
      if (row == first || row % CacheLayout::kRecords == 0) {
        on_beat({attend.keys + cache_.RecordStripe(head, row), g_.lanes, kNoProducts.cycles,
                 kNoProducts.slots});
      }
      VisitCodes(attend.keys, cache_.KeyStripe(head, row), cost, on_beat);
    }
  }
}

void LaneEngine::Values(const isa::Instruction& attend, std::span<const SlotSpan> spans,
                        int64_t head, int64_t n_queries, const OnBeat& on_beat) const {
  const Cost cost = CostOfCache(n_queries);
  for (int64_t set = 0; set < cache_.value_sets(); ++set) {
    const int64_t quad = set * g_.lanes;
    const int64_t last_quad = std::min(quad + g_.lanes, cache_.quads()) - 1;
    for (const SlotSpan& s : spans) {
      int64_t stripe = cache_.ValueBeat(head, s.first / isa::kChunkSlots, quad).stripe;
      const int64_t last = cache_.ValueBeat(head, s.last / isa::kChunkSlots, last_quad).stripe;
      for (; stripe <= last; ++stripe) VisitCodes(attend.values, stripe, cost, on_beat);
    }
  }
}

// Keys and their records are written, one token's heads in different lanes; of values a part of
// each of a chunk's beats is changed.
StoreBeats LaneEngine::Stored(int64_t n_tokens) const {
  const int64_t n = cache_bits_ / 4;
  const int64_t key_beats =
      cache_.kv_heads * CeilDiv(cache_.padded_dim, CacheLayout::kBeatDims) * n_tokens;
  // Tokens of a pass share chunks, but for a pass that crosses from one into the next.
  return {CeilDiv((n + 1) * key_beats, g_.lanes),
          CeilDiv(n * cache_.kv_heads * cache_.quads(), g_.lanes)};
}

}  // namespace accllm::accel
