// A model on a machine, ready to be timed: what the verbs that estimate the accelerator share.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "accel/energy/energy_model.h"
#include "accel/estimate/counted_area.h"
#include "accel/estimate/fpga_part.h"
#include "accel/estimate/performance.h"
#include "compiler/compile.h"
#include "options.h"

namespace accllm::cli {

// The model that is estimated: a packed file, or a known shape.
struct ShapeFlags {
  std::string file;
  std::string shape;

  void Declare(OptionTable& table);
  // With the linear layers of a shape of type `linear`; empty: 2:4, and those of a file as they
  // are. Errors: kInvalidArgument if there is not one of both, or a type for a file; those of
  // reading.
  Result<compiler::ModelTensors> Read(const std::string& linear) const;
};

// What the bundled data say of parts and events.
struct MachineCosts {
  accel::AreaCosts area;
  accel::CountedArea counted;
  accel::EnergyCoefficients energy;

  static Result<MachineCosts> Bundled();
};

struct EstimatedMachine {
  compiler::ModelTensors model;
  compiler::CompileOptions options;
  compiler::Plan plan;
  accel::MachineSize size;
  accel::PerformanceModel performance;  // of the plan's instructions
  std::vector<accel::AreaPart> area_parts;
  accel::FabricUse area;  // their sum

  EstimatedMachine() = default;
  EstimatedMachine(EstimatedMachine&&) = default;
  EstimatedMachine& operator=(EstimatedMachine&&) = default;

  // Errors: kUnsupported if the target's memory is not HBM2, and those of PlanProgram.
  static Result<EstimatedMachine> Make(compiler::ModelTensors model,
                                       compiler::CompileOptions options, const MachineCosts& costs);

  // Products that a pass of `n_tokens` tokens from `position` on needs, those with pruned weights
  // left out: linear layers and attention.
  double Products(int64_t position, int64_t n_tokens, int64_t n_outputs) const;

  // Most products a second of all lanes, in passes of 2:4 matrices with that many tokens.
  double PeakProducts(int64_t n_tokens) const;

  // Bytes a second: what the channels can give at most, and what they give to a sequential reader.
  double PeakBytes() const;
  double SequentialBytes() const;

  // Of all LUTs, those that synthesis counted.
  double CountedShare() const;

  double HbmShare(const accel::PassEstimate& pass) const {
    return pass.hbm_bytes / pass.seconds / PeakBytes();
  }
};

// "82 % of the LUTs counted by synthesis, the rest by hand"
std::string AreaBasisText(double counted_share);

// The FPGA that a target names, if it does. Errors: kNotFound for one that is not known.
Result<std::optional<accel::FpgaPart>> PartOf(const compiler::Target& target);

// Cycles of the lanes in one kind of operation, summed over the layers.
struct LaneTime {
  std::string name;  // "self_attn.q_proj", "attend", "lm_head"
  int64_t busy = 0;
  int64_t waited_inputs = 0;
  int64_t waited_memory = 0;
  int64_t waited_results = 0;
  int64_t bytes = 0;  // that memory gave

  int64_t cycles() const { return busy + waited_inputs + waited_memory + waited_results; }
};

// In the order of a block. What is missing to the cycles of the pass passes after the last beat.
std::vector<LaneTime> LaneTimes(const EstimatedMachine& machine, const accel::PassEstimate& pass);

}  // namespace accllm::cli
