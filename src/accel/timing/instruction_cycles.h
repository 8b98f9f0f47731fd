// What the cycle model says of an instruction.
#pragma once

#include <cstddef>
#include <cstdint>

#include "spec/accelerator.h"

namespace accllm::accel {

// What one instruction did. Cycles count from the machine's start.
struct InstructionCycles {
  size_t index = 0;
  isa::Opcode opcode = isa::Opcode::kEnd;
  int64_t begin = 0;           // its unit starts
  int64_t end = 0;             // its result is there
  int64_t taken = 0;           // the vector unit takes it, behind the one before (of lanes alone)
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

}  // namespace accllm::accel
