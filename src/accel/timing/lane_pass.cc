#include "accel/timing/lane_pass.h"

#include <algorithm>
#include <bit>

#include "base/index.h"

namespace accllm::accel {
namespace {

// stream_walker: a step is read, looked at and passed on; then a command is made and offered.
constexpr int64_t kStepCycles = 3;
constexpr int64_t kCommandCycles = 2;
// vector_walker: from a job to its first operation.
constexpr int64_t kSetupCycles = 2;
// vector_walker: rounds before the last block's that codes are ahead of operands.
constexpr int64_t kRoundsAhead = 4;
// What a queue, or a state, takes.
constexpr int64_t kNextCycle = 1;

// Beats of a set of values stay in the buffer while folds of queries take them again: a machine for
// longer caches than its buffer holds, which the RTL refuses, is taken to have a larger one.
MachineTiming WithRoomForSets(MachineTiming timing, const isa::Geometry& geometry) {
  constexpr int64_t kSpare = 16;  // as cache_shape
  const int64_t most_queries = int64_t{geometry.heads} / geometry.kv_heads * geometry.slots;
  const bool has_folds = most_queries > std::max<int64_t>(1, int64_t{geometry.slots} / 2);
  const int64_t beats = timing.cache_bits / 4 * CacheLayout::For(geometry).set_stripes() + kSpare;
  if (has_folds && beats > timing.stream_beats) {
    timing.stream_beats = static_cast<int64_t>(std::bit_ceil(static_cast<uint64_t>(beats)));
  }
  return timing;
}

bool IsOutput(const isa::Instruction& i) {
  return static_cast<isa::Epilogue>(i.epilogue) == isa::Epilogue::kOutput;
}

}  // namespace

LanePass::LanePass(const isa::Geometry& geometry, std::span<const isa::Instruction> instructions,
                   const MachineTiming& timing)
    : PassTiming(geometry, instructions),
      t_(WithRoomForSets(timing, geometry)),
      cache_(CacheLayout::For(geometry)),
      stream_(t_, {geometry.clock_khz}, geometry.lanes),
      levels_(std::bit_width(geometry.lanes) - 1),
      side_(isa::kScaleTiles, kTilesOfBeat),
      squares_(geometry.slots, SquareSum(geometry.lanes)),
      sums_there_(geometry.slots) {}

void LanePass::BeginPass() {
  begin_ = end_;
  n_stores_ = 0;
  lanes_ = vector_ = FirstStep();
  AskAll();
}

void LanePass::Before(const isa::Instruction& i) {
  if (!GoesBesideStores(i)) EndStores();
}

// Checks, and the program comes; then the first step is there.
int64_t LanePass::FirstStep() {
  // The state machine starts; cache_shape: the position is divided a bit a cycle, sizes and
  // products, four cycles a token.
  const int64_t checks = 3 + 64 + 2 * 4 + 4 * int64_t{g_.slots};
  const int64_t fetched = stream_.Fetch(g_.stripes, std::ssize(instructions_), end_ + checks);
  return fetched + 2 + kStepCycles + kNextCycle;
}

void LanePass::AskAll() {
  // Its first command is offered when the first step has been passed on.
  stream_.Begin(lanes_ - kNextCycle - kStepCycles);
  for (const isa::Instruction& i : instructions_) {
    switch (static_cast<isa::Opcode>(i.opcode)) {
      case isa::Opcode::kLoad:
        stream_.Ask(g_.rope_address, n_tokens() * RopeStripes(g_), kStepCycles + kCommandCycles);
        for (int64_t t = 0; t < n_tokens(); ++t) {
          stream_.Ask(g_.input_address + t * InputStripes(g_), InputStripes(g_), kCommandCycles);
        }
        break;
      case isa::Opcode::kNorm:
        stream_.Ask(i.address, VectorStripes(VectorSize(g_, i.source), g_.lanes),
                    kStepCycles + kCommandCycles);
        break;
      case isa::Opcode::kLinear:
        AskLinear(i);
        break;
      case isa::Opcode::kStoreKv:
        AskStore(i);
        break;
      case isa::Opcode::kAttend:
        AskAttend(i);
        break;
      default:
        break;
    }
  }
}

void LanePass::AskLinear(const isa::Instruction& i) {
  if (IsOutput(i) && pass_.n_outputs == 0) return;
  const MatrixLayout layout = {static_cast<isa::WeightFormat>(i.format), i.rows, i.blocks, g_.lanes,
                               i.has_bias == 1};
  int64_t cycles = kStepCycles + kCommandCycles;
  for (int64_t round = 0; round < layout.n_rounds(); round += isa::kScaleTiles) {
    const int64_t tiles = std::min<int64_t>(isa::kScaleTiles, layout.n_rounds() - round);
    stream_.Ask(i.address + layout.ScaleBeat(round),
                layout.head_beats() + tiles * layout.tile_beats(), cycles);
    cycles = kCommandCycles;
  }
}

void LanePass::Begin(InstructionCycles& record) {
  // The lanes pass the step on as they take it.
  record.taken = std::max(vector_, lanes_ + kNextCycle);
  record.begin = record.taken;
  lanes_ += kNextCycle;
}

int64_t LanePass::TakeBeat(int64_t inputs, int64_t results, Cost cost, InstructionCycles& record,
                           bool is_last_use) {
  const int64_t there = stream_.Next();
  const int64_t with_inputs = std::max(lanes_, inputs);
  const int64_t with_room = std::max(with_inputs, results);
  const int64_t at = std::max(with_room, there);
  record.waited_inputs += with_inputs - lanes_;
  record.waited_results += with_room - with_inputs;
  record.waited_memory += at - with_room;
  record.asked_last = stream_.last_issue();
  if (record.beats++ == 0) {
    record.begin = at;
    record.asked_first = record.asked_last;
  }
  record.busy += cost.cycles;
  record.slot_cycles += cost.cycles * cost.slots;
  lanes_ = at + cost.cycles;
  if (is_last_use) stream_.Free(lanes_ - 1);
  return at;
}

void LanePass::WaitForInputs(int64_t cycle, InstructionCycles& record) {
  record.waited_inputs += std::max<int64_t>(0, cycle - lanes_);
  lanes_ = std::max(lanes_, cycle);
}

void LanePass::WaitForResults(int64_t cycle, InstructionCycles& record) {
  record.waited_results += std::max<int64_t>(0, cycle - lanes_);
  lanes_ = std::max(lanes_, cycle);
}

// vector_array is idle when nothing is on its way, and what a tree over the lanes takes after that.
int64_t LanePass::Settled(int64_t last, int64_t latency, int64_t n_drops) const {
  return std::max(last + 1 + n_drops + kSettleCycles, last + latency + 2 + levels_);
}

void LanePass::Load(InstructionCycles& record) {
  Begin(record);
  for (int64_t b = 0; b < n_tokens() * RopeStripes(g_); ++b) TakeBeat(0, 0, {1, 0}, record);
  const int64_t rounds = RoundsOf(g_.hidden);
  int64_t next = record.taken + kSetupCycles;
  int64_t drops = 0;
  for (int64_t t = 0; t < n_tokens(); ++t) {
    SquareSum& squares = squares_[Index(t)];
    for (int64_t round = 0; round < rounds; ++round) {
      if (round % kTilesOfBeat == 0) {
        side_.Beat(SideWay::kFloats, TakeBeat(0, side_.Ready(SideWay::kFloats), {1, 0}, record));
      }
      next = std::max(next, side_.Tile(SideWay::kFloats));
      for (int64_t row = 0; row < format::kTileRows; ++row) {
        const int64_t at = std::max(next, squares.Ready());
        squares.Issue(at);
        next = at + 1;
      }
      side_.UseUp(SideWay::kFloats, next - 1 + rtl::kBiasStage);
    }
    sums_there_[Index(t)] = squares.Settle();
    drops = rounds % kTilesOfBeat;
    if (drops > 0) side_.UseUp(SideWay::kFloats, next++ + rtl::kBiasStage);
  }
  record.vector_cycles = VectorCycles(n_tokens() * g_.hidden);
  record.end = Settled(next - 1 - drops, rtl::kWriteStage, drops);
  vector_ = record.end + 1;
}

// A8 of a vector, from the phase's setup on: its scalars, then its codes.
int64_t LanePass::Codes(const isa::Instruction& i, int64_t setup) {
  const int64_t size = VectorSize(g_, i.source);
  const int64_t blocks = CeilDiv(size, format::kBlockWeights);
  const int64_t rounds = std::max(RoundsOf(size), blocks * 32 / int64_t{g_.lanes});
  const int64_t run = A8Ready(setup + 1, n_tokens()) + 1;
  const int64_t rows = n_tokens() * rounds * format::kTileRows;
  const int64_t settled = Settled(run + RowCycles(rows) - 1, rtl::kWriteStage, 0);
  // Operands follow when the last block will be there in time.
  const int64_t left =
      std::min(rounds, (blocks - kRoundsAhead) * g_.vector_lanes / int64_t{g_.lanes} + 1);
  coded_[i.destination] =
      blocks < kRoundsAhead ? settled + 1 : run + RowCycles(rows - left * format::kTileRows) + 1;
  return settled;
}

void LanePass::Norm(const isa::Instruction& i, InstructionCycles& record) {
  Begin(record);
  const int64_t size = VectorSize(g_, i.source);
  const int64_t rounds = RoundsOf(size);
  const int64_t setup = record.taken + 1;
  int64_t next = InverseRmsReady(setup + 1, sums_there_, n_tokens()) + 1;
  for (int64_t round = 0; round < rounds; ++round) {
    if (round % kTilesOfBeat == 0) {
      side_.Beat(SideWay::kFloats, TakeBeat(0, side_.Ready(SideWay::kFloats), {1, 0}, record));
    }
    next = std::max(next, side_.Tile(SideWay::kFloats)) + RowCycles(n_tokens() * format::kTileRows);
    side_.UseUp(SideWay::kFloats, next - 1 + rtl::kProductStage);
  }
  const int64_t drops = rounds % kTilesOfBeat;
  const int64_t settled = Settled(next - 1, rtl::kWriteStage, drops);
  if (drops > 0) side_.UseUp(SideWay::kFloats, next + rtl::kProductStage);
  record.end = Codes(i, settled + 1);
  record.vector_cycles = 2 * VectorCycles(size) * n_tokens();
  vector_ = record.end + 1;
}

void LanePass::Quantize(const isa::Instruction& i, InstructionCycles& record) {
  Begin(record);
  record.end = Codes(i, record.taken + 1);
  record.vector_cycles = VectorCycles(VectorSize(g_, i.source)) * n_tokens();
  vector_ = record.end + 1;
}

// A lane has two digits for each pair of tokens: dense weights take both for one, and a beat of
// more tokens than half the slots again for the others.
LanePass::Cost LanePass::CostOf(isa::WeightFormat format) const {
  const int64_t slots = g_.slots;
  if (format == isa::WeightFormat::kSparse24) return {1, n_tokens()};
  const int64_t cycles = CeilDiv(2 * n_tokens(), slots);
  // Half of the digits of a beat of these at once.
  const bool is_slow = format == isa::WeightFormat::kDense2 || format == isa::WeightFormat::kDense8;
  return {is_slow ? 2 * cycles : cycles, std::min(slots, 2 * n_tokens())};
}

void LanePass::TakeHead(bool has_bias, InstructionCycles& record) {
  side_.Beat(SideWay::kScales, TakeBeat(0, side_.Ready(SideWay::kScales), {1, 0}, record));
  for (int64_t b = 0; has_bias && b < isa::kScaleTiles / kTilesOfBeat; ++b) {
    side_.Beat(SideWay::kFloats, TakeBeat(0, side_.Ready(SideWay::kFloats), {1, 0}, record));
  }
}

void LanePass::TakeTile(const isa::Instruction& i, Cost cost, InstructionCycles& record) {
  const auto format = static_cast<isa::WeightFormat>(i.format);
  const bool is_dense = format != isa::WeightFormat::kSparse24;
  const int64_t places = is_dense && 2 * n_tokens() > int64_t{g_.slots} ? 2 : 1;
  const int64_t beats = TileBlockBytes(BlockTypeOf(format)) / isa::kBeatBytes - (is_dense ? 1 : 0);
  const int64_t room = drained_[Index(n_rounds_ % 2)] + 1;
  for (int64_t block = 0; block < int64_t{i.blocks}; ++block) {
    if (is_dense) TakeBeat(0, 0, {1, 0}, record);
    int64_t filled = 0;
    for (int64_t p = 0; p < places; ++p) filled = feed_.Fill();
    for (int64_t b = 0; b < beats; ++b) {
      TakeBeat(filled, block == 0 && b == 0 ? room : 0, cost, record);
    }
    for (int64_t p = 0; p < places; ++p) feed_.Free(lanes_ - 1);
  }
}

// A tile's results, row by row of each token, from `first` on; returns when the next can come.
int64_t LanePass::MakeResults(const isa::Instruction& i, int64_t round, int64_t first,
                              int64_t next) {
  const bool ends = round + 1 == RoundsOf(i.rows);
  const auto epilogue = static_cast<isa::Epilogue>(i.epilogue);
  const bool has_squares =
      !IsOutput(i) && static_cast<isa::Vector>(i.destination) == isa::Vector::kStream;
  next = std::max({next, first, side_.Tile(SideWay::kScales)});
  if (i.has_bias == 1) next = std::max(next, side_.Tile(SideWay::kFloats));
  if (IsOutput(i)) {
    const int64_t unwanted = n_tokens() - pass_.n_outputs;
    next += RowCycles(unwanted * format::kTileRows);
    for (int64_t t = unwanted; t < n_tokens(); ++t) {
      next = std::max(next, put_out_) + RowCycles(format::kTileRows);
      // The tile is put out, offered to the channels and taken.
      put_out_ = next - 1 + rtl::kWriteStage + 2;
      stream_.Write(g_.output_address + t * OutputStripes(g_) + round / kTilesOfBeat, -1, put_out_);
    }
  } else if (has_squares) {
    for (int64_t t = 0; t < n_tokens(); ++t) {
      SquareSum& squares = squares_[Index(t)];
      for (int64_t row = 0; row < format::kTileRows; ++row) {
        const int64_t at = std::max(next, squares.Ready());
        squares.Issue(at);
        next = at + 1;
      }
      if (ends) sums_there_[Index(t)] = squares.Settle();
    }
  } else {
    const int64_t rows = n_tokens() * format::kTileRows;
    next += RowCycles(epilogue == isa::Epilogue::kSiluMul ? rows * t_.lanes_per_silu : rows);
  }
  const int64_t last = epilogue == isa::Epilogue::kSiluMul ? next - t_.lanes_per_silu : next - 1;
  side_.UseUp(SideWay::kScales, last + rtl::kReadStage);
  if (i.has_bias == 1) side_.UseUp(SideWay::kFloats, last + rtl::kBiasStage);
  drained_[Index(n_rounds_++ % 2)] = last;
  return next;
}

void LanePass::Linear(const isa::Instruction& i, InstructionCycles& record) {
  record.taken = record.begin = record.end = vector_;
  if (IsOutput(i) && pass_.n_outputs == 0) return;
  Begin(record);
  const MatrixLayout layout = {static_cast<isa::WeightFormat>(i.format), i.rows, i.blocks, g_.lanes,
                               i.has_bias == 1};
  const Cost cost = CostOf(layout.format);
  feed_.Start(std::max(coded_[i.source], lanes_));
  int64_t next = record.taken + kSetupCycles;
  for (int64_t round = 0; round < layout.n_rounds(); ++round) {
    if (round % isa::kScaleTiles == 0) TakeHead(layout.has_bias, record);
    TakeTile(i, cost, record);
    // The lane's sums, which are read a cycle later.
    const int64_t first = lanes_ - 1 + rtl::kLaneStages + 2;
    next = MakeResults(i, round, first, next);
  }
  const int64_t drops = RoundUp(layout.n_rounds(), isa::kScaleTiles) - layout.n_rounds();
  const int64_t last = drained_[Index((n_rounds_ + 1) % 2)];
  for (int64_t d = 1; d <= drops; ++d) {
    side_.UseUp(SideWay::kScales, last + d + rtl::kReadStage);
    if (layout.has_bias) side_.UseUp(SideWay::kFloats, last + d + rtl::kBiasStage);
  }
  const bool is_silu = static_cast<isa::Epilogue>(i.epilogue) == isa::Epilogue::kSiluMul;
  const int64_t latency =
      is_silu ? rtl::kAddStage + rtl::kSiluMulLatency + 1 + t_.lanes_per_silu : rtl::kWriteStage;
  record.end = Settled(last, latency, drops);
  if (IsOutput(i)) record.end = std::max(record.end, put_out_);
  record.vector_cycles =
      VectorCycles(layout.n_rounds() * format::kTileRows * g_.lanes * n_tokens());
  vector_ = record.end + 1;
}

void LanePass::End(InstructionCycles& record) {
  Begin(record);
  // Done is seen; memory has answered; the state machine stops.
  record.begin = record.taken;
  record.end = std::max(record.taken + kSetupCycles + 2, stream_.Written() + 1) + 2;
}

}  // namespace accllm::accel
