#include "accel/functional/machine_state.h"

#include <algorithm>

#include "accel/program/layout.h"

namespace accllm::accel {

Result<MachineState> LoadMachine(const isa::Geometry& geometry, std::span<const uint8_t> image) {
  MachineState m;
  m.g = geometry;
  const int64_t bytes = int64_t{m.g.stripes} * m.g.lanes * isa::kBeatBytes;
  ACCLLM_ASSIGN_OR_RETURN(m.memory, HugeBuffer::Allocate(static_cast<size_t>(bytes)));
  std::copy(image.begin(), image.end(), m.memory.data());
  for (const isa::VectorLabel& label : isa::kVectorLabels) {
    const auto vector = static_cast<uint32_t>(label.value);
    m.vectors[vector].resize(Index(m.g.slots * VectorSize(m.g, vector)));
  }
  return m;
}

void RunInstruction(MachineState& m, const isa::Instruction& instruction, ThreadPool& pool) {
  switch (static_cast<isa::Opcode>(instruction.opcode)) {
    case isa::Opcode::kEnd:
      return;
    case isa::Opcode::kLoad:
      return RunLoad(m);
    case isa::Opcode::kNorm:
      return RunNorm(m, instruction);
    case isa::Opcode::kQuantize:
      return RunQuantize(m, instruction);
    case isa::Opcode::kLinear:
      return RunLinear(m, instruction, pool);
    case isa::Opcode::kStoreKv:
      return RunStoreKv(m, instruction);
    case isa::Opcode::kAttend:
      return RunAttend(m, instruction, pool);
  }
}

}  // namespace accllm::accel
