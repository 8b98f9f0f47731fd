// The charts of the comparison page, as inline SVG.
#pragma once

#include <string>
#include <vector>

#include "compare_result.h"

namespace accllm::cli {

// Horizontal bars of one quantity, the longest as wide as there is room.
struct Bar {
  std::string name;
  double value;
};
std::string BarChart(const std::string& title, const std::vector<Bar>& bars, int decimals);

// Output error of the linear layers of each kind: a chart a kind, a line a recipe, blocks along x.
std::string LayerErrorCharts(const std::vector<RecipeResult>& recipes, int64_t n_layers);

}  // namespace accllm::cli
