#include "pareto.h"

#include <algorithm>

namespace accllm::cli {
namespace {

bool Beats(const std::vector<double>& a, const std::vector<double>& b) {
  bool is_better = false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i] < b[i]) return false;
    is_better |= a[i] > b[i];
  }
  return is_better;
}

}  // namespace

std::vector<bool> ParetoFront(const std::vector<std::vector<double>>& qualities) {
  std::vector<bool> is_on_front;
  for (const std::vector<double>& one : qualities) {
    is_on_front.push_back(
        std::none_of(qualities.begin(), qualities.end(),
                     [&](const std::vector<double>& other) { return Beats(other, one); }));
  }
  return is_on_front;
}

}  // namespace accllm::cli
