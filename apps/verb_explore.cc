// accllm explore: which machines are worth building, by the cycle, area and energy models.
#include <algorithm>
#include <bit>
#include <memory>

#include "base/file_io.h"
#include "base/process_info.h"
#include "console.h"
#include "design_sweep.h"
#include "options.h"
#include "output_file.h"
#include "sweep_plot.h"
#include "verbs.h"

namespace accllm::cli {
namespace {

struct ExploreFlags {
  ShapeFlags shape;
  std::string target = "u280";
  std::vector<int64_t> lanes;
  std::vector<int64_t> slots = {1, 2, 4, 8};
  std::vector<int64_t> clocks = {150, 200, 225, 250, 300};
  std::vector<std::string> windows = {"2044"};
  std::vector<std::string> linear;
  RunFlags run;
  int64_t position = 2048;
  int64_t prefill = 2048;
  std::string plot;
  bool csv = false;
  bool json = false;
};

Status CheckLanes(const std::vector<int64_t>& lanes, const compiler::Target& target) {
  for (const int64_t n : lanes) {
    if (n <= target.lanes && std::has_single_bit(static_cast<uint64_t>(n))) continue;
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("--lanes {}: target {} has channels for {}, and lanes are a power of "
                            "two",
                            n, target.name, target.lanes),
                fmt::format("give powers of two up to {}", target.lanes));
  }
  return {};
}

// Sorted, each once: a machine is estimated once.
template <typename T>
std::vector<T> Unique(std::vector<T> values) {
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
  return values;
}

Result<SweepTask> TaskOf(const ExploreFlags& flags) {
  if (flags.csv && flags.json) {
    return Fail(ErrorCode::kInvalidArgument, "--csv and --json were both given", "give one");
  }
  SweepTask task;
  std::vector<std::string> linear = flags.linear;
  if (linear.empty()) linear = {flags.shape.shape.empty() ? "" : "w2-2:4"};
  for (const std::string& type : linear) {
    ACCLLM_ASSIGN_OR_RETURN(task.models[type], flags.shape.Read(type));
  }
  ACCLLM_ASSIGN_OR_RETURN(task.target, compiler::LoadTarget(flags.target));
  task.run = flags.run;
  task.position = flags.position;
  task.prefill = flags.prefill;
  std::vector<int64_t> lanes = flags.lanes;
  if (lanes.empty()) {
    for (int64_t n = task.target.lanes; n >= std::max<int64_t>(1, task.target.lanes / 4); n /= 2) {
      lanes.push_back(n);
    }
  }
  ACCLLM_RETURN_IF_ERROR(CheckLanes(lanes, task.target));
  for (const std::string& window : Unique(flags.windows)) {
    for (const std::string& type : Unique(linear)) {
      for (const int64_t n_lanes : Unique(lanes)) {
        for (const int64_t n_slots : Unique(flags.slots)) {
          for (const int64_t clock : Unique(flags.clocks)) {
            task.choices.push_back({n_lanes, n_slots, static_cast<double>(clock), window, type});
          }
        }
      }
    }
  }
  return task;
}

Json ToJson(const DesignPoint& p) {
  Json json = {{"lanes", p.choice.lanes},
               {"slots", p.choice.slots},
               {"clock_mhz", p.choice.clock_mhz},
               {"window", p.choice.window},
               {"linear", p.choice.linear.empty() ? Json() : Json(p.choice.linear)},
               {"fits", p.fits()}};
  if (!p.fits()) {
    json["refusal"] = p.refusal;
    return json;
  }
  json["on_front"] = p.is_on_front;
  json["tokens_per_second"] = p.tokens_per_second;
  json["tokens_per_joule"] = p.tokens_per_joule;
  json["prefill_tokens_per_second"] = p.prefill_tokens_per_second;
  json["hbm_utilisation"] = p.hbm_share;
  json["luts"] = p.area.luts;
  json["ffs"] = p.area.ffs;
  json["dsps"] = p.area.dsps;
  json["brams"] = p.area.brams;
  json["urams"] = p.area.urams;
  json["counted_lut_share"] = p.counted_lut_share;
  return json;
}

Json SweepJson(const SweepTask& task, const Sweep& sweep, double seconds) {
  Json json = {{"model", task.model()},
               {"target", task.target.name},
               {"part", task.target.part.empty() ? Json() : Json(task.target.part)},
               {"position", task.position},
               {"prefill_tokens", task.prefill},
               {"choices", task.choices.size()},
               {"complete", sweep.is_complete},
               {"seconds", seconds},
               {"points", Json::array()}};
  for (const DesignPoint& point : sweep.points) json["points"].push_back(ToJson(point));
  return json;
}

std::string SweepCsv(const Sweep& sweep) {
  std::string text =
      "lanes,slots,clock_mhz,window,linear,fits,on_front,tokens_per_second,tokens_per_joule,"
      "prefill_tokens_per_second,hbm_utilisation,luts,ffs,dsps,brams,urams,counted_lut_share\n";
  for (const DesignPoint& p : sweep.points) {
    const DesignChoice& c = p.choice;
    text += fmt::format("{},{},{:g},{},{},{:d}", c.lanes, c.slots, c.clock_mhz, c.window, c.linear,
                        p.fits());
    if (!p.fits()) {
      text += ",0,,,,,,,,,,\n";
      continue;
    }
    text +=
        fmt::format(",{:d},{:.4f},{:.4f},{:.4f},{:.5f},{:.0f},{:.0f},{:.0f},{:.0f},{:.0f},{:.4f}\n",
                    p.is_on_front, p.tokens_per_second, p.tokens_per_joule,
                    p.prefill_tokens_per_second, p.hbm_share, p.area.luts, p.area.ffs, p.area.dsps,
                    p.area.brams, p.area.urams, p.counted_lut_share);
  }
  return text;
}

// One line for each reason why machines do not fit.
std::string Refusals(const std::vector<DesignPoint>& points) {
  std::vector<std::pair<std::string, std::vector<const DesignPoint*>>> reasons;
  for (const DesignPoint& point : points) {
    if (point.fits()) continue;
    auto reason = std::find_if(reasons.begin(), reasons.end(),
                               [&](const auto& known) { return known.first == point.refusal; });
    if (reason == reasons.end()) reason = reasons.insert(reason, {point.refusal, {}});
    reason->second.push_back(&point);
  }
  std::string text;
  for (const auto& [refusal, refused] : reasons) {
    const std::string first = NameOfDesign(refused.front()->choice);
    text += refused.size() == 1
                ? fmt::format("left out: {}: {}\n", first, refusal)
                : fmt::format("left out: {} machines, as {}: {}\n", refused.size(), first, refusal);
  }
  return text;
}

std::string SweepText(const SweepTask& task, const Sweep& sweep, double seconds) {
  std::vector<const DesignPoint*> front;
  int64_t n_fitting = 0;
  for (const DesignPoint& point : sweep.points) {
    n_fitting += point.fits() ? 1 : 0;
    if (point.is_on_front) front.push_back(&point);
  }
  std::stable_sort(front.begin(), front.end(), [](const DesignPoint* a, const DesignPoint* b) {
    return a->tokens_per_second > b->tokens_per_second;
  });
  std::vector<std::vector<std::string>> rows = {{"weights, window", "lanes", "tokens a pass", "MHz",
                                                 "token/s", "token/J", "prefill token/s",
                                                 "HBM busy", "DSP", "LUT", "counted"}};
  for (const DesignPoint* p : front) {
    const DesignChoice& c = p->choice;
    rows.push_back(
        {fmt::format("{}{}", c.linear.empty() ? "" : c.linear + ", ", c.window),
         fmt::format("{}", c.lanes), fmt::format("{}", c.slots), fmt::format("{:g}", c.clock_mhz),
         fmt::format("{:.1f}", p->tokens_per_second), fmt::format("{:.2f}", p->tokens_per_joule),
         fmt::format("{:.0f}", p->prefill_tokens_per_second),
         fmt::format("{:.1f} %", 100 * p->hbm_share), fmt::format("{:.0f}", p->area.dsps),
         fmt::format("{:.0f}", p->area.luts), fmt::format("{:.0f} %", 100 * p->counted_lut_share)});
  }
  return fmt::format(
      "{} on {}: {} of {} machines estimated in {}, {} fit, {} on the front; speed modelled in "
      "cycles, energy of the chip by sourced coefficients, clocks assumed; area by hand but for "
      "the "
      "LUTs counted by synthesis\n\n{}{}{}",
      task.model(), task.target.name, sweep.points.size(), task.choices.size(),
      FormatSeconds(seconds), n_fitting, front.size(), FormatTable(rows),
      n_fitting == std::ssize(sweep.points) ? "" : "\n", Refusals(sweep.points));
}

Status PrintSweep(const ExploreFlags& flags, const SweepTask& task, const Sweep& sweep,
                  double seconds) {
  if (flags.json) return PrintJson(SweepJson(task, sweep, seconds));
  return PrintText(flags.csv ? SweepCsv(sweep) : SweepText(task, sweep, seconds));
}

Status RunExplore(const ExploreFlags& flags) {
  ACCLLM_ASSIGN_OR_RETURN(const SweepTask task, TaskOf(flags));
  if (!flags.plot.empty()) ACCLLM_RETURN_IF_ERROR(CheckOutput(flags.plot, true, "--plot"));
  const double start = MonotonicSeconds();
  Sweep sweep;
  {
    Progress progress("exploring");
    const auto n = static_cast<double>(task.choices.size());
    ACCLLM_ASSIGN_OR_RETURN(sweep, EstimateDesigns(task, [&](int64_t n_done) {
                              progress.Update(
                                  static_cast<double>(n_done) / n,
                                  fmt::format("{} of {} machines", n_done, task.choices.size()));
                              return !Interrupted();
                            }));
  }
  MarkFronts(sweep.points);
  ACCLLM_RETURN_IF_ERROR(PrintSweep(flags, task, sweep, MonotonicSeconds() - start));
  if (!flags.plot.empty()) {
    const std::string title = fmt::format("{} on {}", NameOfPath(task.model()), task.target.name);
    ACCLLM_RETURN_IF_ERROR(WriteFileAtomically(flags.plot, SweepPlot(title, sweep.points)));
  }
  if (sweep.is_complete) return {};
  return tl::unexpected(InterruptedError("what was estimated is printed"));
}

}  // namespace

