#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "html_page.h"
#include "report_figures.h"
#include "roofline.h"

namespace accllm::cli {
namespace {

using accel::PassEstimate;

// What a cycle of the lanes can be.
constexpr std::array<std::string_view, 5> kLaneStates = {
    "busy", "waiting for inputs", "waiting for memory", "waiting for results to leave",
    "after the last beat"};
using LaneShares = std::array<double, kLaneStates.size()>;

std::vector<Segment> SegmentsOf(const LaneShares& shares) {
  std::vector<Segment> segments;
  for (size_t i = 0; i < shares.size(); ++i) {
    segments.push_back(
        {shares[i], i, fmt::format("{}: {}", kLaneStates[i], PercentText(shares[i]))});
  }
  return segments;
}

std::string StatesKey() {
  return ColourKey(std::vector<std::string>(kLaneStates.begin(), kLaneStates.end()));
}

LaneShares SharesOf(const PassEstimate& p) {
  const double rest = 1 - p.busy - p.waited_inputs - p.waited_memory - p.waited_results;
  return {p.busy, p.waited_inputs, p.waited_memory, p.waited_results, std::max(0.0, rest)};
}

std::string NameOfTokens(int64_t n) { return fmt::format("{} token{}", n, n == 1 ? "" : "s"); }

struct NamedPass {
  std::string name;
  const PassEstimate* pass;
};

// All passes of the page: decode, then prefill.
std::vector<NamedPass> PassesOf(const ReportPageContent& c) {
  std::vector<NamedPass> passes;
  const auto add = [&](std::string_view what, const PassEstimate& pass) {
    passes.push_back({fmt::format("{}, {}, position {}", what, NameOfTokens(pass.n_tokens),
                                  WholeText(static_cast<double>(pass.position))),
                      &pass});
  };
  for (const PassEstimate& pass : c.estimates->passes) add("decode", pass);
  add("prefill", c.prefill);
  return passes;
}

struct PointAgain {
  RooflinePoint point;
  std::string command;
};

std::vector<PointAgain> RooflinePoints(const ReportPageContent& c) {
  const Estimates& e = *c.estimates;
  std::vector<PointAgain> points;
  const auto add = [&](std::string name, double products, double bytes, double seconds,
                       const std::string& command) {
    points.push_back({{std::move(name), products / bytes, products / seconds}, command});
  };
  for (const PassEstimate& pass : e.passes) {
    const double products = e.machine.Products(pass.position, pass.n_tokens, pass.n_tokens);
    add(fmt::format("decode, {} a pass, position {}", NameOfTokens(pass.n_tokens),
                    WholeText(static_cast<double>(pass.position))),
        products, pass.hbm_bytes, pass.seconds, JsonCommand(c));
  }
  add(fmt::format("prefill, {} a pass", NameOfTokens(c.prefill.n_tokens)),
      e.machine.Products(c.prefill.position, c.prefill.n_tokens, 0), c.prefill.hbm_bytes,
      c.prefill.seconds, JsonCommand(c));
  for (size_t i = 1; i < c.variants.size(); ++i) {  // the first changes nothing
    const Variant& v = c.variants[i];
    if (!v.refusal.empty()) continue;
    add(v.change, v.products, v.hbm_bytes, 1 / v.tokens_per_second, v.command);
  }
  return points;
}

Figure RooflineFigure(const ReportPageContent& c) {
  const EstimatedMachine& machine = c.estimates->machine;
  Roofline roofline;
  roofline.peak_bytes = machine.PeakBytes();
  roofline.sequential_bytes = machine.SequentialBytes();
  for (int64_t n = machine.options.target.slots; n >= 1; n /= 2) {
    roofline.ceilings.push_back(
        {fmt::format("lanes, {} a pass", NameOfTokens(n)), machine.PeakProducts(n)});
  }
  std::vector<std::vector<std::string>> rows;
  for (const auto& [point, command] : RooflinePoints(c)) {
    roofline.points.push_back(point);
    rows.push_back({fmt::format("{}", roofline.points.size()), EscapeHtml(point.name),
                    fmt::format("{:.2f}", point.products_per_byte),
                    WholeText(point.products_per_second / 1e9),
                    fmt::format("<code>{}</code>", EscapeHtml(command))});
  }
  return {
      "roofline",
      "Roofline",
      {Basis::kModelled, Basis::kPublished, Basis::kAssumed},
      fmt::format(
          "Products with weights that were not pruned, and those of attention. Points are "
          "modelled. "
          "Slopes: the memory's peak of {:.1f} GB/s (published) and, broken, the {:.1f} GB/s that "
          "the model of it gives to a sequential reader (published for all of a U280: 425). "
          "Ceilings: 128 products a lane, cycle and token with 2:4 weights, at a clock that is "
          "assumed. Dense W4 and the cache take the room of two tokens, dense W2 and W8 that of "
          "four.",
          roofline.peak_bytes / 1e9, roofline.sequential_bytes / 1e9),
      RooflineSvg(roofline) + PlainTable({{"point"},
                                          {"what", true, 14},
                                          {"products a byte"},
                                          {"10⁹ products/s"},
                                          {"again", true, 20}},
                                         rows),
      JsonCommand(c)};
}

Figure PassFigure(const ReportPageContent& c) {
  std::vector<BarRow> rows;
  for (const auto& [name, pass] : PassesOf(c)) {
    const LaneShares shares = SharesOf(*pass);
    rows.push_back({name,
                    SegmentsOf(shares),
                    {fmt::format("{:.3f}", 1e3 * pass->seconds),
                     fmt::format("{:.1f}", static_cast<double>(pass->n_tokens) / pass->seconds)}});
    for (const double share : shares) rows.back().cells.push_back(PercentText(share));
  }
  return {"passes",
          "What a pass spends its time on",
          {Basis::kModelled},
          "Cycles of the lanes. Token/s if all tokens of the pass hold.",
          StatesKey() + BarTable({{"pass"},
                                  {""},
                                  {"ms"},
                                  {"token/s"},
                                  {"busy"},
                                  {"inputs"},
                                  {"memory"},
                                  {"results"},
                                  {"after"}},
                                 rows, 1),
          JsonCommand(c)};
}

Figure OperationFigure(const ReportPageContent& c) {
  const PassEstimate& pass = c.estimates->passes.front();
  const auto cycles = static_cast<double>(pass.cycles);
  const auto share = [&](int64_t n) { return static_cast<double>(n) / cycles; };
  std::vector<BarRow> rows;
  double rest = 1;
  for (const LaneTime& time : LaneTimes(c.estimates->machine, pass)) {
    rows.push_back({time.name,
                    SegmentsOf({share(time.busy), share(time.waited_inputs),
                                share(time.waited_memory), share(time.waited_results), 0}),
                    {PercentText(share(time.cycles()))}});
    for (const int64_t n :
         {time.cycles(), time.busy, time.waited_inputs, time.waited_memory, time.waited_results}) {
      rows.back().cells.push_back(WholeText(static_cast<double>(n)));
    }
    rest -= share(time.cycles());
  }
  rows.push_back({std::string(kLaneStates.back()),
                  SegmentsOf({0, 0, 0, 0, rest}),
                  {PercentText(rest), WholeText(rest * cycles), "", "", "", ""}});
  return {"operations",
          "Where the lanes' cycles go",
          {Basis::kModelled},
          fmt::format("Of a pass of one token, {} cycles, all layers together. Norms, quantisation "
                      "and the storing of keys and values show as waits of what comes after them.",
                      WholeText(cycles)),
          StatesKey() + BarTable({{"operation"},
                                  {""},
                                  {"of the pass"},
                                  {"cycles"},
                                  {"busy"},
                                  {"inputs"},
                                  {"memory"},
                                  {"results"}},
                                 rows),
          JsonCommand(c)};
}

Figure VectorUnitFigure(const ReportPageContent& c) {
  const PassEstimate& pass = c.estimates->passes.front();
  std::array<double, isa::kOpcodeLabels.size()> cycles = {};
  for (const accel::InstructionCycles& i : pass.instructions) {
    cycles[static_cast<size_t>(i.opcode)] += static_cast<double>(i.vector_cycles);
  }
  std::vector<BarRow> rows;
  for (size_t i = 0; i < cycles.size(); ++i) {
    if (cycles[i] == 0) continue;
    const double share = cycles[i] / static_cast<double>(pass.cycles);
    rows.push_back({std::string(isa::kOpcodeLabels[i].label),
                    {{share, 0, PercentText(share)}},
                    {PercentText(share), WholeText(cycles[i])}});
  }
  return {"vector-unit",
          "Work of the vector unit",
          {Basis::kModelled},
          "Of the same pass, by instruction; linear is results on their way out, attend softmax.",
          BarTable({{"instruction"}, {""}, {"of the pass"}, {"cycles"}}, rows, 1),
          c.command + " --trace pass.json"};
}

Figure MemoryFigure(const ReportPageContent& c) {
  const EstimatedMachine& machine = c.estimates->machine;
  const double limit = machine.SequentialBytes() / machine.PeakBytes();
  std::vector<BarRow> rows;
  for (const auto& [name, pass] : PassesOf(c)) {
    const double share = machine.HbmShare(*pass);
    rows.push_back(
        {name,
         {{share, 0, PercentText(share)}},
         {PercentText(share), fmt::format("{:.1f}", pass->hbm_bytes / pass->seconds / 1e9),
          fmt::format("{:.3f}", pass->hbm_bytes / 1e9)}});
  }
  return {"memory",
          "How busy the memory is",
          {Basis::kModelled},
          fmt::format("Of a peak of {:.1f} GB/s. The mark, at {}, is what the model of the memory "
                      "gives to one who does nothing but read in order.",
                      machine.PeakBytes() / 1e9, PercentText(limit)),
          BarTable({{"pass"}, {""}, {"of the peak"}, {"GB/s"}, {"GB a pass"}}, rows, 1, limit),
          JsonCommand(c)};
}

Figure BytesFigure(const ReportPageContent& c) {
  const PassEstimate& pass = c.estimates->passes.front();
  double blocks = 0;
  double head = 0;
  double cache = 0;
  for (const LaneTime& time : LaneTimes(c.estimates->machine, pass)) {
    double& sum = time.name == "attend" ? cache : time.name == "lm_head" ? head : blocks;
    sum += static_cast<double>(time.bytes);
  }
  const double all = pass.hbm_bytes;
  std::vector<BarRow> rows;
  for (const auto& [name, bytes] : {std::pair{"matrices of the blocks", blocks},
                                    {"lm_head", head},
                                    {"keys and values", cache},
                                    {"written, and the rest", all - blocks - head - cache}}) {
    rows.push_back({name,
                    {{bytes / all, 0, PercentText(bytes / all)}},
                    {PercentText(bytes / all), fmt::format("{:.1f}", bytes / 1e6)}});
  }
  return {"bytes",
          "What a token moves",
          {Basis::kModelled},
          fmt::format("{:.3f} GB, as the cycle model counts them, padding included.", all / 1e9),
          BarTable({{"what"}, {""}, {"share"}, {"MB"}}, rows),
          JsonCommand(c)};
}

}  // namespace

std::vector<Figure> SpeedFigures(const ReportPageContent& content) {
  return {RooflineFigure(content),   PassFigure(content),   OperationFigure(content),
          VectorUnitFigure(content), MemoryFigure(content), BytesFigure(content)};
}

}  // namespace accllm::cli
