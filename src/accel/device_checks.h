// What every device refuses: passes and ranges of memory that its program has no room for.
#pragma once

#include <cstddef>
#include <cstdint>

#include "accel/device.h"
#include "accel/program/layout.h"

namespace accllm::accel {

inline Status CheckPass(const isa::Geometry& g, const PassRegisters& registers) {
  if (registers.n_tokens >= 1 && registers.n_tokens <= int64_t{g.slots} &&
      registers.n_outputs >= 0 && registers.n_outputs <= registers.n_tokens &&
      registers.position >= 0) {
    return {};
  }
  return Fail(ErrorCode::kInvalidArgument, "the registers of a pass are out of range");
}

inline Status CheckStripes(const isa::Geometry& g, int64_t stripe, size_t n_bytes) {
  const int64_t end = stripe + CeilDiv(static_cast<int64_t>(n_bytes), g.lanes * isa::kBeatBytes);
  if (stripe >= 0 && end <= int64_t{g.stripes}) return {};
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("stripes {} to {} are outside the program's memory", stripe, end));
}

}  // namespace accllm::accel
