// Passes of a machine that multiplies in DSPs, as published designs do.
#pragma once

#include <array>

#include "accel/timing/dsp_engine.h"
#include "accel/timing/pass_timing.h"
#include "accel/timing/stream_reader.h"

namespace accllm::accel {

class ArrayPass final : public PassTiming {
 public:
  // With timing.dsp_array.
  ArrayPass(const isa::Geometry& geometry, std::span<const isa::Instruction> instructions,
            const MachineTiming& timing);

  MemoryTraffic traffic() const override { return reader_.traffic(); }

 private:
  void Before(const isa::Instruction& i) override;
  void Load(InstructionCycles& record) override;
  void Norm(const isa::Instruction& i, InstructionCycles& record) override;
  void Quantize(const isa::Instruction& i, InstructionCycles& record) override;
  void Linear(const isa::Instruction& i, InstructionCycles& record) override;
  void StoreKv(const isa::Instruction& i, InstructionCycles& record) override;
  void Attend(const isa::Instruction& i, InstructionCycles& record) override;
  void End(InstructionCycles& record) override;

  // Nothing starts and nothing is read ahead before.
  void HoldUntil(int64_t cycle);
  // The engine takes a beat, not before `ready`.
  void TakeBeat(const EngineBeat& beat, int64_t ready, InstructionCycles& record);
  // Beats that it only passes on.
  void TakeStripes(int64_t first, int64_t n, int64_t ready, InstructionCycles& record);

  int64_t VectorCycles(int64_t n) const;

  MachineTiming t_;
  DspEngine engine_;
  StreamReader reader_;

  // Cycles from which things are free or there.
  int64_t lanes_free_ = 0;
  int64_t vector_free_ = 0;
  std::array<int64_t, isa::kVectorLabels.size()> vector_ready_ = {};  // by isa::Vector
  std::array<int64_t, isa::kActivationBuffers> activation_ready_ = {};
};

}  // namespace accllm::accel
