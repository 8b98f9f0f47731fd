#include "accel/energy/baseline_machine.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "accel/energy/toml_fields.h"
#include "spec/accelerator.h"

namespace accllm::accel {
namespace {

template <typename Owner>
struct IntegerField {
  std::string_view key;
  int64_t Owner::*member;
  IntRange range;
};

constexpr auto kEngineFields = std::to_array<IntegerField<DspArray>>({
    {"channels", &DspArray::channels, {1, 64}},
    {"cores", &DspArray::cores, {1, 64}},
    {"rows_together", &DspArray::rows_together, {1, 1 << 16}},
    {"vector_lanes", &DspArray::vector_lanes, {1, isa::kMaxVectorLanes}},
});
constexpr auto kTimingFields = std::to_array<IntegerField<MachineTiming>>({
    {"stream_beats", &MachineTiming::stream_beats, {1, 1 << 20}},
    {"burst_beats", &MachineTiming::burst_beats, {1, 256}},
    {"bursts_in_flight", &MachineTiming::bursts_in_flight, {1, 1 << 10}},
    {"heads_ahead", &MachineTiming::heads_ahead, {1, 1 << 10}},
});
constexpr auto kOtherKeys =
    std::to_array<std::string_view>({"shape", "sinks", "window", "memory_bytes", "calibrated",
                                     "macs_per_cycle", "barrier_cycles", "checks"});
constexpr auto kCheckKeys =
    std::to_array<std::string_view>({"cached_tokens", "tokens_per_s", "source"});
constexpr std::string_view kNothing = "nothing";

std::vector<std::string_view> KnownKeys() {
  std::vector<std::string_view> known(kOtherKeys.begin(), kOtherKeys.end());
  for (const auto& field : kEngineFields) known.push_back(field.key);
  for (const auto& field : kTimingFields) known.push_back(field.key);
  return known;
}

template <typename Fields, typename Owner>
Status ReadIntegers(const JsonObject& table, const Fields& fields, Owner& owner) {
  for (const auto& field : fields) {
    ACCLLM_ASSIGN_OR_RETURN(owner.*field.member, TomlInteger(table, field.key, field.range));
  }
  return {};
}

Result<std::vector<BaselineCheck>> ReadChecks(const JsonObject& table) {
  std::vector<BaselineCheck> checks;
  if (!table.Has("checks")) return checks;
  ACCLLM_ASSIGN_OR_RETURN(const std::vector<JsonObject> objects, table.Objects("checks"));
  for (const JsonObject& object : objects) {
    ACCLLM_RETURN_IF_ERROR(CheckTomlKeys(object, kCheckKeys));
    BaselineCheck check;
    ACCLLM_ASSIGN_OR_RETURN(check.cached_tokens,
                            TomlInteger(object, "cached_tokens", {1, 1 << 20}));
    ACCLLM_ASSIGN_OR_RETURN(check.tokens_per_s, TomlNumber(object, "tokens_per_s", {1e-6, 1e9}));
    ACCLLM_ASSIGN_OR_RETURN(check.source, TomlString(object, "source"));
    checks.push_back(std::move(check));
  }
  return checks;
}

}  // namespace

Result<BaselineMachine> ParseBaselineMachine(const JsonObject& table) {
  const std::vector<std::string_view> known = KnownKeys();
  ACCLLM_RETURN_IF_ERROR(CheckTomlKeys(table, known));
  BaselineMachine machine;
  ACCLLM_ASSIGN_OR_RETURN(machine.shape, TomlString(table, "shape"));
  ACCLLM_ASSIGN_OR_RETURN(machine.attention.n_sinks, TomlInteger(table, "sinks", {0, 1 << 20}));
  ACCLLM_ASSIGN_OR_RETURN(machine.attention.window, TomlInteger(table, "window", {0, 1 << 20}));
  ACCLLM_ASSIGN_OR_RETURN(machine.memory_bytes,
                          TomlInteger(table, "memory_bytes", {1, int64_t{1} << 50}));
  ACCLLM_ASSIGN_OR_RETURN(machine.calibrated, TomlString(table, "calibrated"));
  if (machine.calibrated != kNothing &&
      std::find(known.begin(), known.end(), machine.calibrated) == known.end()) {
    return Fail(ErrorCode::kCorrupt,
                fmt::format("{} is '{}'", table.Where("calibrated"), machine.calibrated),
                fmt::format("name a field of the table, or '{}'", kNothing));
  }
  ACCLLM_RETURN_IF_ERROR(ReadIntegers(table, kEngineFields, machine.engine));
  ACCLLM_RETURN_IF_ERROR(ReadIntegers(table, kTimingFields, machine.timing));
  if (machine.engine.channels % machine.engine.cores != 0) {
    return Fail(ErrorCode::kCorrupt,
                fmt::format("{} is {}, which {} cores cannot share evenly", table.Where("channels"),
                            machine.engine.channels, machine.engine.cores),
                "give a multiple of cores");
  }
  ACCLLM_ASSIGN_OR_RETURN(machine.engine.macs_per_cycle,
                          TomlNumber(table, "macs_per_cycle", {1, 1e7}));
  if (table.Has("barrier_cycles")) {
    ACCLLM_ASSIGN_OR_RETURN(machine.timing.barrier_cycles,
                            TomlInteger(table, "barrier_cycles", {0, 1 << 20}));
  }
  ACCLLM_ASSIGN_OR_RETURN(machine.checks, ReadChecks(table));
  return machine;
}

}  // namespace accllm::accel
