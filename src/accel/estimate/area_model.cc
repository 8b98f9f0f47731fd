#include "accel/estimate/area_model.h"

#include <array>
#include <utility>

#include "accel/energy/toml_fields.h"

namespace accllm::accel {
namespace {

constexpr std::array kParts = {
    std::pair{std::string_view("lane"), &AreaCosts::lane},
    std::pair{std::string_view("lane_slot"), &AreaCosts::lane_slot},
    std::pair{std::string_view("lane_four_slots"), &AreaCosts::lane_four_slots},
    std::pair{std::string_view("vector_lane"), &AreaCosts::vector_lane},
    std::pair{std::string_view("head_lane"), &AreaCosts::head_lane},
    std::pair{std::string_view("weigher"), &AreaCosts::weigher},
    std::pair{std::string_view("channel"), &AreaCosts::channel},
    std::pair{std::string_view("control"), &AreaCosts::control},
};
constexpr std::array kResources = {
    std::pair{std::string_view("luts"), &FabricUse::luts},
    std::pair{std::string_view("ffs"), &FabricUse::ffs},
    std::pair{std::string_view("dsps"), &FabricUse::dsps},
    std::pair{std::string_view("brams"), &FabricUse::brams},
    std::pair{std::string_view("urams"), &FabricUse::urams},
};

constexpr int64_t kUramBytes = 36'864;  // 288 kbit

template <typename Pairs>
auto NamesOf(const Pairs& pairs) {
  std::array<std::string_view, std::tuple_size_v<Pairs>> names;
  for (size_t i = 0; i < names.size(); ++i) names[i] = pairs[i].first;
  return names;
}

void AddPart(std::vector<AreaPart>& parts, std::string name, MachinePart of, int64_t n,
             const FabricUse& use) {
  AreaPart part{std::move(name), of, {}};
  AddTimes(part.use, static_cast<double>(n), use);
  parts.push_back(std::move(part));
}

}  // namespace

Result<AreaCosts> ParseAreaCosts(std::string_view text, const std::string& path) {
  ACCLLM_ASSIGN_OR_RETURN(const JsonObject root, ParseTomlText(text, path));
  ACCLLM_RETURN_IF_ERROR(CheckTomlKeys(root, NamesOf(kParts)));
  AreaCosts costs;
  for (const auto& [name, part] : kParts) {
    ACCLLM_ASSIGN_OR_RETURN(const JsonObject table, TomlTable(root, name));
    ACCLLM_RETURN_IF_ERROR(CheckTomlKeys(table, NamesOf(kResources)));
    for (const auto& [resource, field] : kResources) {
      ACCLLM_ASSIGN_OR_RETURN(costs.*part.*field, TomlNumber(table, resource, {0, 1e7}));
    }
  }
  return costs;
}

void AddTimes(FabricUse& sum, double n, const FabricUse& part) {
  for (const auto& [name, field] : kResources) sum.*field += n * part.*field;
}

FabricUse SumOf(std::span<const AreaPart> parts) {
  FabricUse sum;
  for (const AreaPart& part : parts) AddTimes(sum, 1, part.use);
  return sum;
}

std::vector<AreaPart> AreaByHand(const MachineSize& machine, const AreaCosts& costs) {
  using enum MachinePart;
  const int64_t fours = (machine.slots + 3) / 4;
  const int64_t urams = (machine.vector_bytes + kUramBytes - 1) / kUramBytes;
  std::vector<AreaPart> parts;
  AddPart(parts, "lanes", kEngine, machine.lanes, costs.lane);
  AddPart(parts, "tokens of the lanes", kEngine, machine.lanes * machine.slots, costs.lane_slot);
  AddPart(parts, "adders of four tokens", kEngine, machine.lanes * fours, costs.lane_four_slots);
  AddPart(parts, "vector unit", kVectorUnit, machine.vector_lanes, costs.vector_lane);
  AddPart(parts, "vectors on the chip", kVectorUnit, urams, {.urams = 1});
  AddPart(parts, "exponential, maxima, KV4", kHeads, machine.vector_lanes * machine.head_units,
          costs.head_lane);
  AddPart(parts, "weighing of scores", kAttention, (machine.slots + 1) / 2, costs.weigher);
  AddPart(parts, "memory channels", kChannels, machine.lanes, costs.channel);
  AddPart(parts, "control", kControl, 1, costs.control);
  return parts;
}

AreaCosts CostsOf(const MachineSize& machine, const AreaCosts& costs,
                  std::span<const AreaPart> parts) {
  const auto sums = [](std::span<const AreaPart> of) {
    std::array<FabricUse, kMachineParts.size()> uses = {};
    for (const AreaPart& part : of) AddTimes(uses[static_cast<size_t>(part.of)], 1, part.use);
    return uses;
  };
  const auto by_hand = sums(AreaByHand(machine, costs));
  const auto counted = sums(parts);
  AreaCosts scaled = costs;
  const auto scale = [&](MachinePart of, FabricUse& use) {
    for (const auto& [name, field] : kResources) {
      const double hand = by_hand[static_cast<size_t>(of)].*field;
      if (hand > 0) use.*field *= counted[static_cast<size_t>(of)].*field / hand;
    }
  };
  for (FabricUse* use : {&scaled.lane, &scaled.lane_slot, &scaled.lane_four_slots}) {
    scale(MachinePart::kEngine, *use);
  }
  scale(MachinePart::kVectorUnit, scaled.vector_lane);
  scale(MachinePart::kHeads, scaled.head_lane);
  scale(MachinePart::kAttention, scaled.weigher);
  scale(MachinePart::kChannels, scaled.channel);
  scale(MachinePart::kControl, scaled.control);
  return scaled;
}

}  // namespace accllm::accel
