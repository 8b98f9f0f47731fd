#include "accel/estimate/counted_area.h"

#include <algorithm>
#include <array>
#include <utility>

#include "accel/energy/toml_fields.h"
#include "base/block_codec.h"
#include "spec/accelerator.h"

namespace accllm::accel {
namespace {

constexpr IntRange kSize = {1, int64_t{1} << 30};
constexpr IntRange kParameter = {0, kSize.max};
constexpr std::array kCounts = {
    std::pair{std::string_view("lut"), &FabricUse::luts},
    std::pair{std::string_view("ff"), &FabricUse::ffs},
    std::pair{std::string_view("dsp"), &FabricUse::dsps},
    std::pair{std::string_view("bram"), &FabricUse::brams},
    std::pair{std::string_view("uram"), &FabricUse::urams},
};
constexpr auto kRootKeys = std::to_array<std::string_view>({"words", "blocks", "block"});
constexpr auto kBlockKeys =
    std::to_array<std::string_view>({"part", "module", "parameters", "per", "each"});
constexpr auto kSizeNames = std::to_array<std::string_view>(
    {"lanes", "slots", "queries", "vector_lanes", "words", "blocks"});
constexpr auto kPerNames =
    std::to_array<std::string_view>({"machine", "lanes", "slots", "vector_lanes", "head_units"});

Result<std::string> OneOf(const JsonObject& table, std::string_view key,
                          std::span<const std::string_view> names) {
  ACCLLM_ASSIGN_OR_RETURN(std::string name, TomlString(table, key));
  if (std::find(names.begin(), names.end(), name) != names.end()) return name;
  return Fail(ErrorCode::kCorrupt, fmt::format("{} is {}", table.Where(key), name),
              fmt::format("known are {}", fmt::join(names, ", ")));
}

// Of one of kMachineParts.
MachinePart PartNamed(std::string_view name) {
  const auto at = std::find(kMachineParts.begin(), kMachineParts.end(), name);
  return static_cast<MachinePart>(at - kMachineParts.begin());
}

}  // namespace

Result<CountedArea::Block> CountedArea::ParseBlock(const JsonObject& table) {
  ACCLLM_RETURN_IF_ERROR(CheckTomlKeys(table, kBlockKeys));
  Block block;
  ACCLLM_ASSIGN_OR_RETURN(const std::string part, OneOf(table, "part", kMachineParts));
  block.part = PartNamed(part);
  ACCLLM_ASSIGN_OR_RETURN(block.module, TomlString(table, "module"));
  ACCLLM_ASSIGN_OR_RETURN(const JsonObject parameters, TomlTable(table, "parameters"));
  for (const std::string& name : parameters.Keys()) {
    if (parameters.IsString(name)) {
      ACCLLM_ASSIGN_OR_RETURN(block.sizes[name], OneOf(parameters, name, kSizeNames));
    } else {
      ACCLLM_ASSIGN_OR_RETURN(block.numbers[name], TomlInteger(parameters, name, kParameter));
    }
  }
  ACCLLM_ASSIGN_OR_RETURN(block.per, OneOf(table, "per", kPerNames));
  if (table.Has("each")) {
    ACCLLM_ASSIGN_OR_RETURN(block.each, TomlInteger(table, "each", kSize));
  }
  return block;
}

Status CountedArea::ParseCounts(const JsonObject& root) {
  for (const std::string& module : root.Keys()) {
    ACCLLM_ASSIGN_OR_RETURN(const std::vector<JsonObject> tables, root.Objects(module));
    for (const JsonObject& table : tables) {
      Count count;
      ACCLLM_ASSIGN_OR_RETURN(const JsonObject parameters, TomlTable(table, "parameters"));
      for (const std::string& name : parameters.Keys()) {
        ACCLLM_ASSIGN_OR_RETURN(count.parameters[name], TomlInteger(parameters, name, kParameter));
      }
      for (const auto& [name, field] : kCounts) {
        ACCLLM_ASSIGN_OR_RETURN(count.use.*field, TomlNumber(table, name, {0, 1e7}));
      }
      counts_[module].push_back(std::move(count));
    }
  }
  return {};
}

Result<CountedArea> CountedArea::Parse(std::string_view blocks, const std::string& blocks_path,
                                       std::string_view counts, const std::string& counts_path) {
  CountedArea area;
  ACCLLM_ASSIGN_OR_RETURN(const JsonObject root, ParseTomlText(blocks, blocks_path));
  ACCLLM_RETURN_IF_ERROR(CheckTomlKeys(root, kRootKeys));
  ACCLLM_ASSIGN_OR_RETURN(area.words_, TomlInteger(root, "words", kSize));
  ACCLLM_ASSIGN_OR_RETURN(area.blocks_, TomlInteger(root, "blocks", kSize));
  ACCLLM_ASSIGN_OR_RETURN(const std::vector<JsonObject> tables, root.Objects("block"));
  for (const JsonObject& table : tables) {
    ACCLLM_ASSIGN_OR_RETURN(Block block, ParseBlock(table));
    area.list_.push_back(std::move(block));
  }
  ACCLLM_ASSIGN_OR_RETURN(const JsonObject counted, ParseTomlText(counts, counts_path));
  ACCLLM_RETURN_IF_ERROR(area.ParseCounts(counted));
  return area;
}

CountedArea::Parameters CountedArea::SizesOf(const MachineSize& machine) const {
  Parameters sizes = {{"machine", 1},
                      {"lanes", machine.lanes},
                      {"slots", machine.slots},
                      {"queries", machine.slots / 2},
                      {"vector_lanes", machine.vector_lanes},
                      {"head_units", machine.head_units},
                      {"blocks", blocks_}};
  const int64_t floats = machine.vector_lanes * words_;
  const int64_t codes = isa::kActivationBuffers * machine.slots * blocks_ * format::kBlockWeights;
  if (machine.vector_bytes <= floats * int64_t{sizeof(float)} + codes) sizes["words"] = words_;
  return sizes;
}

const FabricUse* CountedArea::Find(const Block& block, const Parameters& sizes) const {
  Parameters wanted = block.numbers;
  for (const auto& [name, size] : block.sizes) {
    const auto known = sizes.find(size);
    if (known == sizes.end()) return nullptr;
    wanted[name] = known->second;
  }
  const auto counts = counts_.find(block.module);
  if (counts == counts_.end()) return nullptr;
  for (const Count& count : counts->second) {
    if (count.parameters == wanted) return &count.use;
  }
  return nullptr;
}

std::optional<FabricUse> CountedArea::UseOf(MachinePart part, const Parameters& sizes) const {
  std::optional<FabricUse> sum;
  for (const Block& block : list_) {
    if (block.part != part) continue;
    const FabricUse* use = Find(block, sizes);
    if (use == nullptr) return std::nullopt;
    if (!sum) sum.emplace();
    const int64_t n = (sizes.at(block.per) + block.each - 1) / block.each;
    AddTimes(*sum, static_cast<double>(n), *use);
  }
  return sum;
}

std::vector<AreaPart> CountedArea::PartsOf(const MachineSize& machine) const {
  const Parameters sizes = SizesOf(machine);
  std::vector<AreaPart> parts;
  for (const std::string_view name : kMachineParts) {
    const MachinePart part = PartNamed(name);
    if (const std::optional<FabricUse> use = UseOf(part, sizes)) {
      parts.push_back({std::string(name), part, *use, AreaBasis::kSynthesis});
    }
  }
  return parts;
}

std::vector<AreaPart> AreaOf(const MachineSize& machine, const AreaCosts& costs,
                             const CountedArea& counted) {
  std::vector<AreaPart> parts = counted.PartsOf(machine);
  const auto is_counted = [n = parts.size(), &parts](MachinePart part) {
    return std::any_of(parts.begin(), parts.begin() + static_cast<std::ptrdiff_t>(n),
                       [&](const AreaPart& known) { return known.of == part; });
  };
  for (AreaPart& part : AreaByHand(machine, costs)) {
    if (!is_counted(part.of)) parts.push_back(std::move(part));
  }
  return parts;
}

}  // namespace accllm::accel
