// One .safetensors file, fully validated before any tensor is handed out.
//
// Layout: u64 little-endian header length, JSON header {name: {dtype, shape, data_offsets}}, data.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/mapped_file.h"
#include "base/result.h"

namespace accllm {

enum class DType {
  kBool,
  kU8,
  kI8,
  kF8E4M3,
  kF8E5M2,
  kI16,
  kU16,
  kF16,
  kBF16,
  kI32,
  kU32,
  kF32,
  kI64,
  kU64,
  kF64,
};

std::string_view DTypeName(DType dtype);  // as in the file: "BF16"
size_t DTypeBytes(DType dtype);           // per element

struct TensorInfo {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;      // empty: a scalar
  std::span<const uint8_t> bytes;  // product(shape) * DTypeBytes(dtype), not aligned

  int64_t n_elements() const { return static_cast<int64_t>(bytes.size() / DTypeBytes(dtype)); }
};

// "[4096, 256]"
std::string ShapeToString(std::span<const int64_t> shape);

class SafetensorsFile {
 public:
  // Maps and checks a file. Errors: those of MappedFile::Open and Parse.
  static Result<SafetensorsFile> Open(const std::string& path);

  // Checks `bytes`, which must outlive the result; `path` is the file that errors name.
  // Errors: kCorrupt for a damaged file (the tensors must cover the data exactly, without overlap),
  // kUnsupported for an unknown dtype.
  static Result<SafetensorsFile> Parse(std::span<const uint8_t> bytes, const std::string& path);

  const std::string& path() const { return path_; }
  const std::map<std::string, TensorInfo, std::less<>>& tensors() const { return tensors_; }
  const TensorInfo* Find(std::string_view name) const;  // nullptr if absent

  // The tensor's values as float32, row major. Errors: kNotFound, kUnsupported if the dtype is not
  // F32, F16 or BF16, kCorrupt if a value is NaN or infinite.
  Result<std::vector<float>> ReadFloats(std::string_view name) const;

 private:
  SafetensorsFile() = default;

  std::string path_;
  MappedFile file_;  // empty after Parse
  std::map<std::string, TensorInfo, std::less<>> tensors_;
};

}  // namespace accllm
