#include <fmt/format.h>

#include <array>
#include <utility>

#include "html_page.h"
#include "report_figures.h"

namespace accllm::cli {
namespace {

using accel::EnergyReport;
using accel::EnergyScope;

// Some parts of an energy are small.
std::string Millijoules(double joules) { return fmt::format("{:.3g}", 1e3 * joules); }

std::vector<std::string> EnergyPartNames() {
  std::vector<std::string> names;
  for (size_t i = 0; i < accel::kEnergyPartCount; ++i) {
    names.emplace_back(accel::EnergyPartName(static_cast<accel::EnergyPart>(i)));
  }
  return names;
}

BarRow EnergyRow(std::string name, const EnergyReport& report, std::string published) {
  const std::vector<std::string> parts = EnergyPartNames();
  BarRow row = {std::move(name), {}, {}};
  for (size_t i = 0; i < parts.size(); ++i) {
    const double joules = report.joules_per_token[i].nominal;
    row.segments.push_back({joules, i, fmt::format("{}: {} mJ", parts[i], Millijoules(joules))});
  }
  row.cells = {Millijoules(report.total_joules_per_token.nominal), RangeText(report.watts, 1),
               RangeText(report.tokens_per_joule, 2), std::move(published)};
  return row;
}

Figure EnergyFigure(const ReportPageContent& c) {
  const Estimates& e = *c.estimates;
  std::vector<BarRow> designs = {EnergyRow("this one, chip", e.chip, ""),
                                 EnergyRow("this one, card", e.card, "")};
  for (const BaselineEstimate& b : e.baselines) {
    const bool is_chip = b.baseline.scope == EnergyScope::kChip;
    designs.push_back(EnergyRow(
        fmt::format("{}, {}", b.baseline.name, is_chip ? "chip" : "card"), b.at_published_speed,
        fmt::format("{} W, {} token/J {}", b.baseline.watts, b.baseline.tokens_per_joule,
                    BasisTag(Basis::kPublished))));
  }
  const std::vector<std::string> parts = EnergyPartNames();
  std::vector<std::vector<std::string>> rows;
  for (size_t i = 0; i < parts.size(); ++i) {
    const accel::EnergyRange& joules = e.card.joules_per_token[i];
    rows.push_back({parts[i], Millijoules(joules.low), Millijoules(joules.nominal),
                    Millijoules(joules.high),
                    fmt::format("{:.2f}", joules.nominal * e.decode_tokens_per_second())});
  }
  return {"energy",
          "Energy of a token",
          {Basis::kModelled, Basis::kPublished},
          "One token a pass. Counts of the cycle model times the coefficients of "
          "spec/accelerator/energy.toml, each of which has a source and bounds. Watts of the chip "
          "may not be compared with watts of the card. Published designs are modelled with the "
          "same coefficients, beside what their authors say.",
          ColourKey(parts) +
              BarTable({{"design"},
                        {""},
                        {"mJ a token, nominal"},
                        {"W"},
                        {"token/J"},
                        {"their authors", true}},
                       designs) +
              PlainTable({{"this one, mJ a token"}, {"low"}, {"nominal"}, {"high"}, {"W, nominal"}},
                         rows),
          JsonCommand(c)};
}

Figure AreaFigure(const ReportPageContent& c) {
  using accel::FabricUse;
  constexpr std::array kNamed = {
      std::pair{"LUT", &FabricUse::luts}, std::pair{"FF", &FabricUse::ffs},
      std::pair{"DSP", &FabricUse::dsps}, std::pair{"BRAM", &FabricUse::brams},
      std::pair{"URAM", &FabricUse::urams}};
  const Estimates& e = *c.estimates;
  std::vector<BarRow> rows;
  for (const auto& [name, field] : kNamed) {
    const double taken = e.machine.area.*field;
    BarRow row = {name, {}, {WholeText(taken), "", ""}};
    if (e.part) {
      const double share = taken / e.part->has.*field;
      row.segments = {{share, 0, PercentText(share)}};
      row.cells = {WholeText(taken), PercentText(share), WholeText(e.part->has.*field)};
    }
    rows.push_back(std::move(row));
  }
  const std::string taken =
      fmt::format("Taken: {}; see the parts below.", AreaBasisText(e.machine.CountedShare()));
  return {"area",
          "Area",
          {Basis::kSynthesis, Basis::kByHand, Basis::kPublished},
          e.part ? fmt::format("{} What {} has: published, {}; a card's shell keeps a share of it.",
                               taken, EscapeHtml(e.part->name), EscapeHtml(e.part->source))
                 : taken + " The target names no part.",
          BarTable({{"resource"}, {""}, {"taken"}, {"share"}, {"there is"}}, rows, 1),
          JsonCommand(c)};
}

Figure AreaPartsFigure(const ReportPageContent& c) {
  std::vector<BarRow> rows;
  for (const accel::AreaPart& part : c.estimates->machine.area_parts) {
    const accel::FabricUse& use = part.use;
    rows.push_back({part.name,
                    {{use.luts, 0, fmt::format("{} LUT", WholeText(use.luts))}},
                    {WholeText(use.luts), WholeText(use.ffs), WholeText(use.dsps),
                     WholeText(use.brams), WholeText(use.urams), BasisTag(BasisOf(part.basis))}});
  }
  return {"area-parts",
          "What takes it",
          {Basis::kSynthesis, Basis::kByHand},
          "Bars are LUTs. Counted: blocks of the RTL (spec/accelerator/synthesis.toml), as many as "
          "spec/accelerator/blocks.toml says; LUTs are sites, some of which give two functions. By "
          "hand: spec/accelerator/area.toml, as is all of the energy's area.",
          BarTable({{"part"}, {""}, {"LUT"}, {"FF"}, {"DSP"}, {"BRAM"}, {"URAM"}, {"basis", true}},
                   rows),
          JsonCommand(c)};
}

}  // namespace

std::vector<Figure> CostFigures(const ReportPageContent& content) {
  return {EnergyFigure(content), AreaFigure(content), AreaPartsFigure(content)};
}

}  // namespace accllm::cli
