#include <algorithm>
#include <array>

#include "compiler/passes.h"

namespace accllm::compiler {
namespace {

// Last operation that reads each value; -1: none.
std::vector<int64_t> LastUses(const Graph& graph) {
  std::vector<int64_t> last(graph.values.size(), -1);
  for (size_t i = 0; i < graph.operations.size(); ++i) {
    for (const int value : graph.operations[i].inputs) {
      last[static_cast<size_t>(value)] = static_cast<int64_t>(i);
    }
  }
  return last;
}

// The vector that a plain product goes to, by who reads it.
isa::Vector HomeByUse(const Graph& graph, int value) {
  for (const Operation& op : graph.operations) {
    const auto found = std::find(op.inputs.begin(), op.inputs.end(), value);
    if (found == op.inputs.end()) continue;
    if (op.op == Op::kStoreKeys) return isa::Vector::kKey;
    if (op.op == Op::kStoreValues) return isa::Vector::kValue;
    if (op.op == Op::kAttend) return isa::Vector::kQuery;
    if (op.op == Op::kLinear) return isa::Vector::kGate;
  }
  return isa::Vector::kStream;
}

isa::Vector HomeOf(const Graph& graph, const Operation& op) {
  if (op.op == Op::kAttend) return isa::Vector::kMixed;
  if (op.epilogue == isa::Epilogue::kAdd) return isa::Vector::kStream;
  if (op.epilogue == isa::Epilogue::kSiluMul) return isa::Vector::kGate;
  return op.op == Op::kLinear ? HomeByUse(graph, op.output) : isa::Vector::kStream;
}

}  // namespace

int64_t VectorBytes(const Graph& graph, int64_t slots) {
  std::array<int64_t, isa::kVectorLabels.size()> floats = {};
  std::array<int64_t, isa::kActivationBuffers> codes = {};
  for (const Value& value : graph.values) {
    if (!value.home) continue;
    int64_t& size = value.is_codes ? codes[*value.home] : floats[*value.home];
    size = std::max(size, value.size);
  }
  int64_t bytes = 0;
  for (const int64_t size : floats) bytes += slots * size * 4;
  for (const int64_t size : codes) bytes += slots * RoundUp(size, format::kBlockWeights);
  return bytes;
}

Status Allocate(Graph& graph, const Target& target) {
  const std::vector<int64_t> last_uses = LastUses(graph);
  std::array<int64_t, isa::kActivationBuffers> free_after = {};
  free_after.fill(-1);
  for (size_t i = 0; i < graph.operations.size(); ++i) {
    const Operation& op = graph.operations[i];
    if (op.output < 0) continue;
    Value& value = graph.values[static_cast<size_t>(op.output)];
    if (!value.is_codes) {
      value.home = static_cast<uint32_t>(HomeOf(graph, op));
      continue;
    }
    // The buffer that was free first: what still reads the other one need not be waited for.
    const auto buffer = std::min_element(free_after.begin(), free_after.end());
    value.home = static_cast<uint32_t>(buffer - free_after.begin());
    *buffer = last_uses[static_cast<size_t>(op.output)];
  }
  const int64_t bytes = VectorBytes(graph, target.slots);
  if (bytes <= target.vector_bytes) return {};
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("vectors and activations of {} tokens take {} bytes on the chip, target "
                          "{} has {}",
                          target.slots, bytes, target.name, target.vector_bytes),
              "use a target with more vector_bytes or fewer slots");
}

Status VerifyAllocation(const Graph& graph) {
  std::array<int, isa::kVectorLabels.size()> floats = {};
  std::array<int, isa::kActivationBuffers> codes = {};
  floats.fill(-1);
  codes.fill(-1);
  const auto home = [&](const Value& value) -> int& {
    return value.is_codes ? codes[*value.home] : floats[*value.home];
  };
  for (const Operation& op : graph.operations) {
    for (const int input : op.inputs) {
      const Value& value = graph.values[static_cast<size_t>(input)];
      if (!value.home || home(value) != input) {
        return tl::unexpected(BrokenPass(
            "allocate", fmt::format("{} is overwritten before {}", value.name, op.name)));
      }
    }
    if (op.output < 0) continue;
    const Value& value = graph.values[static_cast<size_t>(op.output)];
    if (!value.home) {
      return tl::unexpected(BrokenPass("allocate", fmt::format("{} has no home", value.name)));
    }
    home(value) = op.output;
  }
  return {};
}

}  // namespace accllm::compiler
