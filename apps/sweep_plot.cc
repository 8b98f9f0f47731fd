#include "sweep_plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "html_page.h"

namespace accllm::cli {
namespace {

constexpr std::string_view kPlotStyle = R"css(
text { font: 12px system-ui, sans-serif; fill: #1f2328; }
.name { font-weight: 600; font-size: 14px; } .soft { fill: #59636e; } .middle { text-anchor: middle; }
.end { text-anchor: end; } .page { fill: #ffffff; } .grid { stroke: #d8dbe0; }
circle { stroke: var(--c); stroke-width: 1.5; fill: none; } circle.front { fill: var(--c); }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3; } .soft { fill: #9da7b1; }
  .page { fill: #0d1117; } .grid { stroke: #30363d; } }
.c0 { --c: #3b82c4; } .c1 { --c: #e08a1e; } .c2 { --c: #3f9a52; } .c3 { --c: #cc4b4b; }
.c4 { --c: #8a63c9; } .c5 { --c: #a0785a; } .c6 { --c: #d472b0; } .c7 { --c: #8a9099; }
.c8 { --c: #a8a51e; } .c9 { --c: #23a9b8; }
)css";

constexpr double kPlotWidth = 860;
constexpr double kPlotHeight = 420;
constexpr double kPanelTop = 92;
constexpr double kPanelBottom = 372;
constexpr double kPanelLeft = 48;  // room for the numbers of an axis
constexpr double kPanelWidth = 228;

// From zero to a round number, with some five ticks.
struct LinearAxis {
  double step;
  double most;

  explicit LinearAxis(double largest) {
    const double rough = std::max(largest, 1e-9) / 4;
    const double power = std::pow(10, std::floor(std::log10(rough)));
    step = power;
    for (const double factor : {2.0, 2.5, 5.0, 10.0}) {
      if (step < rough) step = factor * power;
    }
    most = std::ceil(largest / step) * step;
  }
};

struct Panel {
  double left;
  double right;
  std::string title;
  double DesignPoint::*value;
};

std::string PanelSvg(const Panel& panel, const std::vector<DesignPoint>& points,
                     const std::vector<int64_t>& slots) {
  double most_luts = 0;
  double most_value = 0;
  for (const DesignPoint& point : points) {
    most_luts = std::max(most_luts, point.area.luts / 1e3);
    most_value = std::max(most_value, point.*panel.value);
  }
  const LinearAxis luts(most_luts);
  const LinearAxis values(most_value);
  const auto x = [&](double v) { return panel.left + v / luts.most * (panel.right - panel.left); };
  const auto y = [&](double v) {
    return kPanelBottom - v / values.most * (kPanelBottom - kPanelTop);
  };
  std::string svg = fmt::format("<text class=\"name\" x=\"{}\" y=\"{}\">{}</text>\n", panel.left,
                                kPanelTop - 14, panel.title);
  for (double tick = 0; tick <= values.most * 1.001; tick += values.step) {
    svg += fmt::format(
        "<path class=\"grid\" d=\"M{0} {1:.1f} H{2}\"/>"
        "<text class=\"soft end\" x=\"{3}\" y=\"{4:.1f}\">{5:g}</text>\n",
        panel.left, y(tick), panel.right, panel.left - 6, y(tick) + 4, tick);
  }
  for (double tick = 0; tick <= luts.most * 1.001; tick += luts.step) {
    svg += fmt::format("<text class=\"soft middle\" x=\"{:.1f}\" y=\"{}\">{:g}</text>\n", x(tick),
                       kPanelBottom + 18, tick);
  }
  svg += fmt::format("<text class=\"soft end\" x=\"{}\" y=\"{}\">1000 LUT</text>\n", panel.right,
                     kPanelBottom + 38);
  for (const DesignPoint& point : points) {
    const auto colour = std::find(slots.begin(), slots.end(), point.choice.slots) - slots.begin();
    svg += fmt::format(
        "<circle class=\"{}{}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{}\"><title>{}: {:.4g}</title>"
        "</circle>\n",
        ColourClass(static_cast<size_t>(colour)), point.is_on_front ? " front" : "",
        x(point.area.luts / 1e3), y(point.*panel.value), point.is_on_front ? 5 : 3,
        EscapeHtml(NameOfDesign(point.choice)), point.*panel.value);
  }
  return svg;
}

}  // namespace

std::string NameOfDesign(const DesignChoice& choice) {
  return fmt::format("{} lanes, {} token{} a pass, {:g} MHz, window {}{}", choice.lanes,
                     choice.slots, choice.slots == 1 ? "" : "s", choice.clock_mhz, choice.window,
                     choice.linear.empty() ? "" : ", " + choice.linear);
}

std::string SweepPlot(const std::string& title, const std::vector<DesignPoint>& points) {
  std::vector<DesignPoint> fitting;
  std::copy_if(points.begin(), points.end(), std::back_inserter(fitting),
               [](const DesignPoint& point) { return point.fits(); });
  std::vector<int64_t> slots;
  for (const DesignPoint& point : fitting) slots.push_back(point.choice.slots);
  std::sort(slots.begin(), slots.end());
  slots.erase(std::unique(slots.begin(), slots.end()), slots.end());
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" "
      "height=\"{1}\" role=\"img\" aria-labelledby=\"title\">\n<title id=\"title\">{2}"
      "</title>\n<style>{3}</style>\n<rect class=\"page\" width=\"{0}\" height=\"{1}\" "
      "rx=\"8\"/>\n<text class=\"name\" x=\"16\" y=\"24\">{2}</text>\n"
      "<text class=\"soft\" x=\"16\" y=\"46\">modelled; filled: on the front; tokens a "
      "pass:</text>\n",
      kPlotWidth, kPlotHeight, EscapeHtml(title), kPlotStyle);
  for (size_t i = 0; i < slots.size(); ++i) {
    const double at = 292 + 44.0 * static_cast<double>(i);
    svg += fmt::format(
        "<circle class=\"{} front\" cx=\"{}\" cy=\"42\" r=\"5\"/><text x=\"{}\" "
        "y=\"46\">{}</text>\n",
        ColourClass(i), at, at + 10, slots[i]);
  }
  const std::pair<std::string_view, double DesignPoint::*> panels[] = {
      {"decode, token/s", &DesignPoint::tokens_per_second},
      {"chip, token/J", &DesignPoint::tokens_per_joule},
      {"prefill, token/s", &DesignPoint::prefill_tokens_per_second}};
  double left = kPanelLeft;
  for (const auto& [name, value] : panels) {
    svg += PanelSvg({left, left + kPanelWidth, std::string(name), value}, fitting, slots);
    left += kPanelWidth + kPanelLeft;
  }
  return svg + "</svg>\n";
}

}  // namespace accllm::cli
