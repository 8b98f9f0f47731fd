#include "accel/timing/lane_engine.h"

#include <algorithm>

namespace accllm::accel {
LaneEngine::LaneEngine(const isa::Geometry& geometry, int64_t cache_bits)
    : g_(geometry), cache_(CacheLayout::For(geometry, cache_bits)) {}

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
  if (cache_.code_bits == 4) return CostOf(isa::WeightFormat::kDense4, n_queries);
  Cost cost = CostOf(isa::WeightFormat::kDense8, n_queries);
  if (cache_.code_bits == 16) cost.cycles *= 2;
  return cost;
}

void LaneEngine::Round(const isa::Instruction& linear, int64_t round, int64_t n_tokens,
                       const OnBeat& on_beat) const {
  const MatrixLayout layout = {static_cast<isa::WeightFormat>(linear.format), linear.rows,
                               linear.blocks, g_.lanes};
  const bool has_scales = layout.format != isa::WeightFormat::kSparse24;
  const int64_t beats_of_block = layout.tile_beats() / layout.blocks;
  const Cost cost = CostOf(layout.format, n_tokens);
  const auto visit = [&](int64_t beat, Cost of_beat) {
    on_beat({linear.address + beat, g_.lanes, of_beat.cycles, of_beat.slots});
  };
  if (round % isa::kScaleTiles == 0) visit(layout.ScaleBeat(round), kNoProducts);
  for (int64_t b = 0; b < layout.tile_beats(); ++b) {
    const bool is_scales = has_scales && b % beats_of_block == 0;
    visit(layout.TileBeat(round) + b, is_scales ? kNoProducts : cost);
  }
}

void LaneEngine::Visit(int64_t base, int64_t first_byte, int64_t last_byte, Cost cost,
                       const OnBeat& on_beat) const {
  const int64_t stripe = int64_t{g_.lanes} * isa::kBeatBytes;
  for (int64_t s = first_byte / stripe; s <= last_byte / stripe; ++s) {
    on_beat({base + s, g_.lanes, cost.cycles, cost.slots});
  }
}

void LaneEngine::Keys(const isa::Instruction& attend, std::span<const SlotSpan> spans, int64_t head,
                      int64_t n_queries, const OnBeat& on_beat) const {
  for (const SlotSpan& s : spans) {
    for (const auto of : {CacheLayout::kKeys, CacheLayout::kValues}) {
      Visit(attend.keys, cache_.Scale(of, head, s.first),
            cache_.Group(of, head, s.last, cache_.n_groups() - 1), kNoProducts, on_beat);
    }
    Visit(attend.keys, cache_.KeyRow(head, s.first),
          cache_.KeyRow(head, s.last) + cache_.row_bytes() - 1, CostOfCache(n_queries), on_beat);
  }
}

void LaneEngine::Values(const isa::Instruction& attend, std::span<const SlotSpan> spans,
                        int64_t head, int64_t n_queries, const OnBeat& on_beat) const {
  for (const SlotSpan& s : spans) {
    Visit(attend.values, cache_.ValueBeat(head, s.first / isa::kChunkSlots, 0),
          cache_.ValueBeat(head, s.last / isa::kChunkSlots, cache_.value_beats() - 1),
          CostOfCache(n_queries), on_beat);
  }
}

// Keys' rows are written; their groups, values' codes and groups are changed.
StoreBeats LaneEngine::Stored(int64_t n_tokens) const {
  const int64_t per_token = cache_.kv_heads;
  const int64_t chunk_beats = CeilDiv(cache_.chunk_group_bytes(), isa::kBeatBytes);
  const int64_t keys = CeilDiv(per_token * CeilDiv(cache_.row_bytes(), isa::kBeatBytes), g_.lanes);
  // Tokens of a pass share chunks, but for a pass that crosses from one into the next.
  return {keys * n_tokens, 2 * CeilDiv(per_token * chunk_beats, g_.lanes),
          CeilDiv(per_token * cache_.value_beats(), g_.lanes)};
}

}  // namespace accllm::accel
