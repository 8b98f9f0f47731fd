// The passes, in the order they run. Each leaves a graph that its verifier accepts.
#pragma once

#include "accel/program/program_writer.h"
#include "compiler/compile.h"
#include "compiler/graph.h"

namespace accllm::compiler {

// lower: one operation for each step of the model, as the reference computes it.
// Errors: kUnsupported, naming the tensor.
Result<Graph> Lower(const ModelTensors& model);

// fuse: additions to the residual stream and the MLP's gate become epilogues of linear layers.
void Fuse(Graph& graph);
Status VerifyFused(const Graph& graph);

// schedule: what the cache needs comes first, so that storing keys and values hides behind the
// queries' product.
void Schedule(Graph& graph);
Status VerifySchedule(const Graph& graph);

// allocate: homes of all values on the chip. Errors: kInvalidArgument if they do not fit.
Status Allocate(Graph& graph, const Target& target);
Status VerifyAllocation(const Graph& graph);

// place: addresses of constants, cache, angles and logits. Errors: kInvalidArgument if memory is
// too small, saying what takes how much.
Status Place(Graph& graph, const ModelTensors& model, const CompileOptions& options);
Status VerifyPlacement(const Graph& graph);

// emit: instructions, and the image's bytes.
std::vector<isa::Instruction> Emit(const Graph& graph, const ModelConfig& config);
Status WriteImage(const Graph& graph, const PackedFile& packed, accel::ProgramWriter& writer,
                  const std::function<bool(double share)>& on_progress);

// The error of a verifier: a pass broke its own rule.
Error BrokenPass(std::string_view pass, const std::string& what);

}  // namespace accllm::compiler