VerbBody DeclareExplore(OptionTable& table) {
  auto flags = std::make_shared<ExploreFlags>();
  flags->shape.Declare(table);
  table.Value("--target", "NAME|FILE", flags->target,
              "Whose memory and part all machines have, as for accllm compile");
  table
      .Value("--lanes", "A,B", flags->lanes,
             "Lanes, each with a memory channel; default: a quarter, half and all of the target's")
      .InRange(1, isa::kMaxLanes);
  table.Value("--slots", "A,B", flags->slots, "Tokens of a pass; default: 1,2,4,8")
      .InRange(1, isa::kMaxSlots);
  table.Value("--clock", "A,B", flags->clocks, "MHz; default: 150,200,225,250,300")
      .InRange(1, 2000);
  table.Value("--window", "A,B", flags->windows,
              "Tokens that attention sees beside the sinks, or all; each has a front of its own; "
              "default: 2044");
  table.OneOf(table.Value("--linear", "A,B", flags->linear,
                          "Types of a shape's linear layers: {}; each has a front of its own; "
                          "default: w2-2:4"),
              {"w2-2:4", "w2", "w4", "w8"});
  table.Value("--position", "N", flags->position, "Tokens before the one that is decoded")
      .NonNegative();
  table
      .Value("--prefill", "N", flags->prefill,
             "Tokens of the prompt, in whose middle prefill is "
             "timed")
      .InRange(64, 1 << 20);
  flags->run.DeclareThreads(table);
  table.Value("--plot", "FILE", flags->plot, "Write speed and energy over area as an SVG picture")
      .NoDefault();
  table.Exclusive({table.Flag("--csv", flags->csv, "Print every machine as a line with commas"),
                   table.Json(flags->json)});
  table.Examples({"accllm explore --shape llama-2-7b",
                  "accllm explore --shape llama-2-7b --slots 4,8 --clock 225 --linear w2-2:4,w4 "
                  "--plot explore.svg",
                  "accllm explore models/books-6m.acc --window 60,252 --csv"});
  return [flags] { return RunExplore(*flags); };
}

}  // namespace accllm::cli
