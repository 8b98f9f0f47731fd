#include "compiler/compile.h"

#include <algorithm>
#include <cassert>
#include <nlohmann/json.hpp>

#include "accel/program/program_file.h"
#include "compiler/passes.h"

namespace accllm::compiler {
namespace {

std::string ProgramMetadata(const PackedFile& packed, const CompileOptions& options,
                            const Graph& graph) {
  using Json = nlohmann::ordered_json;
  PackedMetadata metadata = packed.metadata();
  metadata.attention = options.window;
  Json json = Json::parse(PackedMetadataToJson(metadata), nullptr, false);
  Json& program = json["program"];
  program["target"] = options.target.name;
  for (const Placement& p : graph.placements) {
    program["placements"].push_back({{"tensor", p.tensor}, {"stripe", p.stripe}});
  }
  return json.dump(1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

const ModelTensor* ModelTensors::Find(std::string_view name) const {
  const auto found = std::find_if(tensors.begin(), tensors.end(),
                                  [&](const ModelTensor& tensor) { return tensor.name == name; });
  return found == tensors.end() ? nullptr : &*found;
}

ModelTensors TensorsOf(const PackedFile& packed) {
  ModelTensors model = {packed.path(), packed.config(), {}};
  for (const PackedTensor& tensor : packed.tensors()) {
    model.tensors.push_back({tensor.name, tensor.type, tensor.rows, tensor.cols});
  }
  return model;
}

Result<Plan> PlanProgram(const ModelTensors& model, const CompileOptions& options,
                         const OnPass& on_pass) {
  const auto tell = [&](std::string_view pass, const Graph& graph) -> Status {
    return on_pass ? on_pass(pass, graph) : Status();
  };
  ACCLLM_ASSIGN_OR_RETURN(Graph graph, Lower(model));
  ACCLLM_RETURN_IF_ERROR(tell("lower", graph));
  Fuse(graph);
  ACCLLM_RETURN_IF_ERROR(VerifyFused(graph));
  ACCLLM_RETURN_IF_ERROR(tell("fuse", graph));
  Schedule(graph);
  ACCLLM_RETURN_IF_ERROR(VerifySchedule(graph));
  ACCLLM_RETURN_IF_ERROR(tell("schedule", graph));
  ACCLLM_RETURN_IF_ERROR(Allocate(graph, options.target));
  ACCLLM_RETURN_IF_ERROR(VerifyAllocation(graph));
  ACCLLM_RETURN_IF_ERROR(tell("allocate", graph));
  ACCLLM_RETURN_IF_ERROR(Place(graph, model, options));
  ACCLLM_RETURN_IF_ERROR(VerifyPlacement(graph));
  ACCLLM_RETURN_IF_ERROR(tell("place", graph));
  std::vector<isa::Instruction> instructions = Emit(graph, model.config);
  ACCLLM_RETURN_IF_ERROR(accel::CheckProgram(graph.geometry, instructions, model.path));
  return Plan{std::move(graph), std::move(instructions)};
}

Result<CompileReport> Compile(const PackedFile& packed, const CompileOptions& options,
                              const std::string& output, const OnPass& on_pass,
                              const std::function<bool(double share)>& on_progress) {
  assert(options.cache_bits == 4);
  ACCLLM_ASSIGN_OR_RETURN(const Plan plan, PlanProgram(TensorsOf(packed), options, on_pass));
  const Graph& graph = plan.graph;
  ACCLLM_ASSIGN_OR_RETURN(accel::ProgramWriter writer,
                          accel::ProgramWriter::Create(output, graph.geometry));
  ACCLLM_RETURN_IF_ERROR(WriteImage(graph, packed, writer, on_progress));
  ACCLLM_RETURN_IF_ERROR(writer.Finish(plan.instructions, packed.tokenizer(),
                                       ProgramMetadata(packed, options, graph)));
  const isa::Geometry& g = graph.geometry;
  const int64_t stripe_bytes = int64_t{g.lanes} * isa::kBeatBytes;
  CompileReport report;
  report.instructions = std::ssize(plan.instructions);
  report.constant_bytes = int64_t{g.image_stripes} * stripe_bytes;
  const accel::CacheLayout cache = accel::CacheLayout::For(g);
  report.cache_bytes =
      std::ssize(graph.caches) * stripe_bytes * (cache.key_stripes() + cache.value_stripes());
  report.memory_bytes = options.target.channel_bytes * options.target.lanes;
  report.vector_bytes = VectorBytes(graph, options.target.slots);
  return report;
}

}  // namespace accllm::compiler
