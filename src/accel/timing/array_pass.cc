#include "accel/timing/array_pass.h"

#include <algorithm>

#include "base/index.h"

namespace accllm::accel {
namespace {

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

ArrayPass::ArrayPass(const isa::Geometry& geometry, std::span<const isa::Instruction> instructions,
                     const MachineTiming& timing)
    : PassTiming(geometry, instructions),
      t_(timing),
      engine_(geometry, *timing.dsp_array),
      reader_(timing, {geometry.clock_khz}, engine_.channels()) {}

void ArrayPass::Before(const isa::Instruction& /*i*/) {
  if (!records_.empty()) end_ = std::max(end_, records_.back().end);
  if (t_.barrier_cycles) HoldUntil(end_ + *t_.barrier_cycles);
}

// The next pass starts from what the host makes of this one.
void ArrayPass::End(InstructionCycles& record) {
  record.begin = record.end = std::max({end_, lanes_free_, vector_free_, reader_.Drain()});
  vector_ready_.fill(record.end);
  lanes_free_ = vector_free_ = record.end;
}

int64_t ArrayPass::VectorCycles(int64_t n) const { return CeilDiv(n, g_.vector_lanes); }

void ArrayPass::HoldUntil(int64_t cycle) {
  lanes_free_ = std::max(lanes_free_, cycle);
  vector_free_ = std::max(vector_free_, cycle);
  reader_.HoldUntil(cycle);
}

void ArrayPass::TakeBeat(const EngineBeat& beat, int64_t ready, InstructionCycles& record) {
  const int64_t earliest = std::max(lanes_free_, ready);
  const int64_t at = reader_.Take(beat.stripe, beat.channels, earliest);
  record.asked_last = reader_.last_issue();
  if (record.beats++ == 0) {
    record.begin = at;
    record.asked_first = record.asked_last;
  }
  record.waited_inputs += earliest - lanes_free_;
  record.waited_memory += at - earliest;
  record.busy += beat.cycles;
  record.slot_cycles += beat.cycles * beat.slots;
  lanes_free_ = at + beat.cycles;
}

void ArrayPass::Load(InstructionCycles& record) {
  const int64_t begin = std::max(end_, vector_free_);
  for (int64_t token = 0; token < pass_.n_tokens; ++token) {
    TakeStripes(g_.rope_address + token * RopeStripes(g_), RopeStripes(g_), begin, record);
    TakeStripes(g_.input_address + token * InputStripes(g_), InputStripes(g_), begin, record);
  }
  // Sums of squares for the first norm: each of the partial sums takes an addition at a time.
  const int64_t sums = CeilDiv(pass_.n_tokens * g_.hidden * t_.float_add, t_.sum_lanes);
  record.end = lanes_free_ + t_.vector_pipeline + sums;
  record.vector_cycles = VectorCycles(pass_.n_tokens * g_.hidden);
  vector_ready_[static_cast<size_t>(isa::Vector::kStream)] = record.end;
  vector_free_ = record.end;
}

// Mean, root and division of each token follow each other in the pipelines; then two passes over
// the vector: scale and find the largest, quantise.
void ArrayPass::Norm(const isa::Instruction& i, InstructionCycles& record) {
  const int64_t begin = std::max(vector_ready_[i.source], vector_free_);
  const int64_t tree = 4 * t_.float_add;
  const int64_t scalar = tree + t_.float_divide + t_.float_add + t_.float_root + t_.float_divide;
  const int64_t size = VectorSize(g_, i.source);
  const int64_t pass = VectorCycles(size) * pass_.n_tokens + t_.vector_pipeline;
  // The weights are in the streams, ahead of the next matrix.
  TakeStripes(i.address, VectorStripes(size, g_.lanes), begin + scalar, record);
  record.begin = begin;
  record.end = begin + scalar + pass + t_.float_divide + pass;
  record.vector_cycles = 2 * pass;
  vector_free_ = record.end;
  activation_ready_[i.destination] = record.end;
}

// The largest value was found as results came.
void ArrayPass::Quantize(const isa::Instruction& i, InstructionCycles& record) {
  record.begin = std::max(vector_ready_[i.source], vector_free_);
  record.end = record.begin + t_.float_divide + t_.vector_pipeline +
               VectorCycles(VectorSize(g_, i.source)) * pass_.n_tokens;
  record.vector_cycles = VectorCycles(VectorSize(g_, i.source)) * pass_.n_tokens;
  vector_free_ = record.end;
  activation_ready_[i.destination] = record.end;
}

void ArrayPass::Linear(const isa::Instruction& i, InstructionCycles& record) {
  const bool is_output = static_cast<isa::Epilogue>(i.epilogue) == isa::Epilogue::kOutput;
  const int64_t n_tokens = is_output ? pass_.n_outputs : pass_.n_tokens;
  const int64_t ready = activation_ready_[i.source];
  record.begin = record.end = std::max(lanes_free_, ready);
  if (n_tokens == 0) return;
  const int64_t rows = engine_.RowsOfRound();
  const int64_t drain = VectorCycles(rows * n_tokens);
  // Results of a round leave while the next is summed, not of the one after that.
  std::array<int64_t, 2> left = {0, 0};
  for (int64_t round = 0; round * rows < int64_t{i.rows}; ++round) {
    int64_t& room = left[Index(round % 2)];
    const int64_t waits = std::max<int64_t>(0, room - lanes_free_);
    record.waited_results += waits;
    lanes_free_ += waits;
    engine_.Round(i, round, n_tokens,
                  [&](const EngineBeat& beat) { TakeBeat(beat, ready, record); });
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

void ArrayPass::StoreKv(const isa::Instruction& i, InstructionCycles& record) {
  record.begin = std::max(vector_ready_[i.source], vector_free_);
  // Rotate, transform, range, codes: four passes.
  const int64_t work = pass_.n_tokens * g_.kv_heads * 4 * VectorCycles(g_.head_dim);
  record.end = record.begin + t_.kv4_pipeline + work;
  record.vector_cycles = work;
  vector_free_ = record.end;
  const bool is_key = static_cast<isa::Vector>(i.source) == isa::Vector::kKey;
  reader_.Write(is_key ? i.keys : i.values, engine_.Stored(pass_.n_tokens), record.end);
}

void ArrayPass::TakeStripes(int64_t first, int64_t n, int64_t ready, InstructionCycles& record) {
  for (int64_t stripe = first; stripe < first + n; ++stripe) {
    TakeBeat({stripe, engine_.channels(), 1, 0}, ready, record);
  }
}

void ArrayPass::Attend(const isa::Instruction& i, InstructionCycles& record) {
  const std::vector<SlotSpan> spans = SlotsOfPass(g_, pass_);
  reader_.Drain();  // what this pass stored comes before what is read now
  const int64_t queries = int64_t{g_.heads} / g_.kv_heads * pass_.n_tokens;
  const int64_t ready =
      std::max(vector_ready_[static_cast<size_t>(isa::Vector::kQuery)], vector_free_) +
      t_.query_pipeline;
  int64_t n_slots = 0;
  for (const SlotSpan& span : spans) n_slots += span.slots();
  record.begin = ready;
  const int64_t together = engine_.HeadsTogether();
  // Weighing passes over the scores twice: exponentials and the largest weight, then integers.
  const int64_t weigh_cycles = 2 * VectorCycles(n_slots * queries * together);
  const int64_t weigh_latency = t_.softmax_pipeline + 2 * t_.float_divide;
  const int64_t n_steps = CeilDiv(g_.kv_heads, together);
  std::vector<int64_t> weighed(Index(n_steps));
  int64_t weigher_free = 0;
  const auto take_keys = [&](int64_t step) {
    engine_.Keys(i, spans, step * together, queries,
                 [&](const EngineBeat& beat) { TakeBeat(beat, ready, record); });
    weigher_free = std::max(lanes_free_ + t_.lane_pipeline, weigher_free) + weigh_cycles;
    weighed[Index(step)] = weigher_free + weigh_latency;
    record.vector_cycles += weigh_cycles;
  };
  const auto take_values = [&](int64_t step) {
    engine_.Values(i, spans, step * together, queries,
                   [&](const EngineBeat& beat) { TakeBeat(beat, weighed[Index(step)], record); });
  };
  // Keys of the next heads while scores are weighed.
  for (int64_t step = 0; step < n_steps + t_.heads_ahead; ++step) {
    if (step < n_steps) take_keys(step);
    if (step >= t_.heads_ahead) take_values(step - t_.heads_ahead);
  }
  record.end =
      lanes_free_ + t_.lane_pipeline + t_.vector_pipeline + VectorCycles(queries * g_.head_dim);
  vector_free_ = record.end;
  vector_ready_[static_cast<size_t>(isa::Vector::kMixed)] = record.end;
}

}  // namespace accllm::accel
