#include "compiler/target.h"

#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <bit>
#include <limits>

#include "accel/data.h"
#include "base/file_io.h"
#include "spec/accelerator.h"

namespace accllm::compiler {
namespace {

constexpr int64_t kMaxFileBytes = 1 << 20;
constexpr std::string_view kFolder = "targets/";
constexpr std::string_view kEnding = ".toml";

struct TargetKey {
  std::string_view name;
  int64_t Target::*field;
  int64_t least;
  int64_t most;
  bool has_default = false;  // may be left out
};

constexpr std::array kIntegerKeys = {
    TargetKey{"lanes", &Target::lanes, 1, isa::kMaxLanes},
    TargetKey{"slots", &Target::slots, 1, isa::kMaxSlots},
    TargetKey{"channel_bytes", &Target::channel_bytes, 1 << 20, int64_t{1} << 37},
    TargetKey{"vector_bytes", &Target::vector_bytes, 1 << 10, int64_t{1} << 32},
    TargetKey{"vector_lanes", &Target::vector_lanes, 1, isa::kMaxVectorLanes, true},
    TargetKey{"head_units", &Target::head_units, 1, isa::kMaxHeadUnits, true},
};
constexpr std::string_view kClockKey = "clock_mhz";
constexpr std::string_view kMemoryKey = "memory";
constexpr std::string_view kPartKey = "part";

Error BadKey(const std::string& path, std::string_view key, std::string_view why) {
  return {ErrorCode::kInvalidArgument, fmt::format("{}: {}: {}", path, key, why),
          "see spec/accelerator/targets/u280.toml for an example"};
}

Status CheckKeys(const toml::table& table, const std::string& path) {
  for (const auto& entry : table) {
    const std::string_view name = entry.first.str();
    const bool is_known = name == kClockKey || name == kMemoryKey || name == kPartKey ||
                          std::any_of(kIntegerKeys.begin(), kIntegerKeys.end(),
                                      [&](const TargetKey& key) { return key.name == name; });
    if (!is_known) return tl::unexpected(BadKey(path, name, "there is no such key"));
  }
  return {};
}

Result<Target> ParseTarget(std::string_view text, const std::string& name,
                           const std::string& path) {
  toml::table table;
  try {
    table = toml::parse(text);
  } catch (const toml::parse_error& error) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("{}:{}: {}", path, error.source().begin.line, error.description()),
                "see spec/accelerator/targets/u280.toml for an example");
  }
  ACCLLM_RETURN_IF_ERROR(CheckKeys(table, path));
  Target target;
  target.name = name;
  for (const TargetKey& key : kIntegerKeys) {
    if (key.has_default && !table.contains(key.name)) continue;
    const auto value = table[key.name].value_exact<int64_t>();
    if (!value || *value < key.least || *value > key.most) {
      return tl::unexpected(BadKey(
          path, key.name, fmt::format("must be an integer from {} to {}", key.least, key.most)));
    }
    target.*key.field = *value;
  }
  if (!std::has_single_bit(static_cast<uint64_t>(target.lanes))) {
    return tl::unexpected(BadKey(path, "lanes", "must be a power of two"));
  }
  const auto clock = table[kClockKey].value<double>();
  if (!clock || !(*clock >= 1) || !(*clock <= 2000)) {
    return tl::unexpected(BadKey(path, kClockKey, "must be a number from 1 to 2000"));
  }
  target.clock_mhz = *clock;
  if (table.contains(kPartKey)) {
    const auto part = table[kPartKey].value_exact<std::string>();
    if (!part || part->empty()) {
      return tl::unexpected(BadKey(path, kPartKey, "must be the name of a part"));
    }
    target.part = *part;
  }
  const auto memory = table[kMemoryKey].value<std::string_view>();
  for (const isa::MemoryLabel& label : isa::kMemoryLabels) {
    if (memory && *memory == label.label) {
      target.memory = label.value;
      return target;
    }
  }
  return tl::unexpected(BadKey(path, kMemoryKey, "must be \"hbm2\" or \"ddr4\""));
}

}  // namespace

std::vector<std::string_view> BundledTargets() {
  std::vector<std::string_view> names;
  for (const accel::DataFile& file : accel::DataFiles()) {
    if (!file.path.starts_with(kFolder)) continue;
    names.push_back(
        file.path.substr(kFolder.size(), file.path.size() - kFolder.size() - kEnding.size()));
  }
  std::sort(names.begin(), names.end());
  return names;
}

Result<Target> LoadTarget(const std::string& name_or_file) {
  for (const std::string_view name : BundledTargets()) {
    if (name != name_or_file) continue;
    return ParseTarget(accel::DataText(fmt::format("{}{}{}", kFolder, name, kEnding)), name_or_file,
                       fmt::format("target {}", name));
  }
  auto text = ReadTextFile(name_or_file, kMaxFileBytes);
  if (!text) {
    Error error = text.error();
    error.remedy = fmt::format("bundled targets are {}", fmt::join(BundledTargets(), ", "));
    return tl::unexpected(error);
  }
  const size_t slash = name_or_file.find_last_of('/');
  const std::string file =
      slash == std::string::npos ? name_or_file : name_or_file.substr(slash + 1);
  return ParseTarget(*text, file.substr(0, file.rfind(kEnding)), name_or_file);
}

}  // namespace accllm::compiler
