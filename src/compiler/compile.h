// From a packed model to a program of the accelerator, in named passes.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/model_config.h"
#include "base/result.h"
#include "compiler/graph.h"
#include "compiler/target.h"
#include "packed/packed_file.h"

namespace accllm::compiler {

struct CompileOptions {
  Target target;
  AttentionWindow window;
  int64_t max_tokens = 0;  // of full attention
  int64_t cache_bits = 4;  // of cached codes; programs have 4, plans for estimates 8 and 16 too
};

struct CompileReport {
  int64_t instructions = 0;
  int64_t constant_bytes = 0;  // weights and what belongs to them, padding included
  int64_t cache_bytes = 0;
  int64_t memory_bytes = 0;  // of the target
  int64_t vector_bytes = 0;
};

// What the passes need to know of a model: everything but its bytes.
struct ModelTensor {
  std::string name;
  format::TensorType type = format::TensorType::kF32;
  int64_t rows = 0;
  int64_t cols = 0;
};

struct ModelTensors {
  std::string path;  // for messages
  ModelConfig config;
  std::vector<ModelTensor> tensors;

  const ModelTensor* Find(std::string_view name) const;
};

ModelTensors TensorsOf(const PackedFile& packed);

// That devices have lanes for all matrices and heads of a model, whatever the target: what Compile
// checks first. Errors: kUnsupported, naming the tensor; kNotFound if one is missing.
Status CheckRunnable(const ModelTensors& model);

// Told after each pass what the program looks like.
using OnPass = std::function<Status(std::string_view pass, const Graph& graph)>;

// The program without its image, for estimates. Errors: as those of Compile.
struct Plan {
  Graph graph;
  std::vector<isa::Instruction> instructions;
};
Result<Plan> PlanProgram(const ModelTensors& model, const CompileOptions& options,
                         const OnPass& on_pass);

// Writes `output`, deterministically. Errors: kUnsupported for what the accelerator cannot run
// (names the tensor), kInvalidArgument if model or cache do not fit the target (says what is too
// large), kCorrupt, kIo.
Result<CompileReport> Compile(const PackedFile& packed, const CompileOptions& options,
                              const std::string& output, const OnPass& on_pass,
                              const std::function<bool(double share)>& on_progress);

}  // namespace accllm::compiler
