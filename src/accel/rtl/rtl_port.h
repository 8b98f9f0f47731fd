// The kernel's RTL, simulated, with memory channels: a card that every build with Verilator has.
#pragma once

#include <memory>

#include "accel/card/card_port.h"

namespace accllm::accel {

// A kernel after its reset; lanes and slots are those of the build (ACCLLM_RTL_DEVICE_LANES,
// ACCLLM_RTL_DEVICE_SLOTS). Errors: kUnsupported if this build has none.
Result<std::unique_ptr<CardPort>> OpenRtlPort();

}  // namespace accllm::accel
