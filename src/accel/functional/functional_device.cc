#include "accel/functional/functional_device.h"

#include <algorithm>

#include "accel/device_checks.h"

namespace accllm::accel {

Result<std::unique_ptr<FunctionalDevice>> FunctionalDevice::Create(
    const isa::Geometry& geometry, std::span<const isa::Instruction> instructions,
    std::span<const uint8_t> image, int n_threads) {
  std::unique_ptr<FunctionalDevice> device(new FunctionalDevice(n_threads));
  ACCLLM_ASSIGN_OR_RETURN(device->state_, LoadMachine(geometry, image));
  device->instructions_.assign(instructions.begin(), instructions.end());
  return device;
}

Status FunctionalDevice::WriteMemory(int64_t stripe, std::span<const uint8_t> bytes) {
  ACCLLM_RETURN_IF_ERROR(CheckStripes(state_.g, stripe, bytes.size()));
  std::copy(bytes.begin(), bytes.end(), state_.At(stripe));
  return {};
}

Status FunctionalDevice::ReadMemory(int64_t stripe, std::span<uint8_t> bytes) const {
  ACCLLM_RETURN_IF_ERROR(CheckStripes(state_.g, stripe, bytes.size()));
  std::copy_n(state_.At(stripe), bytes.size(), bytes.begin());
  return {};
}

Status FunctionalDevice::Run(const PassRegisters& registers) {
  ACCLLM_RETURN_IF_ERROR(CheckPass(state_.g, registers));
  state_.pass = registers;
  for (const isa::Instruction& instruction : instructions_) {
    RunInstruction(state_, instruction, pool_);
    if (watch_) ACCLLM_RETURN_IF_ERROR(watch_(instruction, state_));
  }
  return {};
}

}  // namespace accllm::accel
