// A card: the host's side of the kernel's register protocol (docs/reference/accelerator-isa.md).
#pragma once

#include <chrono>
#include <memory>
#include <string_view>
#include <vector>

#include "accel/card/card_port.h"
#include "accel/device.h"
#include "accel/program/program_file.h"

namespace accllm::accel {

class CardDevice final : public Device {
 public:
  // Writes the program's image into the channels, zeros behind it, and the registers that all
  // passes share. The program may be closed afterwards. A pass that takes longer than `time_limit`
  // is an error. Errors: kUnsupported if the kernel has other lanes than the program or fewer
  // slots, kIo if it is busy, and the port's.
  static Result<std::unique_ptr<CardDevice>> Create(const ProgramFile& program,
                                                    std::unique_ptr<CardPort> port,
                                                    std::chrono::milliseconds time_limit);

  Status WriteMemory(int64_t stripe, std::span<const uint8_t> bytes) override;
  Status ReadMemory(int64_t stripe, std::span<uint8_t> bytes) const override;
  // Errors: kIo after the time limit and for what the kernel says of memory, kUnsupported for a
  // program that it does not run.
  Status Run(const PassRegisters& registers) override;
  int64_t cycles() const override { return cycles_; }

 private:
  CardDevice(const ProgramFile& program, std::unique_ptr<CardPort> port,
             std::chrono::milliseconds time_limit);

  Status LoadMemory(const ProgramFile& program);
  Status LoadArguments(const ProgramFile& program);
  Status WriteWide(uint32_t offset, uint64_t value);
  std::string_view OpcodeAt(uint32_t index) const;
  Status CheckIdle();
  Status AwaitDone();
  Status CheckError();

  isa::Geometry g_;
  std::vector<uint32_t> opcodes_;
  std::unique_ptr<CardPort> port_;
  CardNames names_;
  std::chrono::milliseconds time_limit_;
  std::vector<uint64_t> addresses_;  // by channel
  int64_t cycles_ = 0;
};

}  // namespace accllm::accel
