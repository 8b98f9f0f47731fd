#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <vector>

#include "accel/rtl/field.h"
#include "tests/rtl/stream.h"

namespace accllm::rtl {

// Half a beat, as a memory channel takes it.
struct HalfBeat {
  static constexpr int kBytes = 32;

  uint32_t stripe = 0;
  bool is_upper = false;
  uint32_t strobe = 0;
  std::array<uint32_t, 8> words = {};

  bool operator==(const HalfBeat&) const = default;
  uint8_t Byte(int i) const { return static_cast<uint8_t>(words[i / 4] >> 8 * (i % 4)); }
};

// The channels that a tile_writer writes to, one a lane.
class TileSinks {
 public:
  // `stalls`: gives each lane's.
  TileSinks(int lanes, const std::function<Stall(int)>& stalls) {
    for (int lane = 0; lane < lanes; ++lane) sinks_.emplace_back(stalls(lane));
  }

  void Drive(auto& dut) {
    dut.ready_i = 0;
    for (size_t lane = 0; lane < sinks_.size(); ++lane) {
      dut.ready_i |= uint32_t{sinks_[lane].Ready()} << lane;
    }
  }

  // `take(lane, half)` gets what a lane takes.
  void Sample(const auto& dut, const auto& take) {
    for (size_t lane = 0; lane < sinks_.size(); ++lane) {
      HalfBeat half{dut.stripe_o, static_cast<bool>(dut.is_upper_o), dut.strobe_o, {}};
      for (size_t i = 0; i < half.words.size(); ++i) {
        half.words[i] = Field(dut.tile_o, 32 * (half.words.size() * lane + i), 32);
      }
      if (sinks_[lane].Sample(dut.valid_o >> lane & 1, half)) take(static_cast<int>(lane), half);
    }
  }

 private:
  std::vector<Sink<HalfBeat>> sinks_;
};

}  // namespace accllm::rtl
