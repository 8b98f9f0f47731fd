// accllm report: how fast the accelerator would be, and what it would take, by the cycle, area and
// energy models.
#include <algorithm>
#include <memory>
#include <optional>

#include "accel/data.h"
#include "accel/energy/energy_model.h"
#include "accel/estimate/performance.h"
#include "compiler/compile.h"
#include "compress/synth.h"
#include "console.h"
#include "model_source.h"
#include "options.h"
#include "pass_mix.h"
#include "report_baselines.h"
#include "shape_model.h"
#include "verbs.h"

namespace accllm::cli {
namespace {

using accel::EnergyScope;

struct ReportFlags {
  std::string shape;
  std::string model;
  std::string linear = "w2-2:4";  // of a shape
  std::string cache_bits = "4";
  std::string target = "u280";
  RunFlags run;
  int64_t position = 2048;
  int64_t prefill = 2048;
  std::vector<std::string> passes;  // a mix of them
  int64_t generated = 0;            // tokens that came out of it; 0: all
  bool json = false;
};

struct Estimates {
  compiler::Target target;
  // Of 1, 2, ... tokens at the position; with a window of one token at position 1,000,000 too.
  std::vector<accel::PassEstimate> passes;
  double prefill_seconds = 0;
  accel::FabricUse area;
  accel::EnergyReport chip;  // one token a pass
  accel::EnergyReport card;
  std::optional<PassMixEstimate> mix;
  std::vector<BaselineEstimate> baselines;
};

constexpr int64_t kLatePosition = 1'000'000;

Result<compiler::ModelTensors> ReadModel(const ReportFlags& flags) {
  if (flags.model.empty() == flags.shape.empty()) {
    return Fail(ErrorCode::kInvalidArgument, "there must be one of MODEL and --shape",
                "give a packed file, or --shape llama-2-7b");
  }
  if (!flags.model.empty()) {
    ACCLLM_ASSIGN_OR_RETURN(const PackedFile packed, PackedFile::Open(flags.model));
    return compiler::TensorsOf(packed);
  }
  return TensorsOfShape(flags.shape, flags.linear);
}

Result<Estimates> Estimate(const ReportFlags& flags) {
  ACCLLM_ASSIGN_OR_RETURN(const compiler::ModelTensors model, ReadModel(flags));
  compiler::CompileOptions options;
  ACCLLM_ASSIGN_OR_RETURN(options.target, compiler::LoadTarget(flags.target));
  ACCLLM_ASSIGN_OR_RETURN(options.window, flags.run.Attention(AttentionWindow{}));
  options.cache_bits = std::stoll(flags.cache_bits);
  const int64_t needed = std::max(flags.position, flags.prefill) + isa::kMaxSlots;
  ACCLLM_ASSIGN_OR_RETURN(options.max_tokens, flags.run.MaxTokens(options.window, needed));
  const bool is_full = options.window.window == AttentionWindow::kAll;
  if (is_full && options.max_tokens < needed) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("--context {} does not hold --position {} and --prefill {}",
                            options.max_tokens, flags.position, flags.prefill),
                fmt::format("give --context {} or more", needed));
  }
  if (options.target.memory != isa::Memory::kHbm2) {
    return Fail(ErrorCode::kUnsupported,
                fmt::format("target {}: the cycle model knows HBM2 only", options.target.name),
                "report on a target with memory = \"hbm2\"");
  }
  std::optional<PassMix> mix;
  if (!flags.passes.empty()) {
    ACCLLM_ASSIGN_OR_RETURN(mix, ParsePassMix(flags.passes, flags.generated, options.target.slots));
  } else if (flags.generated != 0) {
    return Fail(ErrorCode::kInvalidArgument, "--generated needs --passes",
                "say which passes gave these tokens, as --passes 122x1,705x2");
  }
  ACCLLM_ASSIGN_OR_RETURN(const compiler::Plan plan,
                          compiler::PlanProgram(model, options, nullptr));
  ACCLLM_ASSIGN_OR_RETURN(const accel::AreaCosts costs,
                          accel::ParseAreaCosts(accel::DataText("area.toml"), "area.toml"));
  ACCLLM_ASSIGN_OR_RETURN(
      const accel::EnergyCoefficients coefficients,
      accel::ParseEnergyCoefficients(accel::DataText("energy.toml"), "energy.toml"));
  accel::PerformanceModel performance = {plan.graph.geometry, plan.instructions, {}, costs, {}};
  performance.timing.cache_bits = options.cache_bits;
  performance.used =
      accel::EstimateArea({options.target.lanes, options.target.slots, options.target.vector_lanes,
                           compiler::VectorBytes(plan.graph, options.target.slots)},
                          costs);
  Estimates estimates;
  estimates.target = options.target;
  estimates.area = performance.used;
  Progress progress("simulating");
  for (int64_t n = 1; n <= options.target.slots; ++n) {
    estimates.passes.push_back(performance.Pass(flags.position, n, n));
  }
  if (!is_full) estimates.passes.push_back(performance.Pass(kLatePosition, 1, 1));
  estimates.prefill_seconds =
      performance.PrefillSeconds(flags.prefill, 9, [&](double share) { progress.Update(share); });
  for (const auto& [scope, report] :
       {std::pair{EnergyScope::kChip, &estimates.chip}, {EnergyScope::kCard, &estimates.card}}) {
    ACCLLM_ASSIGN_OR_RETURN(
        *report, accel::EstimateEnergy(estimates.passes[0].counts, 1, scope, coefficients));
  }
  if (mix) {
    ACCLLM_ASSIGN_OR_RETURN(estimates.mix, EstimatePassMix(*mix, estimates.passes, coefficients));
  }
  Progress baselines("baselines");
  ACCLLM_ASSIGN_OR_RETURN(estimates.baselines,
                          EstimateBaselines(flags.shape, flags.position, coefficients,
                                            [&](double share) { baselines.Update(share); }));
  return estimates;
}

