// A program, whose instructions the functional model runs beside the kernel.
#pragma once

#include <random>
#include <utility>
#include <vector>

#include "accel/functional/machine_state.h"
#include "accel/program/layout.h"
#include "accel/program/stored_vector.h"
#include "compiler/testing/compiled_model.h"

namespace accllm::rtl {

struct KernelProgramOptions {
  bool has_attention = false;  // else without its instructions
  AttentionWindow window = {4, 20};
  int64_t max_tokens = 100;
  std::vector<TensorPlan> plan = {};  // of the model's tensors; else all types of weights
};

class KernelProgram {
 public:
  // Of a small random model.
  KernelProgram(const ModelConfig& config, int64_t lanes, int64_t slots,
                const KernelProgramOptions& options = {}) {
    const testing::CompiledModel model(
        config, options.plan.empty() ? testing::AcceleratorPlan(config) : options.plan);
    const auto program =
        model.Compile({testing::TestTarget(lanes, slots), options.window, options.max_tokens});
    EXPECT_TRUE(program) << program.error().ToString();
    Load(*program);
    if (!options.has_attention) instructions_ = WithoutAttention(instructions_);
  }
  explicit KernelProgram(const accel::ProgramFile& program) { Load(program); }

  const isa::Geometry& geometry() const { return state_.g; }
  const std::vector<uint8_t>& image() const { return image_; }
  const std::vector<isa::Instruction>& instructions() const { return instructions_; }
  void set_instructions(std::vector<isa::Instruction> instructions) {
    instructions_ = std::move(instructions);
  }
  accel::MachineState& state() { return state_; }

  void BeginPass(const accel::PassRegisters& pass) { state_.pass = pass; }
  void Run(const isa::Instruction& instruction) {
    accel::RunInstruction(state_, instruction, pool_);
  }

  // What the host writes for a token of a pass: made up. Returns the stripe and its bytes.
  std::pair<int64_t, std::vector<uint8_t>> WriteInput(int64_t token) {
    std::vector<float> x(geometry().hidden);
    std::normal_distribution<float> normal;
    for (float& value : x) value = normal(random_);
    const int64_t stripe = geometry().input_address + token * accel::InputStripes(geometry());
    std::vector<uint8_t> bytes = accel::StoreVector(x, geometry().lanes);
    std::copy(bytes.begin(), bytes.end(), state_.At(stripe));
    return {stripe, std::move(bytes)};
  }
  // The same, of cosines and sines.
  std::pair<int64_t, std::vector<uint8_t>> WriteAngles(int64_t token) {
    std::vector<float> x(accel::RopeFloats(geometry()));
    std::uniform_real_distribution<float> uniform(-1, 1);
    for (float& value : x) value = uniform(random_);
    const int64_t stripe = geometry().rope_address + token * accel::RopeStripes(geometry());
    std::vector<uint8_t> bytes = accel::StoreNarrowVector(x, geometry().lanes);
    std::copy(bytes.begin(), bytes.end(), state_.At(stripe));
    return {stripe, std::move(bytes)};
  }

 private:
  void Load(const accel::ProgramFile& program) {
    auto state = accel::LoadMachine(program.geometry(), program.image());
    EXPECT_TRUE(state) << state.error().ToString();
    state_ = *std::move(state);
    image_.assign(program.image().begin(), program.image().end());
    instructions_.assign(program.instructions().begin(), program.instructions().end());
  }

  // All but attention, its output's codes and the layer that takes them.
  static std::vector<isa::Instruction> WithoutAttention(std::span<const isa::Instruction> all) {
    std::vector<isa::Instruction> rest;
    int64_t mixed_buffer = -1;
    for (const isa::Instruction& i : all) {
      const auto opcode = static_cast<isa::Opcode>(i.opcode);
      if (opcode == isa::Opcode::kStoreKv || opcode == isa::Opcode::kAttend) continue;
      if (opcode == isa::Opcode::kQuantize &&
          i.source == static_cast<uint32_t>(isa::Vector::kMixed)) {
        mixed_buffer = i.destination;
        continue;
      }
      if (opcode == isa::Opcode::kLinear && i.source == mixed_buffer) continue;
      if (opcode == isa::Opcode::kNorm || opcode == isa::Opcode::kQuantize) mixed_buffer = -1;
      rest.push_back(i);
    }
    return rest;
  }

  ThreadPool pool_{1};
  accel::MachineState state_;
  std::vector<uint8_t> image_;
  std::vector<isa::Instruction> instructions_;
  std::mt19937 random_{5};
};

}  // namespace accllm::rtl
