#include "accel/energy/baseline.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <span>
#include <vector>

#include "accel/energy/toml_fields.h"

namespace accllm::accel {
namespace {

struct BaselineField {
  std::string_view key;
  double Baseline::*member;
  NumberRange range;
};

// Zero would divide by zero or describe no accelerator.
constexpr double kTiny = 1e-6;
constexpr double kHuge = 1e15;

constexpr auto kPublishedFields = std::to_array<BaselineField>({
    {"tokens_per_s", &Baseline::tokens_per_s, {kTiny, kHuge}},
    {"watts", &Baseline::watts, {kTiny, 1000}},
    {"tokens_per_joule", &Baseline::tokens_per_joule, {kTiny, kHuge}},
    {"clock_mhz", &Baseline::clock_mhz, {kTiny, 2000}},
    {"luts", &Baseline::luts, {0, 1e8}},
    {"dsps", &Baseline::dsps, {0, 1e6}},
});
constexpr auto kModelFields = std::to_array<BaselineField>({
    {"weights", &Baseline::weights, {1, kHuge}},
    {"cached_values_per_token", &Baseline::cached_values_per_token, {0, kHuge}},
    {"attention_macs_per_cached_token", &Baseline::attention_macs_per_cached_token, {0, kHuge}},
});
constexpr auto kInferredFields = std::to_array<BaselineField>({
    {"weight_bits", &Baseline::weight_bits, {kTiny, 64}},
    {"multiplied_share", &Baseline::multiplied_share, {0, 1}},
    {"cached_tokens", &Baseline::cached_tokens, {0, kHuge}},
    {"cached_bits", &Baseline::cached_bits, {0, 64}},
    {"macs_per_dsp_cycle", &Baseline::macs_per_dsp_cycle, {kTiny, 64}},
    {"ffs", &Baseline::ffs, {0, 1e8}},
    {"brams", &Baseline::brams, {0, 1e6}},
    {"urams", &Baseline::urams, {0, 1e6}},
    {"hbm_bytes_per_s", &Baseline::hbm_bytes_per_s, {1, kHuge}},
    {"bram_accesses_per_byte", &Baseline::bram_accesses_per_byte, {0, 64}},
    {"macs_per_uram_access", &Baseline::macs_per_uram_access, {1, 1e6}},
});
constexpr auto kBaselineKeys = std::to_array<std::string_view>(
    {"name", "platform", "published", "model", "inferred", "machine"});

// Published figures are rounded to two or three digits.
constexpr double kPublishedTolerance = 0.02;

// Reads the table `key` of `root`, which holds `fields` and the strings `texts`.
Result<JsonObject> ReadBaselineTable(const JsonObject& root, std::string_view key,
                                     std::span<const BaselineField> fields,
                                     std::vector<std::string_view> texts, Baseline& baseline) {
  ACCLLM_ASSIGN_OR_RETURN(JsonObject table, TomlTable(root, key));
  std::vector<std::string_view>& known = texts;
  for (const BaselineField& field : fields) known.push_back(field.key);
  ACCLLM_RETURN_IF_ERROR(CheckTomlKeys(table, known));
  for (const BaselineField& field : fields) {
    ACCLLM_ASSIGN_OR_RETURN(baseline.*field.member, TomlNumber(table, field.key, field.range));
  }
  return table;
}

Result<EnergyScope> ReadScope(const JsonObject& table) {
  ACCLLM_ASSIGN_OR_RETURN(const std::string scope, TomlString(table, "scope"));
  if (scope == "chip") return EnergyScope::kChip;
  if (scope == "card") return EnergyScope::kCard;
  return Fail(ErrorCode::kCorrupt, fmt::format("{} is '{}'", table.Where("scope"), scope),
              "give chip or card: what the watts are of");
}

double BytesReadPerToken(const Baseline& baseline) {
  return (baseline.weights * baseline.weight_bits +
          baseline.cached_tokens * baseline.cached_values_per_token * baseline.cached_bits) /
         8;
}

double MacsPerToken(const Baseline& baseline, double cached_tokens) {
  return baseline.weights * baseline.multiplied_share +
         cached_tokens * baseline.attention_macs_per_cached_token;
}

Status CheckBaseline(const Baseline& baseline, const JsonObject& published,
                     const JsonObject& inferred) {
  const double tokens_per_joule = baseline.tokens_per_s / baseline.watts;
  if (std::abs(tokens_per_joule / baseline.tokens_per_joule - 1) > kPublishedTolerance) {
    return Fail(ErrorCode::kCorrupt,
                fmt::format("{} is {}, but tokens_per_s / watts is {:.4g}",
                            published.Where("tokens_per_joule"), baseline.tokens_per_joule,
                            tokens_per_joule),
                "take all three from one table of the source");
  }
  const double bytes_per_s = BytesReadPerToken(baseline) * baseline.tokens_per_s;
  if (bytes_per_s > baseline.hbm_bytes_per_s) {
    return Fail(
        ErrorCode::kCorrupt,
        fmt::format("{} is {:.4g}, but {:.4g} bytes per second are read",
                    inferred.Where("hbm_bytes_per_s"), baseline.hbm_bytes_per_s, bytes_per_s),
        "lower weight_bits or cached_tokens: the baseline cannot have read as much");
  }
  return {};
}

}  // namespace

BaselineToken PublishedToken(const Baseline& baseline) {
  return {1 / baseline.tokens_per_s, baseline.cached_tokens, BytesReadPerToken(baseline),
          baseline.cached_values_per_token * baseline.cached_bits / 8};
}

EnergyCounts CountsPerToken(const Baseline& baseline, const BaselineToken& token) {
  EnergyCounts counts;
  counts.seconds = token.seconds;
  counts.clock_mhz = baseline.clock_mhz;
  counts.used = {baseline.luts, baseline.ffs, baseline.dsps, baseline.brams, baseline.urams};
  counts.hbm_read_bytes = token.read_bytes;
  counts.hbm_write_bytes = token.written_bytes;
  const double busy_seconds = counts.hbm_read_bytes / baseline.hbm_bytes_per_s;
  const double macs = MacsPerToken(baseline, token.cached_tokens);
  counts.dsp_active_cycles = macs / baseline.macs_per_dsp_cycle;
  counts.lut_active_kcycles = baseline.luts / 1000 * busy_seconds * baseline.clock_mhz * 1e6;
  counts.bram_accesses =
      baseline.bram_accesses_per_byte * (counts.hbm_read_bytes + counts.hbm_write_bytes);
  counts.uram_accesses = macs / baseline.macs_per_uram_access;
  return counts;
}

Result<Baseline> ParseBaseline(std::string_view text, const std::string& path) {
  ACCLLM_ASSIGN_OR_RETURN(const JsonObject root, ParseTomlText(text, path));
  ACCLLM_RETURN_IF_ERROR(CheckTomlKeys(root, kBaselineKeys));
  Baseline baseline;
  ACCLLM_ASSIGN_OR_RETURN(baseline.name, TomlString(root, "name"));
  ACCLLM_ASSIGN_OR_RETURN(baseline.platform, TomlString(root, "platform"));
  ACCLLM_ASSIGN_OR_RETURN(
      const JsonObject published,
      ReadBaselineTable(root, "published", kPublishedFields, {"source", "scope"}, baseline));
  ACCLLM_ASSIGN_OR_RETURN(baseline.source, TomlString(published, "source"));
  ACCLLM_ASSIGN_OR_RETURN(baseline.scope, ReadScope(published));
  ACCLLM_RETURN_IF_ERROR(ReadBaselineTable(root, "model", kModelFields, {}, baseline));
  ACCLLM_ASSIGN_OR_RETURN(const JsonObject inferred,
                          ReadBaselineTable(root, "inferred", kInferredFields, {}, baseline));
  ACCLLM_RETURN_IF_ERROR(CheckBaseline(baseline, published, inferred));
  if (root.Has("machine")) {
    ACCLLM_ASSIGN_OR_RETURN(const JsonObject table, TomlTable(root, "machine"));
    ACCLLM_ASSIGN_OR_RETURN(baseline.machine, ParseBaselineMachine(table));
    DspArray& engine = baseline.machine->engine;
    engine.weight_bits = baseline.weight_bits;
    engine.cached_bits = baseline.cached_bits;
    engine.multiplied_share = baseline.multiplied_share;
  }
  return baseline;
}

Result<Baseline> ReadBaseline(const std::string& path) {
  ACCLLM_ASSIGN_OR_RETURN(const std::string text, ReadTomlText(path));
  return ParseBaseline(text, path);
}

}  // namespace accllm::accel
