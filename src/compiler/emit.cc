#include <bit>

#include "compiler/passes.h"

namespace accllm::compiler {
namespace {

constexpr isa::Opcode OpcodeOf(Op op) {
  switch (op) {
    case Op::kEmbed:
      return isa::Opcode::kLoad;
    case Op::kNorm:
      return isa::Opcode::kNorm;
    case Op::kQuantize:
      return isa::Opcode::kQuantize;
    case Op::kStoreKeys:
    case Op::kStoreValues:
      return isa::Opcode::kStoreKv;
    case Op::kAttend:
      return isa::Opcode::kAttend;
    default:
      return isa::Opcode::kLinear;
  }
}

uint32_t HomeOf(const Graph& graph, int value) {
  return value < 0 ? 0 : *graph.values[static_cast<size_t>(value)].home;
}

isa::Instruction Encode(const Graph& graph, const Operation& op, float eps) {
  isa::Instruction i = {};
  i.opcode = static_cast<uint32_t>(OpcodeOf(op.op));
  i.layer = static_cast<uint32_t>(op.layer < 0 ? 0 : op.layer);
  const Placement* place = graph.Find(op.tensor);
  if (place != nullptr && op.op != Op::kEmbed) {  // whose rows the host reads
    i.address = static_cast<uint32_t>(place->stripe);
    if (place->matrix) {
      i.format = static_cast<uint32_t>(place->matrix->format);
      i.rows = static_cast<uint32_t>(place->matrix->rows);
      i.blocks = static_cast<uint32_t>(place->matrix->blocks);
    } else {
      i.parameter = std::bit_cast<uint32_t>(eps);
    }
  }
  if (IsStore(op.op) || op.op == Op::kAttend) {
    if (IsStore(op.op)) i.source = HomeOf(graph, op.inputs[0]);
    i.has_bias = op.tensor.empty() ? 0 : 1;
    i.keys = static_cast<uint32_t>(graph.caches[static_cast<size_t>(op.layer)].keys);
    i.values = static_cast<uint32_t>(graph.caches[static_cast<size_t>(op.layer)].values);
    return i;
  }
  if (!op.inputs.empty()) i.source = HomeOf(graph, op.inputs[0]);
  i.destination = HomeOf(graph, op.output);
  if (op.op == Op::kLinear) {
    i.epilogue = static_cast<uint32_t>(op.epilogue);
    i.has_bias = op.bias.empty() ? 0 : 1;
  }
  return i;
}

}  // namespace

std::vector<isa::Instruction> Emit(const Graph& graph, const ModelConfig& config) {
  std::vector<isa::Instruction> instructions;
  for (const Operation& op : graph.operations) {
    instructions.push_back(Encode(graph, op, config.rms_norm_eps));
  }
  instructions.push_back({});  // end
  return instructions;
}

}  // namespace accllm::compiler
