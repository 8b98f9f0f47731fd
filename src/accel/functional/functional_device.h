// The functional model: every bit that the accelerator computes, without time.
#pragma once

#include <functional>
#include <memory>

#include "accel/device.h"
#include "accel/functional/machine_state.h"
#include "accel/program/program_file.h"

namespace accllm::accel {

class FunctionalDevice final : public Device {
 public:
  // Called after each instruction of a pass, for traces and comparisons. An error ends the pass.
  using Watch = std::function<Status(const isa::Instruction&, const MachineState&)>;

  // The program may be closed afterwards. Errors: kOutOfMemory.
  static Result<std::unique_ptr<FunctionalDevice>> Create(const ProgramFile& program,
                                                          int n_threads) {
    return Create(program.geometry(), program.instructions(), program.image(), n_threads);
  }
  // Of what CheckProgram has accepted.
  static Result<std::unique_ptr<FunctionalDevice>> Create(
      const isa::Geometry& geometry, std::span<const isa::Instruction> instructions,
      std::span<const uint8_t> image, int n_threads);

  Status WriteMemory(int64_t stripe, std::span<const uint8_t> bytes) override;
  Status ReadMemory(int64_t stripe, std::span<uint8_t> bytes) const override;
  Status Run(const PassRegisters& registers) override;

  void SetWatch(Watch watch) { watch_ = std::move(watch); }
  const MachineState& state() const { return state_; }

 private:
  explicit FunctionalDevice(int n_threads) : pool_(n_threads) {}

  ThreadPool pool_;
  MachineState state_;
  std::vector<isa::Instruction> instructions_;
  Watch watch_;
};

}  // namespace accllm::accel
