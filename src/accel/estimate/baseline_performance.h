// Speed of a published accelerator, by the cycle model that this project's own runs on.
#pragma once

#include <cstdint>
#include <span>

#include "accel/energy/baseline.h"
#include "spec/accelerator.h"

namespace accllm::accel {

// The token at `position` on the machine of `baseline`, which must have one. The program is that of
// its model and attention: what it names are operations, shapes and order; formats and units are
// the baseline's.
BaselineToken ModelToken(const Baseline& baseline, const isa::Geometry& geometry,
                         std::span<const isa::Instruction> instructions, int64_t position);

// What its memory holds when the token at `position` is run.
double BytesHeld(const Baseline& baseline, int64_t position);

}  // namespace accllm::accel
