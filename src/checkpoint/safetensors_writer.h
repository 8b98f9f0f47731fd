// Writes .safetensors files.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "checkpoint/safetensors.h"

namespace accllm {

struct NamedTensor {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;
  std::string bytes;
};

// Float values in a file's dtype: kF32, kF16 or kBF16 (rounded to nearest even).
std::string EncodeFloats(const std::vector<float>& values, DType dtype);

// A file with the tensors in the given order.
std::string SafetensorsBytes(const std::vector<NamedTensor>& tensors);

// Header text and data as a file, without any check.
std::string SafetensorsFromHeader(const std::string& header, const std::string& data);

}  // namespace accllm
