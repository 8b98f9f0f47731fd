// The cycle model: when each instruction of a pass runs, beat by beat against the memory model.
#pragma once

#include <memory>

#include "accel/timing/pass_timing.h"

namespace accllm::accel {

class CycleModel {
 public:
  // Of this project's lanes, or of the published engine that `timing` describes.
  CycleModel(const isa::Geometry& geometry, std::span<const isa::Instruction> instructions,
             const MachineTiming& timing);

  // One pass after those before; returns the cycle in which it is complete. `registers` must be
  // valid.
  int64_t Run(const PassRegisters& registers) { return timing_->Run(registers); }

  int64_t cycle() const { return timing_->cycle(); }
  const std::vector<InstructionCycles>& last_pass() const { return timing_->last_pass(); }
  MemoryTraffic traffic() const { return timing_->traffic(); }

 private:
  std::unique_ptr<PassTiming> timing_;
};

}  // namespace accllm::accel
