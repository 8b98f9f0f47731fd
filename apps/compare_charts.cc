#include "compare_charts.h"

#include <algorithm>

#include "base/tensor_names.h"
#include "html_page.h"

namespace accllm::cli {
namespace {

// Geometry of one line chart, in SVG units.
constexpr double kWidth = 300;
constexpr double kHeight = 170;
constexpr double kLeft = 48;  // room for the numbers of the axis
constexpr double kTop = 24;
constexpr double kRight = 8;
constexpr double kBottom = 22;

double PlaceOfLayer(int64_t layer, int64_t n_layers) {
  const double share = n_layers < 2 ? 0.5 : static_cast<double>(layer) / (n_layers - 1.0);
  return kLeft + share * (kWidth - kLeft - kRight);
}

double PlaceOfError(double error, double largest) {
  return kHeight - kBottom - error / largest * (kHeight - kTop - kBottom);
}

const double* FindError(const RecipeResult& recipe, LinearKind kind, int64_t layer) {
  const auto found = recipe.relative_errors.find(LayerTensorName(layer, kind));
  return found == recipe.relative_errors.end() ? nullptr : &found->second;
}

double LargestError(const std::vector<RecipeResult>& recipes, LinearKind kind, int64_t n_layers) {
  double largest = 1e-9;
  for (const RecipeResult& recipe : recipes) {
    for (int64_t layer = 0; layer < n_layers; ++layer) {
      if (const double* error = FindError(recipe, kind, layer)) largest = std::max(largest, *error);
    }
  }
  return largest;
}

// One recipe's line with a dot, and its number as a tool tip, for each block.
std::string ErrorLine(const RecipeResult& recipe, size_t index, LinearKind kind, int64_t n_layers,
                      double largest) {
  std::string points;
  std::string dots;
  for (int64_t layer = 0; layer < n_layers; ++layer) {
    const double* error = FindError(recipe, kind, layer);
    if (error == nullptr) continue;
    const double x = PlaceOfLayer(layer, n_layers);
    const double y = PlaceOfError(*error, largest);
    points += fmt::format("{}{:.1f},{:.1f}", points.empty() ? "" : " ", x, y);
    dots += fmt::format(
        "<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"2.5\"><title>{}, layer {}: {:.2f} %</title>"
        "</circle>",
        x, y, EscapeHtml(recipe.name), layer, 100 * *error);
  }
  return fmt::format("<g class=\"{}\"><polyline points=\"{}\"/>{}</g>\n", ColourClass(index),
                     points, dots);
}

std::string LayerErrorChart(const std::vector<RecipeResult>& recipes, LinearKind kind,
                            int64_t n_layers) {
  const std::string title = LayerTensorName(0, kind).substr(std::string_view("layers.0.").size());
  const double largest = LargestError(recipes, kind, n_layers);
  const double bottom = kHeight - kBottom;
  std::string svg = fmt::format(
      "<svg class=\"lines\" viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{} error\">\n"
      "<text x=\"{}\" y=\"14\" class=\"title\">{}</text>\n",
      kWidth, kHeight, title, kLeft, title);
  for (const double share : {0.0, 0.5, 1.0}) {
    const double y = PlaceOfError(share * largest, largest);
    svg += fmt::format(
        "<line x1=\"{}\" y1=\"{:.1f}\" x2=\"{}\" y2=\"{:.1f}\"/>"
        "<text x=\"{}\" y=\"{:.1f}\" text-anchor=\"end\">{:.1f} %</text>\n",
        kLeft, y, kWidth - kRight, y, kLeft - 4, y + 4, 100 * share * largest);
  }
  svg += fmt::format("<text x=\"{}\" y=\"{}\">layer 0</text>", kLeft, bottom + 16);
  if (n_layers > 1) {
    svg += fmt::format("<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>", kWidth - kRight,
                       bottom + 16, n_layers - 1);
  }
  for (size_t i = 0; i < recipes.size(); ++i) {
    svg += ErrorLine(recipes[i], i, kind, n_layers, largest);
  }
  return svg + "</svg>\n";
}

}  // namespace

std::string BarChart(const std::string& title, const std::vector<Bar>& bars, int decimals) {
  constexpr double kBarLeft = 150;
  constexpr double kBarRoom = 300;  // the rest is for the number
  constexpr double kRowHeight = 24;
  double largest = 1e-12;
  for (const Bar& bar : bars) largest = std::max(largest, bar.value);
  std::string svg = fmt::format(
      "<svg class=\"bars\" viewBox=\"0 0 530 {}\" role=\"img\" aria-label=\"{}\">\n"
      "<text x=\"0\" y=\"16\" class=\"title\">{}</text>\n",
      kRowHeight * (static_cast<double>(bars.size()) + 1) + 6, EscapeHtml(title),
      EscapeHtml(title));
  for (size_t i = 0; i < bars.size(); ++i) {
    const double y = kRowHeight * (static_cast<double>(i) + 1) + 4;
    const double width = std::max(1.0, bars[i].value / largest * kBarRoom);
    svg += fmt::format(
        "<g class=\"{}\"><text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>"
        "<rect x=\"{}\" y=\"{}\" width=\"{:.1f}\" height=\"16\" rx=\"2\"/>"
        "<text x=\"{:.1f}\" y=\"{}\">{:.{}f}</text></g>\n",
        ColourClass(i), kBarLeft - 8, y + 13, EscapeHtml(bars[i].name), kBarLeft, y, width,
        kBarLeft + width + 6, y + 13, bars[i].value, decimals);
  }
  return svg + "</svg>\n";
}

std::string LayerErrorCharts(const std::vector<RecipeResult>& recipes, int64_t n_layers) {
  std::string charts;
  for (const LinearKind kind : kLinearKinds) charts += LayerErrorChart(recipes, kind, n_layers);
  return charts;
}

}  // namespace accllm::cli
