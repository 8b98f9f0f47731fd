// The charts of the comparison page, as inline SVG.
#pragma once

#include <string>
#include <vector>

#include "compare_result.h"

namespace accllm::cli {

// Class of the style sheet that gives recipe number `index` its colour.
std::string ColourClass(size_t index);
inline constexpr size_t kColours = 10;

// Horizontal bars of one quantity, the longest as wide as there is room. `format` is fmt's, for
// example "{:.3f}".
struct Bar {
  std::string name;
  double value;
};
std::string BarChart(const std::string& title, const std::vector<Bar>& bars, int decimals);

// Output error of the linear layers of each kind: a chart a kind, a line a recipe, blocks along x.
std::string LayerErrorCharts(const std::vector<RecipeResult>& recipes, int64_t n_layers);

}  // namespace accllm::cli
