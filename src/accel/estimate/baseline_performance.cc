#include "accel/estimate/baseline_performance.h"

#include <algorithm>
#include <cassert>

#include "accel/timing/cycle_model.h"

namespace accllm::accel {
namespace {

double CachedAt(const AttentionWindow& attention, int64_t position) {
  return static_cast<double>(attention.window == AttentionWindow::kAll
                                 ? position + 1
                                 : std::min(position + 1, attention.n_sinks + attention.window));
}

}  // namespace

double BytesHeld(const Baseline& baseline, int64_t position) {
  assert(baseline.machine);
  return (baseline.weights * baseline.weight_bits +
          CachedAt(baseline.machine->attention, position) * baseline.cached_values_per_token *
              baseline.cached_bits) /
         8;
}

BaselineToken ModelToken(const Baseline& baseline, const isa::Geometry& geometry,
                         std::span<const isa::Instruction> instructions, int64_t position) {
  assert(baseline.machine);
  MachineTiming timing = baseline.machine->timing;
  timing.dsp_array = baseline.machine->engine;
  isa::Geometry machine = geometry;
  machine.vector_lanes = static_cast<uint32_t>(timing.dsp_array->vector_lanes);
  CycleModel model(machine, instructions, timing);
  PassRegisters registers;
  registers.n_tokens = registers.n_outputs = 1;
  registers.position = position;
  const int64_t cycles = model.Run(registers);
  BaselineToken token;
  token.seconds = static_cast<double>(cycles) / (1e3 * geometry.clock_khz);
  token.cached_tokens = CachedAt(baseline.machine->attention, position);
  const MemoryTraffic traffic = model.traffic();
  token.read_bytes = static_cast<double>(traffic.read_bytes);
  token.written_bytes = static_cast<double>(traffic.written_bytes);
  return token;
}

}  // namespace accllm::accel
