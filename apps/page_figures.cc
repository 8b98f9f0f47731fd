#include "page_figures.h"

#include <fmt/format.h>

#include <algorithm>

#include "html_page.h"

namespace accllm::cli {
namespace {

constexpr std::string_view kFigureStyle = R"css(
body { max-width: 80rem; }
figure { margin: 2.6rem 0 0; }
figcaption { font-size: 1.15rem; font-weight: 600; margin-bottom: .4rem; }
.basis { font-size: .75rem; font-weight: 400; border: 1px solid var(--b); color: var(--b);
  border-radius: 1em; padding: .05em .6em; margin-left: .5em; white-space: nowrap; }
td .basis { margin-left: 0; }
.rtl { --b: #2d8a3e; } .synthesis { --b: #2d8a3e; } .modelled { --b: #2f74b5; }
.published { --b: #8a63c9; } .by-hand { --b: #b46a12; } .assumed { --b: #c0474a; }
@media (prefers-color-scheme: dark) { .rtl, .synthesis { --b: #6cc47c; } .modelled { --b: #74b0ea; }
  .published { --b: #b79aeb; } .by-hand { --b: #e2a04f; } .assumed { --b: #ee8587; } }
.again { color: var(--soft); font-size: .85rem; }
code { font: .9em ui-monospace, monospace; overflow-wrap: anywhere; }
td code { white-space: nowrap; }
td.bar { width: 35%; min-width: 8rem; }
td.bar svg { display: block; width: 100%; height: 1.1em; }
td.bar line { stroke: var(--text); stroke-width: 2; vector-effect: non-scaling-stroke;
  stroke-dasharray: 3 2; }
th.text, td.text { text-align: left; }
td.text { white-space: normal; color: var(--soft); }
figure .scroll { margin-top: .8rem; }
svg.roofline { width: 100%; max-width: 50rem; font-size: 12px; }
svg.roofline .roof { stroke: var(--text); stroke-width: 2; fill: none; }
svg.roofline .thin { stroke: var(--soft); stroke-width: 1.2; stroke-dasharray: 5 4; fill: none; }
svg.roofline .soft { fill: var(--soft); }
svg.roofline circle { stroke: var(--ground); stroke-width: 1.5; }
svg.roofline .number { font-weight: 600; }
)css";

constexpr double kNothing = 1e-12;  // what a bar of nothing but zeros is divided by

std::string_view BasisClass(Basis basis) {
  switch (basis) {
    case Basis::kRtl:
      return "rtl";
    case Basis::kSynthesis:
      return "synthesis";
    case Basis::kModelled:
      return "modelled";
    case Basis::kPublished:
      return "published";
    case Basis::kByHand:
      return "by-hand";
    case Basis::kAssumed:
      break;
  }
  return "assumed";
}

double LengthOf(const BarRow& row) {
  double length = 0;
  for (const Segment& segment : row.segments) length += segment.value;
  return length;
}

// The bar alone; its text stands in the cells beside it.
std::string BarSvg(const BarRow& row, double full, double mark) {
  constexpr double kUnits = 1000;
  std::string svg = fmt::format(
      "<svg viewBox=\"0 0 {} 20\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{}\">",
      kUnits, EscapeHtml(row.name));
  double x = 0;
  for (const Segment& segment : row.segments) {
    const double width = segment.value / full * kUnits;
    svg += fmt::format(
        "<rect class=\"{}\" x=\"{:.2f}\" y=\"2\" width=\"{:.2f}\" height=\"16\"><title>{}</title>"
        "</rect>",
        ColourClass(segment.colour), x, width, EscapeHtml(segment.title));
    x += width;
  }
  if (mark > 0) {
    const double at = mark / full * kUnits;
    svg += fmt::format("<line x1=\"{:.2f}\" y1=\"0\" x2=\"{:.2f}\" y2=\"20\"/>", at, at);
  }
  return svg + "</svg>";
}

std::string StyleOf(const Column& column) {
  if (!column.is_text) return "";
  return fmt::format(" class=\"text\" style=\"min-width: {}rem\"", column.min_width);
}

std::string TableBegin(const std::vector<Column>& columns) {
  std::string html = "<div class=\"scroll\"><table>\n<thead><tr>";
  for (const Column& column : columns) {
    html += fmt::format("<th{}>{}</th>", StyleOf(column), column.heading);
  }
  return html + "</tr></thead>\n<tbody>\n";
}

// Cells of a row, of which the first is in column number `first`.
std::string Cells(const std::vector<Column>& columns, size_t first,
                  const std::vector<std::string>& cells) {
  std::string html;
  for (size_t i = 0; i < cells.size(); ++i) {
    html += fmt::format("<td{}>{}</td>", StyleOf(columns[first + i]), cells[i]);
  }
  return html;
}

constexpr std::string_view kTableEnd = "</tbody></table></div>\n";

}  // namespace

std::string_view BasisLabel(Basis basis) {
  switch (basis) {
    case Basis::kRtl:
      return "measured in RTL";
    case Basis::kSynthesis:
      return "counted by synthesis";
    case Basis::kModelled:
      return "modelled";
    case Basis::kPublished:
      return "published";
    case Basis::kByHand:
      return "by hand";
    case Basis::kAssumed:
      break;
  }
  return "assumed";
}

std::string_view BasisMeaning(Basis basis) {
  switch (basis) {
    case Basis::kRtl:
      return "cycles or bits of the register-transfer description in simulation";
    case Basis::kSynthesis:
      return "resources that a synthesis tool counted in a netlist";
    case Basis::kModelled:
      return "cycles by the cycle model, beat by beat against a model of HBM2; watts by its counts "
             "times coefficients that each have a source and bounds";
    case Basis::kPublished:
      return "what authors or makers say of their own designs and parts";
    case Basis::kByHand:
      return "counted on paper from the structure, until synthesis counts it";
    case Basis::kAssumed:
      break;
  }
  return "nobody is known to have published or measured it";
}

std::string BasisTag(Basis basis) {
  return fmt::format("<span class=\"basis {}\">{}</span>", BasisClass(basis), BasisLabel(basis));
}

std::string FigureHtml(const Figure& figure) {
  std::string tags;
  for (const Basis basis : figure.bases) tags += BasisTag(basis);
  return fmt::format(
      "<figure id=\"{}\">\n<figcaption>{}{}</figcaption>\n<p class=\"note\">{}</p>\n{}"
      "<p class=\"again\">Again: <code>{}</code></p>\n</figure>\n",
      figure.id, EscapeHtml(figure.title), tags, figure.note, figure.body,
      EscapeHtml(figure.command));
}

std::string BarTable(const std::vector<Column>& columns, const std::vector<BarRow>& rows,
                     double full, double mark) {
  double longest = std::max(full, kNothing);
  for (const BarRow& row : rows) longest = std::max(longest, LengthOf(row));
  std::string html = TableBegin(columns);
  for (const BarRow& row : rows) {
    html += fmt::format("<tr><td>{}</td><td class=\"bar\">{}</td>{}</tr>\n", EscapeHtml(row.name),
                        BarSvg(row, longest, mark), Cells(columns, 2, row.cells));
  }
  return html.append(kTableEnd);
}

std::string PlainTable(const std::vector<Column>& columns,
                       const std::vector<std::vector<std::string>>& rows) {
  std::string html = TableBegin(columns);
  for (const std::vector<std::string>& row : rows) {
    html += fmt::format("<tr>{}</tr>\n", Cells(columns, 0, row));
  }
  return html.append(kTableEnd);
}

std::string_view FigureStyle() { return kFigureStyle; }

}  // namespace accllm::cli
