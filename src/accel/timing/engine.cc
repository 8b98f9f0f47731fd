#include "accel/timing/engine.h"

#include "accel/timing/dsp_engine.h"
#include "accel/timing/lane_engine.h"

namespace accllm::accel {

std::unique_ptr<Engine> MakeEngine(const isa::Geometry& geometry, const MachineTiming& timing) {
  if (timing.dsp_array) return std::make_unique<DspEngine>(geometry, *timing.dsp_array);
  return std::make_unique<LaneEngine>(geometry, timing.cache_bits);
}

}  // namespace accllm::accel
