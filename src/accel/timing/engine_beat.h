// What streams into a published machine's matrix engine for an instruction.
#pragma once

#include <cstdint>
#include <functional>

#include "accel/program/layout.h"
#include "accel/timing/machine_timing.h"

namespace accllm::accel {

// 64 bytes of each of the first `channels` memory channels, taken together.
struct EngineBeat {
  int64_t stripe = 0;
  int64_t channels = 0;
  int64_t cycles = 0;  // that the engine works on it
  int64_t slots = 0;   // that work in each of them
};
using OnBeat = std::function<void(const EngineBeat& beat)>;

// Slots of the cache in whole chunks.
struct SlotSpan {
  int64_t first;
  int64_t last;  // itself included

  int64_t slots() const { return last - first + 1; }
};

}  // namespace accllm::accel
