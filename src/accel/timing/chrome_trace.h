// A timeline for chrome://tracing and Perfetto.
#pragma once

#include <span>
#include <string>

#include "accel/timing/cycle_model.h"

namespace accllm::accel {

// A JSON object in the Trace Event Format: lanes, vector unit and requests to memory as threads, in
// microseconds from the first instruction on.
std::string ChromeTrace(std::span<const InstructionCycles> pass,
                        std::span<const isa::Instruction> instructions, KernelClock clock);

}  // namespace accllm::accel
