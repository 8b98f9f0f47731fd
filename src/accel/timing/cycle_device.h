// The cycle device: the functional model's results, with the time that they take.
#pragma once

#include <memory>

#include "accel/functional/functional_device.h"
#include "accel/timing/cycle_model.h"

namespace accllm::accel {

class CycleDevice final : public Device {
 public:
  // Errors: kUnsupported if the target's memory is not HBM2, kOutOfMemory.
  static Result<std::unique_ptr<CycleDevice>> Create(const ProgramFile& program,
                                                     const MachineTiming& timing, int n_threads) {
    if (static_cast<isa::Memory>(program.geometry().memory) != isa::Memory::kHbm2) {
      return Fail(ErrorCode::kUnsupported,
                  fmt::format("{}: the cycle model knows HBM2 only", program.path()),
                  "compile for a target with memory = \"hbm2\", or use --device functional");
    }
    ACCLLM_ASSIGN_OR_RETURN(auto functional, FunctionalDevice::Create(program, n_threads));
    return std::unique_ptr<CycleDevice>(new CycleDevice(
        std::move(functional), CycleModel(program.geometry(), program.instructions(), timing)));
  }

  Status WriteMemory(int64_t stripe, std::span<const uint8_t> bytes) override {
    return functional_->WriteMemory(stripe, bytes);
  }
  Status ReadMemory(int64_t stripe, std::span<uint8_t> bytes) const override {
    return functional_->ReadMemory(stripe, bytes);
  }
  Status Run(const PassRegisters& registers) override {
    ACCLLM_RETURN_IF_ERROR(functional_->Run(registers));  // checks the registers
    model_.Run(registers);
    return {};
  }
  int64_t cycles() const override { return model_.cycle(); }

  FunctionalDevice& functional() { return *functional_; }
  const CycleModel& model() const { return model_; }

 private:
  CycleDevice(std::unique_ptr<FunctionalDevice> functional, CycleModel model)
      : functional_(std::move(functional)), model_(std::move(model)) {}

  std::unique_ptr<FunctionalDevice> functional_;
  CycleModel model_;
};

}  // namespace accllm::accel
