// accllm report: how fast the accelerator would be, and what it would take, by the cycle, area and
// energy models.
#include <algorithm>
#include <memory>

#include "accel/data.h"
#include "accel/energy/baseline.h"
#include "accel/energy/energy_model.h"
#include "accel/estimate/performance.h"
#include "compiler/compile.h"
#include "compress/synth.h"
#include "compress/synth_plan.h"
#include "console.h"
#include "model_source.h"
#include "options.h"
#include "packed/tensor_layout.h"
#include "verbs.h"

namespace accllm::cli {
namespace {

using accel::EnergyScope;

struct ReportFlags {
  std::string shape;
  std::string model;
  std::string linear = "w2-2:4";  // of a shape
  std::string target = "u280";
  RunFlags run;
  int64_t position = 2048;
  int64_t prefill = 2048;
  bool json = false;
};

// A published design and what the energy model says of it.
struct BaselineEstimate {
  accel::Baseline baseline;
  accel::EnergyReport energy;
};

struct Estimates {
  compiler::Target target;
  // Of 1, 2, ... tokens at the position; with a window of one token at position 1,000,000 too.
  std::vector<accel::PassEstimate> passes;
  double prefill_seconds = 0;
  accel::FabricUse area;
  accel::EnergyReport chip;  // one token a pass
  accel::EnergyReport card;
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
  compiler::ModelTensors model;
  model.path = flags.shape;
  ACCLLM_ASSIGN_OR_RETURN(model.config, SynthShape(flags.shape));
  ACCLLM_ASSIGN_OR_RETURN(const format::TensorType linear, TensorTypeFromLabel(flags.linear));
  for (const TensorPlan& tensor : SynthPlan(model.config)) {
    const bool is_linear = tensor.type == format::TensorType::kW2S24;
    model.tensors.push_back(
        {tensor.name, is_linear ? linear : tensor.type, tensor.rows, tensor.cols});
  }
  return model;
}

Result<std::vector<BaselineEstimate>> EstimateBaselines(
    const accel::EnergyCoefficients& coefficients) {
  std::vector<BaselineEstimate> all;
  for (const accel::DataFile& file : accel::DataFiles()) {
    if (!file.path.starts_with("baselines/")) continue;
    BaselineEstimate estimate;
    ACCLLM_ASSIGN_OR_RETURN(estimate.baseline,
                            accel::ParseBaseline(file.text, std::string(file.path)));
    ACCLLM_ASSIGN_OR_RETURN(estimate.energy,
                            accel::EstimateEnergy(accel::CountsPerToken(estimate.baseline), 1,
                                                  estimate.baseline.scope, coefficients));
    all.push_back(std::move(estimate));
  }
  return all;
}

Result<Estimates> Estimate(const ReportFlags& flags) {
  ACCLLM_ASSIGN_OR_RETURN(const compiler::ModelTensors model, ReadModel(flags));
  compiler::CompileOptions options;
  ACCLLM_ASSIGN_OR_RETURN(options.target, compiler::LoadTarget(flags.target));
  ACCLLM_ASSIGN_OR_RETURN(options.window, flags.run.Attention(AttentionWindow{}));
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
  ACCLLM_ASSIGN_OR_RETURN(const compiler::Plan plan,
                          compiler::PlanProgram(model, options, nullptr));
  ACCLLM_ASSIGN_OR_RETURN(const accel::AreaCosts costs,
                          accel::ParseAreaCosts(accel::DataText("area.toml"), "area.toml"));
  ACCLLM_ASSIGN_OR_RETURN(
      const accel::EnergyCoefficients coefficients,
      accel::ParseEnergyCoefficients(accel::DataText("energy.toml"), "energy.toml"));
  accel::PerformanceModel performance = {plan.graph.geometry, plan.instructions, {}, costs, {}};
  performance.used = accel::EstimateArea(
      {options.target.lanes, options.target.slots, performance.timing.vector_lanes,
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
  ACCLLM_ASSIGN_OR_RETURN(estimates.baselines, EstimateBaselines(coefficients));
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
  for (const BaselineEstimate& b : e.baselines) {
    const bool is_chip = b.baseline.scope == EnergyScope::kChip;
    const accel::EnergyReport& ours = is_chip ? e.chip : e.card;
    json["baselines"].push_back(
        {{"name", b.baseline.name},
         {"scope", is_chip ? "chip" : "card"},
         {"published",
          {{"tokens_per_second", b.baseline.tokens_per_s},
           {"watts", b.baseline.watts},
           {"tokens_per_joule", b.baseline.tokens_per_joule},
           {"source", b.baseline.source}}},
         {"modelled",
          {{"watts", ToJson(b.energy.watts)},
           {"tokens_per_joule", ToJson(b.energy.tokens_per_joule)}}},
         {"speed_ratio", 1 / decode.seconds / b.baseline.tokens_per_s},
         {"energy_ratio", ours.tokens_per_joule.nominal / b.energy.tokens_per_joule.nominal}});
  }
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
  std::vector<std::vector<std::string>> designs = {
      {"design", "scope", "token/s", "W", "token/J", "times faster", "times the token/J"}};
  const auto ours = [&](std::string_view scope, const accel::EnergyReport& report) {
    designs.push_back({"this one, modelled", std::string(scope),
                       fmt::format("{:.1f}", 1 / e.passes[0].seconds),
                       fmt::format("{:.1f}", report.watts.nominal),
                       fmt::format("{:.2f} ({:.2f} to {:.2f})", report.tokens_per_joule.nominal,
                                   report.tokens_per_joule.low, report.tokens_per_joule.high),
                       "", ""});
  };
  ours("chip", e.chip);
  ours("card", e.card);
  for (const BaselineEstimate& b : e.baselines) {
    const bool is_chip = b.baseline.scope == EnergyScope::kChip;
    const accel::EnergyReport& same_scope = is_chip ? e.chip : e.card;
    designs.push_back({b.baseline.name + ", published", is_chip ? "chip" : "card",
                       fmt::format("{:.1f}", b.baseline.tokens_per_s),
                       fmt::format("{:.1f}", b.baseline.watts),
                       fmt::format("{:.2f} (modelled {:.2f})", b.baseline.tokens_per_joule,
                                   b.energy.tokens_per_joule.nominal),
                       fmt::format("{:.2f}", 1 / e.passes[0].seconds / b.baseline.tokens_per_s),
                       fmt::format("{:.2f}", same_scope.tokens_per_joule.nominal /
                                                 b.energy.tokens_per_joule.nominal)});
  }
  return fmt::format(
      "{} at {} MHz, {} lanes, up to {} tokens a pass; speed modelled in cycles against HBM2, area "
      "by hand, energy by sourced coefficients\n\n{}\nprompt of {} tokens: {:.1f} token/s\n"
      "area: {:.0f} LUT, {:.0f} FF, {:.0f} DSP, {:.0f} BRAM, {:.0f} URAM\n\n{}",
      e.target.name, e.target.clock_mhz, e.target.lanes, e.target.slots, FormatTable(passes),
      prefill, static_cast<double>(prefill) / e.prefill_seconds, e.area.luts, e.area.ffs,
      e.area.dsps, e.area.brams, e.area.urams, FormatTable(designs));
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
  table.Value("--target", "NAME|FILE", flags->target, "The machine, as for accllm compile");
  flags->run.DeclareAttention(table, "2044", "4");
  flags->run.DeclareContext(table);
  table.Value("--position", "N", flags->position, "Tokens before those that are decoded")
      .NonNegative();
  table.Value("--prefill", "N", flags->prefill, "Tokens of the prompt").InRange(64, 1 << 20);
  table.Json(flags->json);
  table.Examples({"accllm report --target u280 --shape llama-2-7b",
                  "accllm report models/books-6m.acc --window 252 --json"});
  return [flags] { return RunReport(*flags); };
}

}  // namespace accllm::cli
