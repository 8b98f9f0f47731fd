#include "accel/timing/pass_timing.h"

#include <algorithm>

namespace accllm::accel {

int64_t PassTiming::Run(const PassRegisters& registers) {
  pass_ = registers;
  records_.clear();
  BeginPass();
  for (size_t index = 0; index < instructions_.size(); ++index) {
    const isa::Instruction& i = instructions_[index];
    InstructionCycles record;
    record.index = index;
    record.opcode = static_cast<isa::Opcode>(i.opcode);
    Before(i);
    switch (record.opcode) {
      case isa::Opcode::kLoad:
        Load(record);
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
        End(record);
        break;
    }
    records_.push_back(record);
  }
  for (const InstructionCycles& record : records_) end_ = std::max(end_, record.end);
  return end_;
}

}  // namespace accllm::accel
