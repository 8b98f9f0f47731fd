#include <algorithm>

#include "compiler/passes.h"

namespace accllm::compiler {
namespace {

bool IsElementwise(Op op) { return op == Op::kAdd || op == Op::kSiluMul; }

}  // namespace

void Fuse(Graph& graph) {
  std::vector<Operation> fused;
  for (Operation& op : graph.operations) {
    if (!IsElementwise(op.op)) {
      fused.push_back(std::move(op));
      continue;
    }
    // (a, b) with b fresh from a linear layer: that layer puts its results into a.
    const auto producer = std::find_if(fused.rbegin(), fused.rend(), [&](const Operation& other) {
      return other.output == op.inputs[1];
    });
    producer->epilogue = op.op == Op::kAdd ? isa::Epilogue::kAdd : isa::Epilogue::kSiluMul;
    producer->inputs.push_back(op.inputs[0]);
    producer->output = op.output;
  }
  graph.operations = std::move(fused);
}

Status VerifyFused(const Graph& graph) {
  for (const Operation& op : graph.operations) {
    if (IsElementwise(op.op)) {
      return tl::unexpected(BrokenPass("fuse", fmt::format("{} is left over", op.name)));
    }
    const bool updates =
        op.epilogue == isa::Epilogue::kAdd || op.epilogue == isa::Epilogue::kSiluMul;
    if (op.op == Op::kLinear && op.inputs.size() != (updates ? 2U : 1U)) {
      return tl::unexpected(
          BrokenPass("fuse", fmt::format("{} has {} inputs", op.name, op.inputs.size())));
    }
  }
  return {};
}

}  // namespace accllm::compiler
