// What a machine takes of the FPGA: the parts of spec/accelerator/area.toml, counted.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "accel/energy/energy_counts.h"
#include "base/result.h"

namespace accllm::accel {

struct AreaCosts {
  FabricUse lane;
  FabricUse lane_slot;        // for each token of a pass in each lane
  FabricUse lane_four_slots;  // for each four of them
  FabricUse vector_lane;
  FabricUse weigher;  // for each two tokens of a pass
  FabricUse channel;
  FabricUse control;
};

// `path` is for messages. Errors: kNotFound and kCorrupt, naming file and field.
Result<AreaCosts> ParseAreaCosts(std::string_view text, const std::string& path);

struct MachineSize {
  int64_t lanes = 0;
  int64_t slots = 0;
  int64_t vector_lanes = 0;
  int64_t vector_bytes = 0;  // of vectors and activations on the chip, in URAMs
};

FabricUse EstimateArea(const MachineSize& machine, const AreaCosts& costs);

}  // namespace accllm::accel