Json ToJson(const accel::EnergyRange& range) {
  return {{"low", range.low}, {"nominal", range.nominal}, {"high", range.high}};
}

Json ToJson(const accel::EnergyReport& report) {
  Json json = {{"watts", ToJson(report.watts)},
               {"tokens_per_joule", ToJson(report.tokens_per_joule)},
               {"joules_per_token", ToJson(report.total_joules_per_token)}};
  for (size_t i = 0; i < accel::kEnergyPartCount; ++i) {
    const auto part = static_cast<accel::EnergyPart>(i);
    json["parts"][std::string(accel::EnergyPartName(part))] = ToJson(report.Part(part));
  }
  return json;
}

Json ToJson(const accel::PassEstimate& pass) {
  return {{"tokens", pass.n_tokens},
          {"position", pass.position},
          {"passes_per_second", 1 / pass.seconds},
          {"tokens_per_second", static_cast<double>(pass.n_tokens) / pass.seconds},
          {"hbm_bytes", pass.hbm_bytes},
          {"hbm_utilisation", pass.hbm_utilisation},
          {"lanes",
           {{"busy", pass.busy},
            {"waited_inputs", pass.waited_inputs},
            {"waited_memory", pass.waited_memory},
            {"waited_results", pass.waited_results}}}};
}

Json ToJson(const PassMixEstimate& mix) {
  Json json = {{"tokens_per_second", mix.tokens_per_s},
               {"generated", mix.mix.generated},
               {"energy", {{"chip", ToJson(mix.chip)}, {"card", ToJson(mix.card)}}}};
  for (const PassMix::Kind& kind : mix.mix.kinds) {
    json["passes"].push_back({{"count", kind.count}, {"tokens", kind.n_tokens}});
  }
  return json;
}

OurPoints OursOf(const Estimates& e) {
  OurPoints ours = {{"this one, modelled", 1 / e.passes[0].seconds, &e.chip, &e.card}, {}};
  if (e.mix) {
    ours.mix = {"passes " + Describe(e.mix->mix), e.mix->tokens_per_s, &e.mix->chip, &e.mix->card};
  }
  return ours;
}

