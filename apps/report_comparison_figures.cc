#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <optional>

#include "html_page.h"
#include "report_figures.h"

namespace accllm::cli {
namespace {

using accel::PublishedDesign;

Figure VariantsFigure(const ReportPageContent& c) {
  std::vector<BarRow> rows;
  for (const Variant& v : c.variants) {
    const std::string command = fmt::format("<code>{}</code>", EscapeHtml(v.command));
    if (!v.refusal.empty()) {
      rows.push_back({v.change, {}, {"does not fit", "", "", "", command}});
      continue;
    }
    rows.push_back(
        {v.change,
         {{v.tokens_per_second, 0, fmt::format("{:.1f} token/s", v.tokens_per_second)}},
         {fmt::format("{:.1f}", v.tokens_per_second), fmt::format("{:.2f}", v.tokens_per_joule),
          fmt::format("{:.2f}", v.hbm_bytes / 1e9), PercentText(v.hbm_share), command}});
  }
  return {"ingredients",
          "What each ingredient buys",
          {Basis::kModelled},
          "One thing changed at a time, one token a pass. Energy is of the chip.",
          BarTable({{"changed"},
                    {""},
                    {"token/s"},
                    {"token/J"},
                    {"GB a token"},
                    {"HBM busy"},
                    {"again", true, 20}},
                   rows),
          c.command + " --html report.html"};
}

std::string Optional(const std::optional<double>& value) {
  return value ? fmt::format("{}", *value) : "";
}

std::string OptionalCount(const std::optional<double>& value) {
  return value ? WholeText(*value) : "";
}

// Whether a published design runs the model of the page.
bool IsSameModel(const ReportPageContent& c, const PublishedDesign& design) {
  const std::string ours = NameOfPath(c.estimates->machine.model.path);
  return std::equal(
      ours.begin(), ours.end(), design.model.begin(), design.model.end(),
      [](unsigned char a, unsigned char b) { return std::tolower(a) == std::tolower(b); });
}

std::string WhereFrom(const PublishedDesign& d) {
  std::string text = EscapeHtml(d.platform);
  if (!d.precision.empty()) text += ", " + EscapeHtml(d.precision);
  text += fmt::format("; {}{}", EscapeHtml(d.source), d.is_second_hand ? ", second hand" : "");
  if (!d.note.empty()) text += "; " + EscapeHtml(d.note);
  return text;
}

std::string HowFound(const PublishedDesign& d) {
  return fmt::format("{} {}", BasisTag(Basis::kPublished), EscapeHtml(d.method));
}

Figure SameModelFigure(const ReportPageContent& c) {
  const Estimates& e = *c.estimates;
  const double ours = e.decode_tokens_per_second();
  std::vector<BarRow> rows = {
      {"this one",
       {{ours, 0, fmt::format("{:.1f} token/s", ours)}},
       {fmt::format("{:.1f}", ours), "", fmt::format("{:.2f}", e.chip.tokens_per_joule.nominal),
        fmt::format("{:.1f}", e.chip.watts.nominal), WholeText(e.machine.area.luts),
        WholeText(e.machine.area.dsps), BasisTag(Basis::kModelled) + " area " + AreaTags(e.machine),
        "one token a pass; watts of the chip"}}};
  for (const PublishedDesign& d : c.published) {
    if (!IsSameModel(c, d)) continue;
    rows.push_back(
        {d.name,
         {{d.tokens_per_s, 1, fmt::format("{} token/s", d.tokens_per_s)}},
         {fmt::format("{}", d.tokens_per_s), fmt::format("{:.2f}", ours / d.tokens_per_s),
          Optional(d.tokens_per_joule), Optional(d.watts), OptionalCount(d.luts),
          OptionalCount(d.dsps), HowFound(d), WhereFrom(d)}});
  }
  return {
      "published",
      "Beside published designs with the same model",
      {Basis::kModelled, Basis::kSynthesis, Basis::kByHand, Basis::kPublished},
      "Ratio: this one's token/s over the design's. Published watts may be of the chip or of the "
      "card: energies are only to be compared where both are modelled in one scope, as in the "
      "figure "
      "on energy.",
      BarTable({{"design"},
                {""},
                {"token/s"},
                {"ratio"},
                {"token/J"},
                {"W"},
                {"LUT"},
                {"DSP"},
                {"how it was found", true},
                {"where", true, 18}},
               rows),
      c.command + " --html report.html"};
}

Figure OtherModelsFigure(const ReportPageContent& c) {
  std::vector<std::vector<std::string>> rows;
  for (const PublishedDesign& d : c.published) {
    if (IsSameModel(c, d)) continue;
    rows.push_back({EscapeHtml(d.name), EscapeHtml(d.model), fmt::format("{}", d.tokens_per_s),
                    Optional(d.tokens_per_joule), Optional(d.watts), OptionalCount(d.luts),
                    OptionalCount(d.dsps), HowFound(d), WhereFrom(d)});
  }
  return {"published-others",
          "Published designs with other models",
          {Basis::kPublished},
          "A token of another model is another amount of work: these are not to be compared in "
          "token/s.",
          PlainTable({{"design"},
                      {"model"},
                      {"token/s"},
                      {"token/J"},
                      {"W"},
                      {"LUT"},
                      {"DSP"},
                      {"how it was found", true},
                      {"where", true, 18}},
                     rows),
          c.command + " --html report.html"};
}

}  // namespace

std::vector<Figure> ComparisonFigures(const ReportPageContent& content) {
  return {VariantsFigure(content), SameModelFigure(content), OtherModelsFigure(content)};
}

}  // namespace accllm::cli
