// What an accelerator did, as far as energy is concerned: exact counts of a cycle model.
#pragma once

#include <initializer_list>

namespace accllm::accel {

// Resources of the device that a design occupies.
struct FabricUse {
  double luts = 0;
  double ffs = 0;
  double dsps = 0;   // DSP48E2
  double brams = 0;  // RAMB36E2; an 18 Kb half counts 0.5
  double urams = 0;  // URAM288
};

// Activity over `seconds` at one clock. Doubles, because means per token are no integers.
struct EnergyCounts {
  double seconds = 0;
  double clock_mhz = 0;  // of the design, while it runs
  FabricUse used;
  double hbm_read_bytes = 0;
  double hbm_write_bytes = 0;
  double dsp_active_cycles = 0;  // DSPs times cycles with their clock enable on and fresh operands
  double lut_active_kcycles =
      0;                     // 1000 LUTs, with flip-flops and nets, for a cycle with fresh data
  double bram_accesses = 0;  // one port of one block, read or write
  double uram_accesses = 0;

  // n times the activity of `other`, of the same design, comes on top.
  void Add(const EnergyCounts& other, double n) {
    clock_mhz = other.clock_mhz;
    used = other.used;
    for (const auto count :
         {&EnergyCounts::seconds, &EnergyCounts::hbm_read_bytes, &EnergyCounts::hbm_write_bytes,
          &EnergyCounts::dsp_active_cycles, &EnergyCounts::lut_active_kcycles,
          &EnergyCounts::bram_accesses, &EnergyCounts::uram_accesses}) {
      this->*count += n * other.*count;
    }
  }
};

}  // namespace accllm::accel
