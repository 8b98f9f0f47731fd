// How the host reaches a card: the kernel's registers and its memory channels. XRT is one such
// port.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/result.h"

namespace accllm::accel {

class CardPort {
 public:
  virtual ~CardPort() = default;

  // How many memory channels the kernel has: its lanes.
  virtual int64_t n_channels() const = 0;

  // 32-bit registers by their byte offsets (isa::registers). Reading may change the kernel's state.
  virtual Status WriteRegister(uint32_t offset, uint32_t value) = 0;
  virtual Result<uint32_t> ReadRegister(uint32_t offset) = 0;

  // A buffer of the host's in a channel, at most one each. Gives the address at which the kernel
  // finds it.
  virtual Result<uint64_t> Allocate(int64_t channel, size_t n_bytes) = 0;
  // From a byte of that buffer on.
  virtual Status Write(int64_t channel, size_t offset, std::span<const uint8_t> bytes) = 0;
  virtual Status Read(int64_t channel, size_t offset, std::span<uint8_t> bytes) = 0;
};

}  // namespace accllm::accel
