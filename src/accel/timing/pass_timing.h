// When each instruction of a pass runs, on some machine.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "accel/device.h"
#include "accel/program/layout.h"
#include "accel/timing/instruction_cycles.h"
#include "accel/timing/machine_timing.h"
#include "accel/timing/memory_traffic.h"

namespace accllm::accel {

class PassTiming {
 public:
  virtual ~PassTiming() = default;

  // One pass after those before; returns the cycle in which it is complete.
  int64_t Run(const PassRegisters& registers);

  int64_t cycle() const { return end_; }
  const std::vector<InstructionCycles>& last_pass() const { return records_; }
  virtual MemoryTraffic traffic() const = 0;

 protected:
  PassTiming(const isa::Geometry& geometry, std::span<const isa::Instruction> instructions)
      : g_(geometry), instructions_(instructions.begin(), instructions.end()) {}

  virtual void BeginPass() {}
  // An instruction follows.
  virtual void Before(const isa::Instruction& i) = 0;
  virtual void Load(InstructionCycles& record) = 0;
  virtual void Norm(const isa::Instruction& i, InstructionCycles& record) = 0;
  virtual void Quantize(const isa::Instruction& i, InstructionCycles& record) = 0;
  virtual void Linear(const isa::Instruction& i, InstructionCycles& record) = 0;
  virtual void StoreKv(const isa::Instruction& i, InstructionCycles& record) = 0;
  virtual void Attend(const isa::Instruction& i, InstructionCycles& record) = 0;
  // With it the pass is complete.
  virtual void End(InstructionCycles& record) = 0;

  isa::Geometry g_;
  std::vector<isa::Instruction> instructions_;
  PassRegisters pass_;
  std::vector<InstructionCycles> records_;
  int64_t end_ = 0;
};

}  // namespace accllm::accel
