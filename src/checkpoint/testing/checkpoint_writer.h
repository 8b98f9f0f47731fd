// Writes small random LLaMA checkpoints for tests.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/model_config.h"
#include "base/result.h"
#include "checkpoint/safetensors_writer.h"

namespace accllm::testing {

// A consistent config of a few thousand weights: 2 layers, hidden 64, 4 heads, 2 KV heads of 16,
// FFN 96, vocabulary 100, untied embeddings.
ModelConfig TinyConfig();

using accllm::EncodeFloats;
using accllm::NamedTensor;
using accllm::SafetensorsBytes;
using accllm::SafetensorsFromHeader;

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
