// accllm report: how fast the accelerator would be, and what it would take, by the cycle, area and
// energy models.
#include <algorithm>
#include <memory>
#include <optional>

#include "accel/timing/chrome_trace.h"
#include "base/file_io.h"
#include "command_line.h"
#include "console.h"
#include "options.h"
#include "output_file.h"
#include "report_estimates.h"
#include "report_figures.h"
#include "report_page.h"
#include "verbs.h"

namespace accllm::cli {
namespace {

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

Json ToJson(const EstimatedMachine& machine, const accel::PassEstimate& pass) {
  return {{"tokens", pass.n_tokens},
          {"position", pass.position},
          {"passes_per_second", 1 / pass.seconds},
          {"tokens_per_second", static_cast<double>(pass.n_tokens) / pass.seconds},
          {"hbm_bytes", pass.hbm_bytes},
          {"hbm_utilisation", machine.HbmShare(pass)},
          {"lanes",
           {{"busy", pass.busy},
            {"waited_inputs", pass.waited_inputs},
            {"waited_memory", pass.waited_memory},
            {"waited_results", pass.waited_results}}}};
}

Json ToJson(const accel::FabricUse& use) {
  return {{"luts", use.luts},
          {"ffs", use.ffs},
          {"dsps", use.dsps},
          {"brams", use.brams},
          {"urams", use.urams}};
}

Json AreaJson(const EstimatedMachine& machine, const std::optional<accel::FpgaPart>& part) {
  Json json = ToJson(machine.area);
  json["counted_lut_share"] = machine.CountedShare();
  for (const accel::AreaPart& area : machine.area_parts) {
    Json& entry = json["parts"][area.name] = ToJson(area.use);
    entry["basis"] = BasisLabel(BasisOf(area.basis));
  }
  json["available"] = part ? ToJson(part->has) : Json();
  return json;
}

// Cycles of the lanes in a pass, by operation.
Json TimeJson(const EstimatedMachine& machine, const accel::PassEstimate& pass) {
  Json json;
  int64_t after = pass.cycles;
  for (const LaneTime& time : LaneTimes(machine, pass)) {
    json["operations"].push_back({{"name", time.name},
                                  {"busy", time.busy},
                                  {"waited_inputs", time.waited_inputs},
                                  {"waited_memory", time.waited_memory},
                                  {"waited_results", time.waited_results},
                                  {"hbm_bytes", time.bytes}});
    after -= time.cycles();
  }
  json["after_last_beat"] = after;
  json["cycles"] = pass.cycles;
  return json;
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
  OurPoints ours = {{"this one, modelled", e.decode_tokens_per_second(), &e.chip, &e.card}, {}};
  if (e.mix) {
    ours.mix = {"passes " + Describe(e.mix->mix), e.mix->tokens_per_s, &e.mix->chip, &e.mix->card};
  }
  return ours;
}

Json ToJson(const Estimates& e) {
  Json json = {{"target", e.machine.options.target.name},
               {"decode_tokens_per_second", e.decode_tokens_per_second()},
               {"decode_tokens_per_joule", e.chip.tokens_per_joule.nominal},
               {"prefill_tokens_per_second", e.prefill_tokens_per_second()},
               {"hbm_utilisation", e.machine.HbmShare(e.passes[0])},
               {"area", AreaJson(e.machine, e.part)},
               {"energy", {{"chip", ToJson(e.chip)}, {"card", ToJson(e.card)}}}};
  for (const accel::PassEstimate& pass : e.passes) {
    json["passes"].push_back(ToJson(e.machine, pass));
    json["passes"].back()["time"] = TimeJson(e.machine, pass);
  }
  if (e.mix) json["mix"] = ToJson(*e.mix);
  const OurPoints ours = OursOf(e);
  for (const BaselineEstimate& b : e.baselines) json["baselines"].push_back(ToJson(b, ours));
  return json;
}

std::string ToText(const Estimates& e) {
  std::vector<std::vector<std::string>> passes = {
      {"tokens a pass", "position", "pass/s", "token/s if all hold", "HBM busy"}};
  for (const accel::PassEstimate& p : e.passes) {
    passes.push_back({fmt::format("{}", p.n_tokens), fmt::format("{}", p.position),
                      fmt::format("{:.1f}", 1 / p.seconds),
                      fmt::format("{:.1f}", static_cast<double>(p.n_tokens) / p.seconds),
                      fmt::format("{:.1f} %", 100 * e.machine.HbmShare(p))});
  }
  const compiler::Target& target = e.machine.options.target;
  const accel::FabricUse& used = e.machine.area;
  return fmt::format(
      "{} at {} MHz, {} lanes, up to {} tokens a pass; speed modelled in cycles against HBM2, "
      "energy by sourced coefficients\n\n{}\nprompt of {} tokens: {:.1f} token/s\n"
      "area: {:.0f} LUT, {:.0f} FF, {:.0f} DSP, {:.0f} BRAM, {:.0f} URAM; {}\n\n{}",
      target.name, target.clock_mhz, target.lanes, target.slots, FormatTable(passes),
      e.prefill_tokens, e.prefill_tokens_per_second(), used.luts, used.ffs, used.dsps, used.brams,
      used.urams, AreaBasisText(e.machine.CountedShare()), DesignTable(e.baselines, OursOf(e)));
}

Status WritePage(const ReportFlags& flags, const Estimates& estimates, const CommandLine& command) {
  ReportPageContent content;
  content.estimates = &estimates;
  content.command = ReportCommand(command);
  content.prefill = estimates.machine.performance.Pass(flags.prefill / 2,
                                                       estimates.machine.options.target.slots, 0);
  ACCLLM_ASSIGN_OR_RETURN(content.variants, EstimateVariants(flags, command));
  ACCLLM_ASSIGN_OR_RETURN(content.published, accel::BundledPublishedDesigns());
  return WriteFileAtomically(flags.page, ReportPage(content));
}

Status WriteTrace(const ReportFlags& flags, const Estimates& estimates) {
  const accel::PerformanceModel& performance = estimates.machine.performance;
  const accel::PassEstimate& pass = estimates.passes[static_cast<size_t>(flags.trace_tokens - 1)];
  return WriteFileAtomically(flags.trace,
                             accel::ChromeTrace(pass.instructions, performance.instructions,
                                                {performance.geometry.clock_khz}));
}

Status RunReport(const ReportFlags& flags, const CommandLine& command) {
  if (!flags.page.empty()) ACCLLM_RETURN_IF_ERROR(CheckOutput(flags.page, true, "--html"));
  if (!flags.trace.empty()) ACCLLM_RETURN_IF_ERROR(CheckOutput(flags.trace, true, "--trace"));
  ACCLLM_ASSIGN_OR_RETURN(const Estimates estimates, Estimate(flags));
  const int64_t slots = estimates.machine.options.target.slots;
  if (flags.trace_tokens > slots) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("--trace-tokens {}: {} runs up to {} tokens a pass", flags.trace_tokens,
                            estimates.machine.options.target.name, slots),
                "give fewer");
  }
  if (!flags.page.empty()) ACCLLM_RETURN_IF_ERROR(WritePage(flags, estimates, command));
  if (!flags.trace.empty()) ACCLLM_RETURN_IF_ERROR(WriteTrace(flags, estimates));
  if (flags.json) return PrintJson(ToJson(estimates));
  return PrintText(ToText(estimates));
}

}  // namespace

