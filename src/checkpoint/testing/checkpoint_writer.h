// Writes small random LLaMA checkpoints for tests.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/model_config.h"
#include "base/result.h"
#include "checkpoint/safetensors.h"

namespace accllm::testing {

// A consistent config of a few thousand weights: 2 layers, hidden 64, 4 heads, 2 KV heads of 16,
// FFN 96, vocabulary 100, untied embeddings.
ModelConfig TinyConfig();

struct NamedTensor {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;
  std::string bytes;
};

// Float values in a file's dtype: kF32, kF16 or kBF16 (rounded to nearest even).
std::string EncodeFloats(const std::vector<float>& values, DType dtype);

// A .safetensors file with the tensors in the given order.
std::string SafetensorsBytes(const std::vector<NamedTensor>& tensors);

// Header text and data as a .safetensors file, without any check.
std::string SafetensorsFromHeader(const std::string& header, const std::string& data);

Status WriteFile(const std::string& path, const std::string& bytes);

struct CheckpointOptions {
  DType dtype = DType::kF16;
  int n_shards = 0;  // 0: one model.safetensors; else shards and an index
  uint64_t seed = 1;
};

// The tensors WriteCheckpoint writes: linear weights of deviation 1/sqrt(cols), norms near 1.
std::vector<NamedTensor> RandomTensors(const ModelConfig& config, const CheckpointOptions& options);

// Creates `folder` with config.json and weights; the same arguments give the same bytes.
Status WriteCheckpoint(const std::string& folder, const ModelConfig& config,
                       const CheckpointOptions& options = {});

}  // namespace accllm::testing
