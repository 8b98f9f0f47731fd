#include "accel/estimate/performance.h"

#include <algorithm>

namespace accllm::accel {
namespace {

// Accesses of BRAMs.
constexpr double kStreamAccesses = 2 * 8;  // of a lane's buffer, written and read, a beat
constexpr double kActivationReads = 8;  // of a slot: a word of 2:4 operands a cycle, for all lanes
constexpr double kVectorAccesses = 2.0 / 2;  // a read and a write of two floats
constexpr double kScoreAccesses =
    6.0 / 2;  // of two walks: score, weight, and what lies beside keys

}  // namespace

PassEstimate PerformanceModel::Pass(int64_t position, int64_t n_tokens, int64_t n_outputs) const {
  CycleModel model(geometry, instructions, timing);
  PassRegisters registers;
  registers.n_tokens = n_tokens;
  registers.n_outputs = n_outputs;
  registers.position = std::max<int64_t>(0, position - 2 * n_tokens + 1);
  const int64_t begin = model.Run(registers);
  const MemoryTraffic before = model.traffic();
  registers.position += n_tokens;
  const int64_t cycles = model.Run(registers) - begin;
  const MemoryTraffic after = model.traffic();

  PassEstimate pass;
  pass.n_tokens = n_tokens;
  pass.position = registers.position;
  pass.first_cycle = begin;
  pass.cycles = cycles;
  pass.instructions = model.last_pass();
  pass.seconds = static_cast<double>(cycles) / (1e3 * geometry.clock_khz);
  EnergyCounts& counts = pass.counts;
  counts.seconds = pass.seconds;
  counts.clock_mhz = geometry.clock_khz / 1e3;
  counts.used = used;
  counts.hbm_read_bytes = static_cast<double>(after.read_bytes - before.read_bytes);
  counts.hbm_write_bytes = static_cast<double>(after.written_bytes - before.written_bytes);
  pass.hbm_bytes = counts.hbm_read_bytes + counts.hbm_write_bytes;
  pass.hbm_utilisation =
      pass.hbm_bytes / (static_cast<double>(cycles) * geometry.lanes * isa::kBeatBytes);
  const double lanes = geometry.lanes;
  const auto vector_lanes = static_cast<double>(geometry.vector_lanes);
  const int64_t n_pairs = (int64_t{geometry.slots} + 1) / 2;
  const auto pairs = static_cast<double>(n_pairs);
  for (const InstructionCycles& i : model.last_pass()) {
    const auto busy = static_cast<double>(i.busy);
    const auto slots = static_cast<double>(i.slot_cycles);
    const auto vector = static_cast<double>(i.vector_cycles);
    counts.dsp_active_cycles +=
        lanes * (area.lane_four_slots.dsps * busy + area.lane_slot.dsps * slots) +
        (area.vector_lane.dsps + area.head_lane.dsps) * vector_lanes * vector;
    counts.lut_active_kcycles +=
        ((lanes * (area.lane.luts + area.channel.luts) + area.control.luts) * busy +
         lanes * area.lane_slot.luts * slots +
         (i.opcode == isa::Opcode::kAttend ? pairs * area.weigher.luts * busy : 0) +
         (area.vector_lane.luts + area.head_lane.luts) * vector_lanes * vector) /
        1e3;
    const double activations = i.opcode == isa::Opcode::kLinear ? geometry.slots * busy : 0;
    const double of_float = i.opcode == isa::Opcode::kAttend ? kScoreAccesses : kVectorAccesses;
    counts.bram_accesses += kStreamAccesses * lanes * static_cast<double>(i.beats) +
                            kActivationReads * activations + of_float * vector_lanes * vector;
    pass.busy += busy / static_cast<double>(cycles);
    pass.waited_inputs += static_cast<double>(i.waited_inputs) / static_cast<double>(cycles);
    pass.waited_memory += static_cast<double>(i.waited_memory) / static_cast<double>(cycles);
    pass.waited_results += static_cast<double>(i.waited_results) / static_cast<double>(cycles);
  }
  return pass;
}

double PerformanceModel::PrefillSeconds(
    int64_t n_tokens, int64_t n_samples,
    const std::function<void(double share)>& on_progress) const {
  const int64_t slots = geometry.slots;
  double sum = 0;
  for (int64_t i = 0; i < n_samples; ++i) {
    const int64_t position = (n_tokens - slots) * i / (n_samples - 1);
    const double seconds = Pass(position + slots - 1, slots, 0).seconds;
    sum += i == 0 || i == n_samples - 1 ? seconds / 2 : seconds;
    on_progress(static_cast<double>(i + 1) / static_cast<double>(n_samples));
  }
  const double passes = static_cast<double>(n_tokens) / static_cast<double>(slots);
  return passes * sum / static_cast<double>(n_samples - 1);
}

}  // namespace accllm::accel