VerbBody DeclareReport(OptionTable& table) {
  auto flags = std::make_shared<ReportFlags>();
  flags->shape.Declare(table);
  table.OneOf(table
                  .Value("--linear", "TYPE", flags->linear,
                         "Type of a shape's linear layers, to see what it costs: {}; default: "
                         "w2-2:4")
                  .NoDefault(),
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
  table
      .Value("--html", "FILE", flags->page,
             "Write a page with charts, where time, energy and area go, what each ingredient "
             "buys, and published designs")
      .NoDefault();
  const OptionRef trace =
      table.Value("--trace", "FILE", flags->trace,
                  "Write a timeline of a pass at the position for chrome://tracing");
  trace.NoDefault();
  table.OnlyWith(
      trace,
      {table.Value("--trace-tokens", "N", flags->trace_tokens, "With --trace: tokens of that pass")
           .Positive()});
  table.Json(flags->json);
  table.Examples({"accllm report --target u280 --shape llama-2-7b",
                  "accllm report --target u280 --shape llama-2-7b --html report.html",
                  "accllm report --shape llama-2-7b --passes 122x1,705x2 --generated 1500",
                  "accllm report models/books-6m.acc --window 252 --json"});
  return [flags, command = CommandLine(table)] { return RunReport(*flags, command); };
}

}  // namespace accllm::cli