Json ToJson(const Estimates& e, int64_t prefill) {
  const accel::PassEstimate& decode = e.passes[0];
  Json json = {{"target", e.target.name},
               {"decode_tokens_per_second", 1 / decode.seconds},
               {"decode_tokens_per_joule", e.chip.tokens_per_joule.nominal},
               {"prefill_tokens_per_second", static_cast<double>(prefill) / e.prefill_seconds},
               {"hbm_utilisation", decode.hbm_utilisation},
               {"area",
                {{"luts", e.area.luts},
                 {"ffs", e.area.ffs},
                 {"dsps", e.area.dsps},
                 {"brams", e.area.brams},
                 {"urams", e.area.urams},
                 {"basis", "estimated by hand from the structure"}}},
               {"energy", {{"chip", ToJson(e.chip)}, {"card", ToJson(e.card)}}}};
  for (const accel::PassEstimate& pass : e.passes) json["passes"].push_back(ToJson(pass));
  if (e.mix) json["mix"] = ToJson(*e.mix);
  const OurPoints ours = OursOf(e);
  for (const BaselineEstimate& b : e.baselines) json["baselines"].push_back(ToJson(b, ours));
  return json;
}

std::string ToText(const Estimates& e, int64_t prefill) {
  std::vector<std::vector<std::string>> passes = {
      {"tokens a pass", "position", "pass/s", "token/s if all hold", "HBM busy"}};
  for (const accel::PassEstimate& p : e.passes) {
    passes.push_back({fmt::format("{}", p.n_tokens), fmt::format("{}", p.position),
                      fmt::format("{:.1f}", 1 / p.seconds),
                      fmt::format("{:.1f}", static_cast<double>(p.n_tokens) / p.seconds),
                      fmt::format("{:.1f} %", 100 * p.hbm_utilisation)});
  }
  return fmt::format(
      "{} at {} MHz, {} lanes, up to {} tokens a pass; speed modelled in cycles against HBM2, area "
      "by hand, energy by sourced coefficients\n\n{}\nprompt of {} tokens: {:.1f} token/s\n"
      "area: {:.0f} LUT, {:.0f} FF, {:.0f} DSP, {:.0f} BRAM, {:.0f} URAM\n\n{}",
      e.target.name, e.target.clock_mhz, e.target.lanes, e.target.slots, FormatTable(passes),
      prefill, static_cast<double>(prefill) / e.prefill_seconds, e.area.luts, e.area.ffs,
      e.area.dsps, e.area.brams, e.area.urams, DesignTable(e.baselines, OursOf(e)));
}

Status RunReport(const ReportFlags& flags) {
  ACCLLM_ASSIGN_OR_RETURN(const Estimates estimates, Estimate(flags));
  if (flags.json) return PrintJson(ToJson(estimates, flags.prefill));
  return PrintText(ToText(estimates, flags.prefill));
}

}  // namespace

VerbBody DeclareReport(OptionTable& table) {
  auto flags = std::make_shared<ReportFlags>();
  table.Positional("MODEL", flags->model, "Packed file (.acc); or give --shape").Optional();
  const std::vector<std::string_view> shapes = SynthShapeNames();
  table.OneOf(table.Value("--shape", "NAME", flags->shape, "A known shape instead of a file: {}")
                  .NoDefault(),
              {shapes.begin(), shapes.end()});
  table.OneOf(table.Value("--linear", "TYPE", flags->linear,
                          "Type of a shape's linear layers, to see what it costs: {}"),
              {"w2-2:4", "w2", "w4", "w8"});
  table.OneOf(table.Value("--kv", "BITS", flags->cache_bits,
                          "Bits of cached keys and values, to see what they cost: {}; the devices "
                          "have 4 alone"),
              {"4", "8", "16"});
  table.Value("--target", "NAME|FILE", flags->target, "The machine, as for accllm compile");
  flags->run.DeclareAttention(table, "2044", "4");
  flags->run.DeclareContext(table);
  table.Value("--position", "N", flags->position, "Tokens before those that are decoded")
      .NonNegative();
  table.Value("--prefill", "N", flags->prefill, "Tokens of the prompt").InRange(64, 1 << 20);
  const OptionRef passes =
      table.Value("--passes", "LIST", flags->passes,
                  "Speed and energy of such a mix of passes too, each as COUNTxTOKENS");
  table.OnlyWith(passes, {table
                              .Value("--generated", "N", flags->generated,
                                     "Tokens that came out of --passes; without it, all of them")
                              .NoDefault()
                              .Positive()});
  table.Json(flags->json);
  table.Examples({"accllm report --target u280 --shape llama-2-7b",
                  "accllm report --shape llama-2-7b --passes 122x1,705x2 --generated 1500",
                  "accllm report models/books-6m.acc --window 252 --json"});
  return [flags] { return RunReport(*flags); };
}

}  // namespace accllm::cli
