#include "accel/timing/cycle_model.h"

#include <algorithm>

#include "base/index.h"

namespace accllm::accel {
namespace {

int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Slots in whole chunks, as they lie in memory.
struct SlotSpan {
  int64_t first;
  int64_t last;  // itself included
};

// What a pass sees: sinks, then the ring in one or two parts; parts that touch are one.
std::vector<SlotSpan> SlotsOfPass(const isa::Geometry& g, const PassRegisters& pass) {
  const int64_t last = pass.position + pass.n_tokens - 1;
  const auto begin_of = [](int64_t slot) { return slot / isa::kChunkSlots * isa::kChunkSlots; };
  const auto end_of = [&](int64_t slot) { return begin_of(slot) + isa::kChunkSlots - 1; };
  std::vector<SlotSpan> spans;
  const int64_t n_sinks = std::min(int64_t{g.sinks}, last + 1);
  if (n_sinks > 0) spans.push_back({0, end_of(n_sinks - 1)});
  const int64_t first =
      std::max(n_sinks, g.window == 0 ? 0 : pass.position + 1 - int64_t{g.window});
  if (first <= last) {
    const int64_t begin = begin_of(SlotOf(g, first));
    const int64_t end = end_of(SlotOf(g, last));
    if (begin < end) {
      spans.push_back({begin, end});
    } else {
      spans.push_back({g.sink_slots, end});
      spans.push_back({begin, int64_t{g.sink_slots} + g.ring_slots - 1});
    }
  }
  std::vector<SlotSpan> merged;
  for (const SlotSpan& span : spans) {
    if (!merged.empty() && span.first <= merged.back().last + 1) {
      merged.back().last = std::max(merged.back().last, span.last);
    } else {
      merged.push_back(span);
    }
  }
  return merged;
}

}  // namespace

CycleModel::CycleModel(const isa::Geometry& geometry,
                       std::span<const isa::Instruction> instructions, const MachineTiming& timing)
    : g_(geometry),
      instructions_(instructions.begin(), instructions.end()),
      t_(timing),
      reader_(timing, {geometry.clock_khz}, geometry.lanes) {}

int64_t CycleModel::Run(const PassRegisters& registers) {
  pass_ = registers;
  records_.clear();
  for (size_t index = 0; index < instructions_.size(); ++index) {
    const isa::Instruction& i = instructions_[index];
    InstructionCycles record;
    record.index = index;
    record.opcode = static_cast<isa::Opcode>(i.opcode);
    switch (record.opcode) {
      case isa::Opcode::kEmbed:
        Embed(i, record);
        break;
      case isa::Opcode::kNorm:
        Norm(i, record);
        break;
      case isa::Opcode::kQuantize:
        Quantize(i, record);
        break;
      case isa::Opcode::kLinear:
        Linear(i, record);
        break;
      case isa::Opcode::kStoreKv:
        StoreKv(i, record);
        break;
      case isa::Opcode::kAttend:
        Attend(i, record);
        break;
      case isa::Opcode::kEnd:
        // The next pass starts from what the host makes of this one.
        end_ = std::max({end_, lanes_free_, vector_free_, reader_.Drain()});
        vector_ready_.fill(end_);
        lanes_free_ = vector_free_ = end_;
        record.begin = record.end = end_;
        break;
    }
    end_ = std::max(end_, record.end);
    records_.push_back(record);
  }
  return end_;
}

int64_t CycleModel::VectorCycles(int64_t n) const { return CeilDiv(n, t_.vector_lanes); }

// A lane has two digits for each pair of tokens: dense weights and the cache take both for one.
CycleModel::BeatCost CycleModel::CostOf(isa::WeightFormat format, int64_t n_tokens) const {
  const int64_t slots = g_.slots;
  if (format == isa::WeightFormat::kSparse24) return {1, n_tokens};
  const int64_t cycles = CeilDiv(2 * n_tokens, slots);
  // Half of the digits of a beat of these at once.
  const bool is_slow = format == isa::WeightFormat::kDense2 || format == isa::WeightFormat::kDense8;
  return {is_slow ? 2 * cycles : cycles, std::min(slots, 2 * n_tokens)};
}

void CycleModel::TakeBeat(int64_t stripe, BeatCost cost, int64_t ready, InstructionCycles& record) {
  const int64_t earliest = std::max(lanes_free_, ready);
  const int64_t at = reader_.Take(stripe, earliest);
  record.asked_last = reader_.last_issue();
  if (record.beats++ == 0) {
    record.begin = at;
    record.asked_first = record.asked_last;
  }
  record.waited_inputs += earliest - lanes_free_;
  record.waited_memory += at - earliest;
  record.busy += cost.cycles;
  record.slot_cycles += cost.cycles * cost.slots;
  lanes_free_ = at + cost.cycles;
}

void CycleModel::Embed(const isa::Instruction& i, InstructionCycles& record) {
  const MatrixLayout layout = {static_cast<isa::WeightFormat>(i.format), i.rows, i.blocks,
                               g_.lanes};
  const format::TensorType type = BlockTypeOf(layout.format);
  const int64_t beats_of_row = BlockRowBytes(type) / isa::kBeatBytes;
  const int64_t beats_of_block = layout.tile_beats() / layout.blocks;
  record.begin = end_;
  int64_t issue = end_;
  int64_t there = end_;
  for (int64_t token = 0; token < pass_.n_tokens; ++token) {
    const int64_t tile = pass_.tokens[Index(token)] / format::kTileRows;
    const int64_t lane = tile % layout.lanes;
    const int64_t round = tile / layout.lanes;
    const auto gather = [&](int64_t beat) {
      there = std::max(there, reader_.Gather(lane, i.address + beat, issue++));
    };
    gather(layout.ScaleBeat(round));
    for (int64_t block = 0; block < layout.blocks; ++block) {
      const int64_t first = layout.TileBeat(round) + block * beats_of_block;
      const int64_t in_tile = pass_.tokens[Index(token)] % format::kTileRows;
      const BlockPlace place = PlaceOfBlock(type, 1, in_tile, 0);
      gather(first + place.multipliers_offset / isa::kBeatBytes);
      for (int64_t b = IsCoded(type) ? 1 : 0; b < beats_of_row; ++b) {
        gather(first + place.row_offset / isa::kBeatBytes + b);
      }
    }
  }
  // Sums of squares for the first norm: each of the partial sums takes an addition at a time.
  const int64_t sums = CeilDiv(pass_.n_tokens * g_.hidden * t_.float_add, t_.sum_lanes);
  record.end = there + t_.vector_pipeline + sums;
  record.vector_cycles = VectorCycles(pass_.n_tokens * g_.hidden);
  vector_ready_[static_cast<size_t>(isa::Vector::kStream)] = record.end;
  vector_free_ = record.end;
}

// Mean, root and division of each token follow each other in the pipelines; then two passes over
// the vector: scale and find the largest, quantise.
void CycleModel::Norm(const isa::Instruction& i, InstructionCycles& record) {
  record.begin = std::max(vector_ready_[i.source], vector_free_);
  const int64_t tree = 4 * t_.float_add;
  const int64_t scalar = tree + t_.float_divide + t_.float_add + t_.float_root + t_.float_divide;
  const int64_t pass = VectorCycles(VectorSize(g_, i.source)) * pass_.n_tokens + t_.vector_pipeline;
  record.end = record.begin + scalar + pass + t_.float_divide + pass;
  record.vector_cycles = 2 * pass;
  vector_free_ = record.end;
  activation_ready_[i.destination] = record.end;
}

// The largest value was found as results came.
void CycleModel::Quantize(const isa::Instruction& i, InstructionCycles& record) {
  record.begin = std::max(vector_ready_[i.source], vector_free_);
  record.end = record.begin + t_.float_divide + t_.vector_pipeline +
               VectorCycles(VectorSize(g_, i.source)) * pass_.n_tokens;
  record.vector_cycles = VectorCycles(VectorSize(g_, i.source)) * pass_.n_tokens;
  vector_free_ = record.end;
  activation_ready_[i.destination] = record.end;
}

void CycleModel::Linear(const isa::Instruction& i, InstructionCycles& record) {
  const bool is_output = static_cast<isa::Epilogue>(i.epilogue) == isa::Epilogue::kOutput;
  const int64_t n_tokens = is_output ? pass_.n_outputs : pass_.n_tokens;
  const MatrixLayout layout = {static_cast<isa::WeightFormat>(i.format), i.rows, i.blocks,
                               g_.lanes};
  record.begin = record.end = std::max(lanes_free_, activation_ready_[i.source]);
  if (n_tokens == 0) return;
  const bool has_scales = layout.format != isa::WeightFormat::kSparse24;
  const int64_t beats_of_block = layout.tile_beats() / layout.blocks;
  const BeatCost per_beat = CostOf(layout.format, n_tokens);
  constexpr BeatCost kScales = {1, 0};
  const int64_t drain = VectorCycles(format::kTileRows * g_.lanes * n_tokens);
  // Results of a round leave while the next is summed, not of the one after that.
  std::array<int64_t, 2> left = {0, 0};
  for (int64_t round = 0; round < layout.n_rounds(); ++round) {
    int64_t& room = left[Index(round % 2)];
    const int64_t waits = std::max<int64_t>(0, room - lanes_free_);
    record.waited_results += waits;
    lanes_free_ += waits;
    if (round % isa::kScaleTiles == 0) {
      TakeBeat(i.address + layout.ScaleBeat(round), kScales, activation_ready_[i.source], record);
    }
    for (int64_t b = 0; b < layout.tile_beats(); ++b) {
      const bool is_scales = has_scales && b % beats_of_block == 0;
      TakeBeat(i.address + layout.TileBeat(round) + b, is_scales ? kScales : per_beat,
               activation_ready_[i.source], record);
    }
    const int64_t other = left[Index((round + 1) % 2)];
    room = std::max(lanes_free_ + t_.lane_pipeline, other) + drain;
    record.end = room;
    record.vector_cycles += drain;
  }
  if (is_output) {
    reader_.Write(g_.output_address, n_tokens * OutputStripes(g_), record.end);
  } else {
    vector_ready_[i.destination] = record.end + t_.vector_pipeline;
  }
}

void CycleModel::StoreKv(const isa::Instruction& i, InstructionCycles& record) {
  const auto ready = [&](isa::Vector v) { return vector_ready_[static_cast<size_t>(v)]; };
  record.begin = std::max({ready(isa::Vector::kKey), ready(isa::Vector::kValue), vector_free_});
  const CacheLayout layout = CacheLayout::For(g_);
  // Rotate, transform, range, codes: four passes over keys and over values.
  const int64_t work = pass_.n_tokens * g_.kv_heads * 2 * 4 * VectorCycles(g_.head_dim);
  record.end = record.begin + t_.kv4_pipeline + work;
  record.vector_cycles = work;
  vector_free_ = record.end;
  // Beats of each lane: keys' rows are written; their groups, values' nibbles and groups are
  // changed.
  const int64_t chunk_beats = CeilDiv(layout.chunk_group_bytes(), isa::kBeatBytes);
  const int64_t per_token = layout.kv_heads;
  const int64_t keys = CeilDiv(per_token * CeilDiv(layout.row_bytes(), 64), g_.lanes);
  const int64_t groups = CeilDiv(per_token * chunk_beats, g_.lanes);
  const int64_t values = CeilDiv(per_token * layout.padded_dim / 4, g_.lanes);
  // Tokens of a pass share chunks, but for a pass that crosses from one into the next.
  reader_.Write(i.keys, keys * pass_.n_tokens, record.end);
  reader_.Update(i.keys, 2 * groups, record.end);
  reader_.Update(i.values, values, record.end);
}

void CycleModel::TakeCache(int64_t base, int64_t first_byte, int64_t last_byte, BeatCost cost,
                           int64_t ready, InstructionCycles& record) {
  const int64_t stripe = int64_t{g_.lanes} * isa::kBeatBytes;
  for (int64_t s = first_byte / stripe; s <= last_byte / stripe; ++s) {
    TakeBeat(base + s, cost, ready, record);
  }
}

void CycleModel::Attend(const isa::Instruction& i, InstructionCycles& record) {
  const CacheLayout layout = CacheLayout::For(g_);
  const std::vector<SlotSpan> spans = SlotsOfPass(g_, pass_);
  reader_.Drain();  // what this pass stored comes before what is read now
  const int64_t queries = int64_t{g_.heads} / g_.kv_heads * pass_.n_tokens;
  const BeatCost per_beat = CostOf(isa::WeightFormat::kDense4, queries);
  const int64_t ready =
      std::max(vector_ready_[static_cast<size_t>(isa::Vector::kQuery)], vector_free_) +
      t_.query_pipeline;
  int64_t n_slots = 0;
  for (const SlotSpan& span : spans) n_slots += span.last - span.first + 1;
  record.begin = ready;
  // Weighing passes over the scores twice: exponentials and the largest weight, then integers.
  const int64_t weigh_cycles = 2 * VectorCycles(n_slots * queries);
  const int64_t weigh_latency = t_.softmax_pipeline + 2 * t_.float_divide;
  std::vector<int64_t> weighed(Index(layout.kv_heads));
  int64_t weigher_free = 0;
  const auto take_keys = [&](int64_t head) {
    for (const SlotSpan& s : spans) {
      for (const auto of : {CacheLayout::kKeys, CacheLayout::kValues}) {
        TakeCache(i.keys, layout.Scale(of, head, s.first),
                  layout.Group(of, head, s.last, layout.n_groups() - 1), {1, 0}, ready, record);
      }
      TakeCache(i.keys, layout.KeyRow(head, s.first),
                layout.KeyRow(head, s.last) + layout.row_bytes() - 1, per_beat, ready, record);
    }
    weigher_free = std::max(lanes_free_ + t_.lane_pipeline, weigher_free) + weigh_cycles;
    weighed[Index(head)] = weigher_free + weigh_latency;
    record.vector_cycles += weigh_cycles;
  };
  const auto take_values = [&](int64_t head) {
    for (const SlotSpan& s : spans) {
      TakeCache(i.values, layout.ValueBeat(head, s.first / isa::kChunkSlots, 0),
                layout.ValueBeat(head, s.last / isa::kChunkSlots, layout.padded_dim / 4 - 1),
                per_beat, weighed[Index(head)], record);
    }
  };
  // Keys of the next heads while scores are weighed.
  constexpr int64_t kAhead = 2;
  for (int64_t head = 0; head < layout.kv_heads + kAhead; ++head) {
    if (head < layout.kv_heads) take_keys(head);
    if (head >= kAhead) take_values(head - kAhead);
  }
  record.end =
      lanes_free_ + t_.lane_pipeline + t_.vector_pipeline + VectorCycles(queries * g_.head_dim);
  vector_free_ = record.end;
  vector_ready_[static_cast<size_t>(isa::Vector::kMixed)] = record.end;
}

}  // namespace accllm::accel
