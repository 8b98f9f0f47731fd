// Writes a packed model file tensor by tensor, resumably; see spec/packed.toml for the format.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "packed/tensor_layout.h"

namespace accllm {

// One tensor of the plan, in file order.
struct TensorPlan {
  std::string name;
  format::TensorType type = format::TensorType::kF32;
  int64_t rows = 0;
  int64_t cols = 0;
};

// The file grows as `path`.partial, without a valid header until Finish() renames it to `path`.
class PackedWriter {
 public:
  // Lays out the tensors and creates (or, with `resume`, opens) the partial file. A resumed file
  // keeps the bytes of the tensors written before; the caller knows which (it must use the same
  // plan). Errors: kInvalidArgument (bad plan), kIo, kNotFound (resume without a partial file).
  static Result<PackedWriter> Create(const std::string& path, std::vector<TensorPlan> plan,
                                     bool resume);

  PackedWriter(PackedWriter&&) noexcept;
  PackedWriter& operator=(PackedWriter&&) noexcept;
  ~PackedWriter();

  // Writes the bytes of the tensor `name`; their number must be what its layout says.
  Status WriteTensor(const std::string& name, std::span<const uint8_t> bytes);

  // The bytes of a tensor written before (also by the process that was interrupted).
  Result<std::vector<uint8_t>> ReadTensor(const std::string& name) const;

  // Makes everything written so far durable.
  Status Sync();

  // Hashes the tensors, writes tokenizer, metadata, directory and header, and renames the file into
  // place.
  Status Finish(std::span<const uint8_t> tokenizer, const std::string& metadata_json);

  static std::string PartialPath(const std::string& path) { return path + ".partial"; }

 private:
  struct State;
  explicit PackedWriter(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace accllm
