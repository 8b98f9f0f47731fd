#include "accel/functional/functional_device.h"

#include <algorithm>

#include "accel/program/layout.h"

namespace accllm::accel {

Result<std::unique_ptr<FunctionalDevice>> FunctionalDevice::Create(const ProgramFile& program,
                                                                   int n_threads) {
  std::unique_ptr<FunctionalDevice> device(new FunctionalDevice(n_threads));
  ACCLLM_ASSIGN_OR_RETURN(device->state_, LoadMachine(program));
  device->instructions_.assign(program.instructions().begin(), program.instructions().end());
  return device;
}

Status FunctionalDevice::CheckRange(int64_t stripe, size_t n_bytes) const {
  const int64_t end =
      stripe + CeilDiv(static_cast<int64_t>(n_bytes), state_.g.lanes * isa::kBeatBytes);
  if (stripe >= 0 && end <= int64_t{state_.g.stripes}) return {};
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("stripes {} to {} are outside the program's memory", stripe, end));
}

Status FunctionalDevice::WriteMemory(int64_t stripe, std::span<const uint8_t> bytes) {
  ACCLLM_RETURN_IF_ERROR(CheckRange(stripe, bytes.size()));
  std::copy(bytes.begin(), bytes.end(), state_.At(stripe));
  return {};
}

Status FunctionalDevice::ReadMemory(int64_t stripe, std::span<uint8_t> bytes) const {
  ACCLLM_RETURN_IF_ERROR(CheckRange(stripe, bytes.size()));
  std::copy_n(state_.At(stripe), bytes.size(), bytes.begin());
  return {};
}

Status FunctionalDevice::Run(const PassRegisters& registers) {
  if (registers.n_tokens < 1 || registers.n_tokens > int64_t{state_.g.slots} ||
      registers.n_outputs < 0 || registers.n_outputs > registers.n_tokens ||
      registers.position < 0) {
    return Fail(ErrorCode::kInvalidArgument, "the registers of a pass are out of range");
  }
  state_.pass = registers;
  for (const isa::Instruction& instruction : instructions_) {
    RunInstruction(state_, instruction, pool_);
    if (watch_) ACCLLM_RETURN_IF_ERROR(watch_(instruction, state_));
  }
  return {};
}

}  // namespace accllm::accel
