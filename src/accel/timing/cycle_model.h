// The cycle model: when each instruction of a pass runs, beat by beat against the memory model.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "accel/device.h"
#include "accel/program/layout.h"
#include "accel/timing/engine.h"
#include "accel/timing/stream_reader.h"

namespace accllm::accel {

// What one instruction did. Cycles count from the machine's start.
struct InstructionCycles {
  size_t index = 0;
  isa::Opcode opcode = isa::Opcode::kEnd;
  int64_t begin = 0;           // its unit starts
  int64_t end = 0;             // its result is there
  int64_t beats = 0;           // of each lane's stream
  int64_t asked_first = 0;     // when memory is asked for the first of them,
  int64_t asked_last = 0;      // and for the last
  int64_t busy = 0;            // cycles in which the lanes worked
  int64_t slot_cycles = 0;     // the same, times the slots that worked
  int64_t vector_cycles = 0;   // of the vector unit
  int64_t waited_inputs = 0;   // lanes idle: the input was not there
  int64_t waited_memory = 0;   // lanes idle: a beat was not there
  int64_t waited_results = 0;  // lanes idle: results could not leave
};

class CycleModel {
 public:
  CycleModel(const isa::Geometry& geometry, std::span<const isa::Instruction> instructions,
             const MachineTiming& timing);

  // One pass after those before; returns the cycle in which it is complete. `registers` must be
  // valid.
  int64_t Run(const PassRegisters& registers);

  int64_t cycle() const { return end_; }
  const std::vector<InstructionCycles>& last_pass() const { return records_; }
  const StreamReader& reader() const { return reader_; }

 private:
  void Load(InstructionCycles& record);
  void Norm(const isa::Instruction& i, InstructionCycles& record);
  void Quantize(const isa::Instruction& i, InstructionCycles& record);
  void Linear(const isa::Instruction& i, InstructionCycles& record);
  void StoreKv(const isa::Instruction& i, InstructionCycles& record);
  void Attend(const isa::Instruction& i, InstructionCycles& record);

  // Nothing starts and nothing is read ahead before.
  void HoldUntil(int64_t cycle);
  // The engine takes a beat, not before `ready`.
  void TakeBeat(const EngineBeat& beat, int64_t ready, InstructionCycles& record);
  // Beats that it only passes on.
  void TakeStripes(int64_t first, int64_t n, int64_t ready, InstructionCycles& record);

  int64_t VectorCycles(int64_t n) const;

  isa::Geometry g_;
  std::vector<isa::Instruction> instructions_;
  MachineTiming t_;
  std::unique_ptr<Engine> engine_;
  StreamReader reader_;
  PassRegisters pass_;
  std::vector<InstructionCycles> records_;

  // Cycles from which things are free or there.
  int64_t lanes_free_ = 0;
  int64_t vector_free_ = 0;
  std::array<int64_t, isa::kVectorLabels.size()> vector_ready_ = {};  // by isa::Vector
  std::array<int64_t, isa::kActivationBuffers> activation_ready_ = {};
  int64_t end_ = 0;
};

}  // namespace accllm::accel
