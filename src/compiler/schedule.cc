#include <algorithm>

#include "compiler/passes.h"

namespace accllm::compiler {
namespace {

// The last layers whose keys and values are stored.
struct Stored {
  int64_t keys = -1;
  int64_t values = -1;

  void Run(const Operation& op) {
    if (op.op == Op::kStoreKeys) keys = op.layer;
    if (op.op == Op::kStoreValues) values = op.layer;
  }
};

// Whether `op` may run once `is_done` says which values exist; attention needs its layer's cache.
bool IsReady(const Operation& op, const std::vector<bool>& is_done, const Stored& stored) {
  if (op.op == Op::kAttend && (stored.keys < op.layer || stored.values < op.layer)) return false;
  return std::all_of(op.inputs.begin(), op.inputs.end(),
                     [&](int value) { return is_done[static_cast<size_t>(value)]; });
}

}  // namespace

void Schedule(Graph& graph) {
  std::vector<Operation> ordered;
  std::vector<Operation> waiting = std::move(graph.operations);
  // Values that only the cache waits for: their producers go first.
  std::vector<bool> is_cached(graph.values.size());
  for (const Operation& op : waiting) {
    if (!IsStore(op.op)) continue;
    for (const int value : op.inputs) is_cached[static_cast<size_t>(value)] = true;
  }
  const auto urgency = [&](const Operation& op) {
    if (IsStore(op.op)) return 2;
    return op.output >= 0 && is_cached[static_cast<size_t>(op.output)] ? 1 : 0;
  };
  std::vector<bool> is_done(graph.values.size());
  Stored stored;
  while (!waiting.empty()) {
    auto next = waiting.end();
    for (auto it = waiting.begin(); it != waiting.end(); ++it) {
      if (!IsReady(*it, is_done, stored)) continue;
      if (next == waiting.end() || urgency(*it) > urgency(*next)) next = it;
    }
    if (next == waiting.end()) break;  // a cycle, which VerifySchedule finds
    if (next->output >= 0) is_done[static_cast<size_t>(next->output)] = true;
    stored.Run(*next);
    ordered.push_back(std::move(*next));
    waiting.erase(next);
  }
  std::move(waiting.begin(), waiting.end(), std::back_inserter(ordered));
  graph.operations = std::move(ordered);
}

Status VerifySchedule(const Graph& graph) {
  std::vector<bool> is_done(graph.values.size());
  Stored stored;
  for (const Operation& op : graph.operations) {
    if (!IsReady(op, is_done, stored)) {
      return tl::unexpected(
          BrokenPass("schedule", fmt::format("{} runs before its inputs", op.name)));
    }
    if (op.output >= 0) is_done[static_cast<size_t>(op.output)] = true;
    stored.Run(op);
  }
  return {};
}

}  // namespace accllm::compiler
