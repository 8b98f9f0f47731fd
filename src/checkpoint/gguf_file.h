// One .gguf file, fully validated before any tensor is handed out.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/mapped_file.h"
#include "base/result.h"
#include "checkpoint/gguf_format.h"
#include "checkpoint/gguf_metadata.h"

namespace accllm {

struct GgufTensor {
  std::string name;
  const GgmlTypeInfo* type = nullptr;
  std::vector<int64_t> shape;  // row major: the fastest dimension last, unlike in the file
  std::span<const uint8_t> bytes;
};

class GgufFile {
 public:
  // Maps and checks a file. Errors: those of MappedFile::Open and Parse.
  static Result<GgufFile> Open(const std::string& path);

  // Checks `bytes`, which must outlive the result; `path` is the file that errors name.
  // Errors: kCorrupt for a damaged file (tensors may neither overlap nor leave the file),
  // kUnsupported for another version or byte order and for unknown tensor types.
  static Result<GgufFile> Parse(std::span<const uint8_t> bytes, const std::string& path);

  const std::string& path() const { return metadata_.path(); }
  const GgufMetadata& metadata() const { return metadata_; }
  const std::map<std::string, GgufTensor, std::less<>>& tensors() const { return tensors_; }
  const GgufTensor* Find(std::string_view name) const;  // nullptr if absent

  // Whether the tensor's values can be read: F32, F16, BF16 and Q8_0. Errors: kUnsupported.
  Status CheckReadable(const GgufTensor& tensor) const;

  // The tensor's values as float32, row major. Errors: kNotFound, kUnsupported as CheckReadable,
  // kCorrupt if a value is NaN or infinite.
  Result<std::vector<float>> ReadFloats(std::string_view name) const;

 private:
  GgufFile() = default;

  MappedFile file_;  // empty after Parse
  GgufMetadata metadata_;
  std::map<std::string, GgufTensor, std::less<>> tensors_;
};

}  // namespace accllm
