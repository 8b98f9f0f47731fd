// Speed and activity of passes on the cycle model.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "accel/energy/energy_counts.h"
#include "accel/estimate/area_model.h"
#include "accel/timing/cycle_model.h"

namespace accllm::accel {

// A pass in steady state.
struct PassEstimate {
  int64_t n_tokens = 0;
  int64_t position = 0;
  double seconds = 0;
  int64_t first_cycle = 0;  // of the instructions' counting
  int64_t cycles = 0;
  std::vector<InstructionCycles> instructions;
  double hbm_bytes = 0;        // read and written
  double hbm_utilisation = 0;  // of the channels' peak
  EnergyCounts counts;
  // Lanes' cycles, of all: busy, and idle by cause.
  double busy = 0;
  double waited_inputs = 0;
  double waited_memory = 0;
  double waited_results = 0;
};

struct PerformanceModel {
  isa::Geometry geometry;
  std::span<const isa::Instruction> instructions;
  MachineTiming timing;
  AreaCosts area;
  FabricUse used;

  // The second of two passes of `n_tokens` tokens, whose last token is at `position`, or later if
  // there is no room for two before; logits of `n_outputs` of them.
  PassEstimate Pass(int64_t position, int64_t n_tokens, int64_t n_outputs) const;

  // Seconds for a prompt of `n_tokens`, all slots used: passes at `n_samples` positions, between
  // which their time is interpolated.
  double PrefillSeconds(int64_t n_tokens, int64_t n_samples,
                        const std::function<void(double share)>& on_progress) const;
};

}  // namespace accllm::accel
