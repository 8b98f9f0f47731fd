#include "report_page.h"

#include <fmt/format.h>

#include "html_page.h"
#include "report_figures.h"

namespace accllm::cli {
namespace {

// What the tags mean.
std::string Labels() {
  std::vector<std::vector<std::string>> rows;
  for (const Basis basis : kAllBases) {
    rows.push_back({BasisTag(basis), std::string(BasisMeaning(basis))});
  }
  return PlainTable({{"a figure that is"}, {"comes from", true, 20}}, rows);
}

Figure SummaryFigure(const ReportPageContent& c) {
  const Estimates& e = *c.estimates;
  const accel::FabricUse& used = e.machine.area;
  const std::string area_tags = AreaTags(e.machine);
  const auto row = [](std::string what, std::string value, std::string tags) {
    return std::vector<std::string>{std::move(what), std::move(value), std::move(tags)};
  };
  const std::string modelled = BasisTag(Basis::kModelled);
  const std::vector<std::vector<std::string>> rows = {
      row("decode", fmt::format("{:.1f} token/s", e.decode_tokens_per_second()), modelled),
      row("energy of the chip", fmt::format("{} token/J", RangeText(e.chip.tokens_per_joule, 2)),
          modelled),
      row("power of the chip", fmt::format("{} W", RangeText(e.chip.watts, 1)), modelled),
      row(fmt::format("prompt of {} tokens", WholeText(static_cast<double>(e.prefill_tokens))),
          fmt::format("{:.1f} token/s", e.prefill_tokens_per_second()), modelled),
      row("HBM busy", PercentText(e.machine.HbmShare(e.passes.front())), modelled),
      row("LUT, FF", fmt::format("{}; {}", WholeText(used.luts), WholeText(used.ffs)), area_tags),
      row("DSP, BRAM, URAM",
          fmt::format("{}; {}; {}", WholeText(used.dsps), WholeText(used.brams),
                      WholeText(used.urams)),
          area_tags),
      row("clock", fmt::format("{} MHz", e.machine.options.target.clock_mhz),
          BasisTag(Basis::kAssumed))};
  return {"summary",
          "In short",
          {Basis::kModelled, Basis::kSynthesis, Basis::kByHand, Basis::kAssumed},
          fmt::format("One token a pass at position {}, unless it says otherwise.",
                      WholeText(static_cast<double>(e.passes.front().position))),
          PlainTable({{"what"}, {"value"}, {"basis"}}, rows),
          JsonCommand(c)};
}

}  // namespace

std::string ReportPage(const ReportPageContent& content) {
  const EstimatedMachine& machine = content.estimates->machine;
  const compiler::Target& target = machine.options.target;
  std::string body = fmt::format(
      "<p>{} lanes at {} MHz, up to {} tokens a pass. Nothing here was measured on a card.</p>\n",
      target.lanes, target.clock_mhz, target.slots);
  body += Labels() + FigureHtml(SummaryFigure(content));
  for (const auto& figures :
       {SpeedFigures(content), CostFigures(content), ComparisonFigures(content)}) {
    for (const Figure& figure : figures) body += FigureHtml(figure);
  }
  return HtmlPage(fmt::format("{} on {}", NameOfPath(machine.model.path), target.name),
                  FigureStyle(), body);
}

}  // namespace accllm::cli
