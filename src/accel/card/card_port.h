// How the host reaches a card: the kernel's registers and its memory channels. XRT is one such
// port.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "base/result.h"

namespace accllm::accel {

// How errors speak of a card.
struct CardNames {
  std::string kernel = "the card's kernel";
  std::string reset = "reset the card (xbutil reset), and load the xclbin anew";
  std::string recompile = "compile the model for the target that the xclbin was built for";
};

class CardPort {
 public:
  virtual ~CardPort() = default;

  // How many memory channels the kernel has: its lanes.
  virtual int64_t n_channels() const = 0;
  // Tokens of a pass, at most; a kernel of which that is not known refuses others itself.
  virtual std::optional<int64_t> n_slots() const { return std::nullopt; }
  virtual CardNames names() const { return {}; }

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
