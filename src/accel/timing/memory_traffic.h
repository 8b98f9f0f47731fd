// What memory channels have read and written.
#pragma once

#include <cstdint>
#include <span>

#include "accel/timing/hbm_channel.h"

namespace accllm::accel {

struct MemoryTraffic {
  int64_t read_bytes = 0;
  int64_t written_bytes = 0;

  static MemoryTraffic Of(std::span<const HbmChannel> channels) {
    MemoryTraffic sum;
    for (const HbmChannel& channel : channels) {
      sum.read_bytes += channel.statistics().beats_read * kHbmBeatBytes;
      sum.written_bytes += channel.statistics().beats_written * kHbmBeatBytes;
    }
    return sum;
  }
};

}  // namespace accllm::accel
