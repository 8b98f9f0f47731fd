// What a machine takes of the FPGA: parts of spec/accelerator/area.toml, by hand.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "accel/energy/energy_counts.h"
#include "base/result.h"

namespace accllm::accel {

struct AreaCosts {
  FabricUse lane;
  FabricUse lane_slot;        // for each token of a pass in each lane
  FabricUse lane_four_slots;  // for each four of them
  FabricUse vector_lane;
  FabricUse head_lane;  // for each lane of the vector unit and each head unit
  FabricUse weigher;    // for each two tokens of a pass
  FabricUse channel;
  FabricUse control;
};

// `path` is for messages. Errors: kNotFound and kCorrupt, naming file and field.
Result<AreaCosts> ParseAreaCosts(std::string_view text, const std::string& path);

struct MachineSize {
  int64_t lanes = 0;
  int64_t slots = 0;
  int64_t vector_lanes = 0;
  int64_t head_units = 1;
  int64_t vector_bytes = 0;  // of vectors and activations on the chip
};

// Parts of the machine, each counted or by hand as a whole.
enum class MachinePart { kEngine, kVectorUnit, kAttention, kHeads, kChannels, kControl };
constexpr auto kMachineParts = std::to_array<std::string_view>(
    {"engine", "vector unit", "attention", "heads and cache", "memory channels", "control"});

enum class AreaBasis { kByHand, kSynthesis };

struct AreaPart {
  std::string name;
  MachinePart of = MachinePart::kEngine;
  FabricUse use;
  AreaBasis basis = AreaBasis::kByHand;
};

// `sum` and n times `part`.
void AddTimes(FabricUse& sum, double n, const FabricUse& part);

FabricUse SumOf(std::span<const AreaPart> parts);

// All parts by hand, vectors on the chip in URAMs.
std::vector<AreaPart> AreaByHand(const MachineSize& machine, const AreaCosts& costs);

// Costs, in proportion to `costs`, whose parts of the machine are as large as `parts`: what is
// active in a machine of which synthesis has counted some.
AreaCosts CostsOf(const MachineSize& machine, const AreaCosts& costs,
                  std::span<const AreaPart> parts);

}  // namespace accllm::accel
