// Writes one .gguf file, tensor by tensor.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "checkpoint/gguf_format.h"

namespace accllm {

// The metadata of a file, in the order it is added. Keys must differ.
class GgufMetadataWriter {
 public:
  void AddUint32(std::string_view key, int64_t value);
  void AddFloat(std::string_view key, float value);
  void AddBool(std::string_view key, bool value);
  void AddString(std::string_view key, std::string_view value);
  void AddStrings(std::string_view key, std::span<const std::string> values);
  void AddFloats(std::string_view key, std::span<const float> values);
  void AddInts(std::string_view key, std::span<const int32_t> values);

  uint64_t n_entries() const { return n_entries_; }
  const std::string& bytes() const { return bytes_; }

 private:
  void AddKey(std::string_view key, GgufType type);
  void AddArrayHead(GgufType element_type, uint64_t count);

  std::string bytes_;
  uint64_t n_entries_ = 0;
};

// A tensor to be written.
struct GgufTensorPlan {
  std::string name;            // at most 64 bytes
  GgmlType type;               // kF32 or kF16, or any for WriteBytes
  std::vector<int64_t> shape;  // row major

  int64_t n_elements() const;
  int64_t n_bytes() const;
};

class GgufWriter {
 public:
  // Creates `path`.partial and writes everything but the data into it. Errors: kIo.
  static Result<GgufWriter> Create(const std::string& path, const GgufMetadataWriter& metadata,
                                   std::vector<GgufTensorPlan> tensors);
  GgufWriter(GgufWriter&& other) noexcept;
  GgufWriter& operator=(GgufWriter&& other) noexcept;
  // Removes the partial file unless Finish succeeded.
  ~GgufWriter();

  const std::vector<GgufTensorPlan>& tensors() const { return tensors_; }

  // Writes the data of the next tensor, rounded to its type. Errors: kInvalidArgument if the number
  // of values is not the plan's or the type is another than these, kUnsupported if one is too large
  // for F16, kIo.
  Status WriteTensor(std::span<const float> values);

  // The same with data that has the tensor's type already. Errors: kInvalidArgument if its size is
  // not the plan's, kIo.
  Status WriteBytes(std::span<const uint8_t> bytes);

  // Makes the file durable and gives it its name. Errors: kInvalidArgument if tensors are missing,
  // kIo.
  Status Finish();

 private:
  GgufWriter() = default;
  Status WritePadded(std::span<const uint8_t> bytes);

  std::string path_;
  int fd_ = -1;
  std::vector<GgufTensorPlan> tensors_;
  size_t next_ = 0;
  int64_t offset_ = 0;  // end of what was written
};

}  // namespace accllm
