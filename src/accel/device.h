// What runs a program: the functional model, the cycle model, simulated RTL, a card.
#pragma once

#include <cstdint>
#include <span>

#include "base/result.h"
#include "spec/accelerator.h"

namespace accllm::accel {

// Registers that the host sets before each pass.
struct PassRegisters {
  int64_t position = 0;   // of the first token
  int64_t n_tokens = 0;   // 1 to the machine's slots
  int64_t n_outputs = 0;  // of the last tokens, whose logits are wanted
};

class Device {
 public:
  virtual ~Device() = default;

  // Memory from a stripe on; a run of bytes goes over all lanes (spec/accelerator.toml). The range
  // must lie within the program's stripes.
  virtual Status WriteMemory(int64_t stripe, std::span<const uint8_t> bytes) = 0;
  virtual Status ReadMemory(int64_t stripe, std::span<uint8_t> bytes) const = 0;

  // One pass of the program. Errors: those of the device; registers must be in range.
  virtual Status Run(const PassRegisters& registers) = 0;

  // Cycles of all passes; 0 on devices that do not count them.
  virtual int64_t cycles() const { return 0; }
};

}  // namespace accllm::accel
