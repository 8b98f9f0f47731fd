// A tiny random model and its program, for tests.
#pragma once

#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "accel/program/program_file.h"
#include "compiler/compile.h"
#include "packed/testing/tiny_model.h"

namespace accllm::testing {

// TinyPlan with the types that the accelerator runs: all four of them.
inline std::vector<TensorPlan> AcceleratorPlan(const ModelConfig& config) {
  std::vector<TensorPlan> plan = TinyPlan(config);
  for (TensorPlan& tensor : plan) {
    if (tensor.type == format::TensorType::kF16) tensor.type = format::TensorType::kW2S24;
    if (tensor.type == format::TensorType::kW3) tensor.type = format::TensorType::kW2;
    if (tensor.type == format::TensorType::kW2Free) tensor.type = format::TensorType::kW8;
  }
  return plan;
}

inline compiler::Target TestTarget(int64_t lanes, int64_t slots) {
  return {"test", lanes, slots, 225, isa::Memory::kHbm2, int64_t{1} << 28, int64_t{1} << 22};
}

// Files in the temporary directory, removed at the end.
class CompiledModel {
 public:
  CompiledModel(const ModelConfig& config, const std::vector<TensorPlan>& plan)
      : path_(UniquePath("compiled_model.acc")), program_path_(path_ + "p") {
    error_ = WriteTinyModel(config, path_, 21, plan);
  }
  CompiledModel(const CompiledModel&) = delete;
  CompiledModel& operator=(const CompiledModel&) = delete;
  ~CompiledModel() {
    std::filesystem::remove(path_);
    std::filesystem::remove(program_path_);
  }

  Result<PackedFile> Packed() const {
    ACCLLM_RETURN_IF_ERROR(error_);
    return PackedFile::Open(path_);
  }

  Result<accel::ProgramFile> Compile(const compiler::CompileOptions& options,
                                     const compiler::OnPass& on_pass = {}) const {
    ACCLLM_ASSIGN_OR_RETURN(const PackedFile packed, Packed());
    ACCLLM_RETURN_IF_ERROR(compiler::Compile(packed, options, program_path_, on_pass, {}));
    return accel::ProgramFile::Open(program_path_);
  }

  const std::string& program_path() const { return program_path_; }

 private:
  std::string path_;
  std::string program_path_;
  Status error_;
};

inline std::vector<int32_t> RandomTokens(size_t n, int64_t vocab) {
  std::mt19937 rng(9);
  std::vector<int32_t> tokens(n);
  for (int32_t& token : tokens) token = static_cast<int32_t>(rng() % static_cast<unsigned>(vocab));
  return tokens;
}

}  // namespace accllm::testing
