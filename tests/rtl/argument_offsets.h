#pragma once

#include <cstdint>
#include <vector>

#include "spec/accelerator.h"

namespace accllm::rtl {

// Byte offsets of the words of the kernel's arguments, in the order of arguments_t.
inline std::vector<uint32_t> ArgumentOffsets() {
  namespace registers = isa::registers;
  std::vector<uint32_t> offsets = {registers::kInstructions, registers::kInstructions + 4,
                                   registers::kNInstructions};
  for (uint32_t i = 0; i < sizeof(isa::Geometry) / 4; ++i) {
    offsets.push_back(registers::kGeometry + 4 * i);
  }
  offsets.insert(offsets.end(), {registers::kPosition, registers::kPosition + 4,
                                 registers::kNTokens, registers::kNOutputs});
  for (uint32_t i = 0; i < isa::kMaxSlots; ++i) {
    offsets.push_back(registers::kTokens + registers::kTokensStride * i);
  }
  return offsets;
}

}  // namespace accllm::rtl
