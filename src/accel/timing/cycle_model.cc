#include "accel/timing/cycle_model.h"

#include "accel/timing/array_pass.h"
#include "accel/timing/lane_pass.h"

namespace accllm::accel {

CycleModel::CycleModel(const isa::Geometry& geometry,
                       std::span<const isa::Instruction> instructions,
                       const MachineTiming& timing) {
  if (timing.dsp_array) {
    timing_ = std::make_unique<ArrayPass>(geometry, instructions, timing);
  } else {
    timing_ = std::make_unique<LanePass>(geometry, instructions, timing);
  }
}

}  // namespace accllm::accel
