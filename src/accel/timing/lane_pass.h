// Passes of this project's lanes, as the RTL's walkers go through a program: the stream's walker
// asks for beats, the lanes take them in step, the vector unit makes results of them. See
// docs/reference/rtl-ctrl.md.
//
// Instructions follow each other in each of the three, so what a pass takes is found in the order
// of the program: each event comes a known number of cycles after the last of those it waits for.
#pragma once

#include <vector>

#include "accel/timing/lane_stream.h"
#include "accel/timing/pass_timing.h"
#include "accel/timing/vector_timing.h"

namespace accllm::accel {

class LanePass final : public PassTiming {
 public:
  LanePass(const isa::Geometry& geometry, std::span<const isa::Instruction> instructions,
           const MachineTiming& timing);

  MemoryTraffic traffic() const override { return stream_.traffic(); }

 private:
  // What a beat of a format costs: cycles, and in each of them working slots.
  struct Cost {
    int64_t cycles;
    int64_t slots;
  };
  // What a pass reads of the cache, of each head.
  struct CacheReads {
    int64_t chunks;
    int64_t rows;     // beats of keys of a lane
    int64_t queries;  // of a KV head
    int64_t folds;    // of these, that the engine takes at once
    int64_t in_fold;
  };

  // What makes KV4 of keys and values, head by head. Cycles of the pass.
  struct HeadUnit {
    int64_t taken = 0;     // its last half beat, by the channels
    int64_t next_job = 0;  // it can take
    int64_t codes_free = 0;
    std::vector<int64_t> groups;  // the first one of each head is taken
  };

  class AttendHeads;

  // vector_walker: from the last operation until its tile is used up.
  static constexpr int64_t kSettleCycles = rtl::kBiasStage;

  void BeginPass() override;
  void Before(const isa::Instruction& i) override;
  int64_t FirstStep();
  void AskAll();
  void AskLinear(const isa::Instruction& i);
  void AskStore(const isa::Instruction& i);
  void AskAttend(const isa::Instruction& i);

  // The lanes take the step, and the vector unit the job, of an instruction.
  void Begin(InstructionCycles& record);
  void Load(InstructionCycles& record) override;
  void Norm(const isa::Instruction& i, InstructionCycles& record) override;
  void Quantize(const isa::Instruction& i, InstructionCycles& record) override;
  void Linear(const isa::Instruction& i, InstructionCycles& record) override;
  void StoreKv(const isa::Instruction& i, InstructionCycles& record) override;
  // Stores go on beside results that they do not need, and values follow keys; what else comes
  // waits for their end.
  bool GoesBesideStores(const isa::Instruction& i) const;
  // Of those that run, the last half beat is taken by the channels.
  int64_t StoresTaken() const;
  int64_t StoresDone();
  void EndStores();
  void Attend(const isa::Instruction& i, InstructionCycles& record) override;
  void End(InstructionCycles& record) override;

  // Of Linear.
  void TakeHead(bool has_bias, InstructionCycles& record);
  void TakeTile(const isa::Instruction& i, Cost cost, InstructionCycles& record);
  int64_t MakeResults(const isa::Instruction& i, int64_t round, int64_t first, int64_t next);

  // The lanes take the next beat of the stream for `cycles` cycles, not before inputs are ready and
  // results have room; returns when.
  int64_t TakeBeat(int64_t inputs, int64_t results, Cost cost, InstructionCycles& record,
                   bool is_last_use = true);
  void WaitForInputs(int64_t cycle, InstructionCycles& record);
  void WaitForResults(int64_t cycle, InstructionCycles& record);

  // Cycles from the last operation to the next phase of the vector unit.
  int64_t Settled(int64_t last, int64_t latency, int64_t n_drops) const;
  int64_t Codes(const isa::Instruction& i, int64_t setup);

  Cost CostOf(isa::WeightFormat format) const;
  CacheReads ReadsOfPass() const;
  int64_t n_tokens() const { return pass_.n_tokens; }
  // Of 4 bits, of a cached code; more than one for estimates alone.
  int64_t CodeParts() const { return t_.cache_bits / 4; }
  // Of a KV head, that the machine has room for.
  int64_t HeadQueries() const {
    return t_.head_queries > 0 ? t_.head_queries : int64_t{g_.heads} / g_.kv_heads * g_.slots;
  }
  int64_t RoundsOf(int64_t size) const { return CeilDiv(size, format::kTileRows * g_.lanes); }
  // Rows of all lanes, one operation after another.
  int64_t RowCycles(int64_t n) const { return CeilDiv(n * g_.lanes, g_.vector_lanes); }
  // Of `n` floats, for what the unit does: counts of energy.
  int64_t VectorCycles(int64_t n) const { return CeilDiv(n, g_.vector_lanes); }

  MachineTiming t_;
  CacheLayout cache_;
  LaneStream stream_;
  int64_t levels_;  // of a tree over all lanes

  // Cycles from which things are free or there.
  int64_t lanes_ = 0;
  int64_t vector_ = 0;
  std::array<int64_t, isa::kActivationBuffers> coded_ = {};
  std::array<int64_t, 2> drained_ = {};  // sets of sums, by round
  int64_t n_rounds_ = 0;
  SideWay side_;
  OperandFeed feed_;
  std::vector<SquareSum> squares_;   // of each token
  std::vector<int64_t> sums_there_;  // their sums
  int64_t begin_ = 0;                // of the pass
  int64_t n_stores_ = 0;             // that are asked for
  struct {
    std::vector<size_t> records;  // of those that run: keys, then values
    std::vector<HeadUnit> units;  // of the machine, to which KV heads go in turn
  } store_;
  int64_t put_out_ = 0;  // the next tile of logits can be
};

}  // namespace accllm::accel
