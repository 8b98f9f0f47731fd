#include "compiler/graph.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace accllm::compiler {
namespace {

constexpr std::array<std::string_view, 8> kOpNames = {"embed", "norm",     "quantize", "linear",
                                                      "add",   "silu-mul", "store-kv", "attend"};

std::string Describe(const Graph& graph, int value) {
  if (value < 0) return "memory";
  const Value& v = graph.values[static_cast<size_t>(value)];
  std::string home;
  if (v.home && v.is_codes) home = fmt::format("@a{}", *v.home);
  if (v.home && !v.is_codes) home = fmt::format("@{}", isa::kVectorLabels[*v.home].label);
  return fmt::format("{}[{}]{}", v.name, v.size, home);
}

}  // namespace

std::string_view NameOf(Op op) { return kOpNames[static_cast<size_t>(op)]; }

const Placement* Graph::Find(std::string_view tensor) const {
  const auto found = std::find_if(placements.begin(), placements.end(),
                                  [&](const Placement& p) { return p.tensor == tensor; });
  return found == placements.end() ? nullptr : &*found;
}

std::string Dump(const Graph& graph) {
  std::string text;
  for (const Operation& op : graph.operations) {
    text += fmt::format("{} = {}", Describe(graph, op.output), NameOf(op.op));
    for (const int input : op.inputs) text += " " + Describe(graph, input);
    for (const std::string* tensor : {&op.tensor, &op.bias}) {
      if (tensor->empty()) continue;
      text += " " + *tensor;
      if (const Placement* place = graph.Find(*tensor)) {
        text += fmt::format("@{}+{}", place->stripe, place->stripes);
      }
    }
    if (op.epilogue != isa::Epilogue::kStore) {
      text += fmt::format(" {}", isa::kEpilogueLabels[static_cast<size_t>(op.epilogue)].label);
    }
    text += "\n";
  }
  for (size_t i = 0; i < graph.caches.size(); ++i) {
    text += fmt::format("cache {}: keys@{} values@{}\n", i, graph.caches[i].keys,
                        graph.caches[i].values);
  }
  return text;
}

}  // namespace accllm::compiler
