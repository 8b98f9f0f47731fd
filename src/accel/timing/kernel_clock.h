// Time in the simulator: integer picoseconds, and the cycles of the kernel's clock.
#pragma once

#include <cstdint>

namespace accllm::accel {

using Picoseconds = int64_t;  // 106 days fit

// Cycle c begins at c / frequency. Exact for every frequency: no period is rounded and added up.
struct KernelClock {
  int64_t kilohertz = 225'000;  // the U280's HBM fills a 512-bit port at this rate

  // The first cycle that does not begin before `time`, 0 or later: in which the kernel sees what
  // happens then. Two times at least a period apart are never in the same cycle.
  constexpr int64_t CycleOf(Picoseconds time) const {
    // Whole milliseconds apart from the rest, so that the products fit.
    return time / kMillisecond * kilohertz +
           (time % kMillisecond * kilohertz + kMillisecond - 1) / kMillisecond;
  }

  // When cycle 0 or later begins, rounded down: CycleOf(TimeOf(c)) == c.
  constexpr Picoseconds TimeOf(int64_t cycle) const {
    return cycle / kilohertz * kMillisecond + cycle % kilohertz * kMillisecond / kilohertz;
  }

 private:
  static constexpr Picoseconds kMillisecond = 1'000'000'000;
};

}  // namespace accllm::accel
