// Reads and validates a packed model file (.acc).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/float_layer.h"
#include "base/mapped_file.h"
#include "base/model_config.h"
#include "base/result.h"
#include "packed/low_rank.h"
#include "packed/tensor_layout.h"

namespace accllm {

struct PackedTensor {
  std::string name;
  format::TensorType type = format::TensorType::kF32;
  int64_t rows = 0;
  int64_t cols = 0;
  TensorLayout layout;
  int64_t data_offset = 0;
  uint64_t xxh3 = 0;
  std::span<const uint8_t> bytes;  // layout.data_bytes bytes of the mapped file
};

// What a model holds beside its tensors.
struct PackedMetadata {
  ModelConfig config;
  AttentionWindow attention;     // defaults of this model
  std::string recipe_json;       // how it was made: a JSON object
  std::string provenance_json;   // from what it was made: a JSON object
  std::string text_json = "{}";  // what chats need beside the tokenizer: a JSON object
};

std::string PackedMetadataToJson(const PackedMetadata& metadata);

class PackedFile {
 public:
  // Maps the file and checks everything but the tensors' bytes: header, directory, hashes of all
  // sections, extents, names, types, and that the tensors the configuration asks for are there with
  // the right shapes. Errors: kNotFound, kIo, kCorrupt, kUnsupported (another version).
  static Result<PackedFile> Open(const std::string& path);

  // The same on bytes that the caller keeps alive; `path` is for messages.
  static Result<PackedFile> Parse(std::span<const uint8_t> bytes, const std::string& path);

  const PackedMetadata& metadata() const { return metadata_; }
  const ModelConfig& config() const { return metadata_.config; }
  std::span<const uint8_t> tokenizer() const { return tokenizer_; }
  std::span<const uint8_t> bytes() const { return bytes_; }
  const std::string& path() const { return path_; }
  const std::vector<PackedTensor>& tensors() const { return tensors_; }

  // Tells the system that this part of the file (a view into bytes()) is not needed any more.
  void DropPages(std::span<const uint8_t> part) const;

  // Errors: kNotFound.
  Result<const PackedTensor*> Find(std::string_view name) const;

  // Float values of a tensor of any type: [rows, cols]. Errors: kNotFound, kCorrupt.
  Result<std::vector<float>> ReadFloat(std::string_view name) const;

  // The low-rank part of the linear layer `name`, if it has one. Errors: kCorrupt.
  Result<std::optional<LowRank>> ReadLowRank(std::string_view name) const;

  // Float weights of a linear layer, its low-rank part added: [rows, cols]. Errors: kNotFound,
  // kCorrupt.
  Result<std::vector<float>> ReadLinear(std::string_view name) const;

  // The vectors of one block. Errors: kCorrupt.
  Result<LayerVectors> ReadVectors(int64_t layer) const;

  // Errors: kCorrupt if the bytes of one of tensors() are not those that were written.
  Status CheckHash(const PackedTensor& tensor) const;

  // Checks every byte of the file: hashes of all tensors, gaps that must be zero, and that every
  // code, multiplier and scale obeys the format. Errors: kCorrupt.
  Status Verify() const;

  // Bits a weight of the linear layers of the transformer blocks takes, everything counted
  // (padding, scales and low-rank parts too); embedding and lm_head are not linear layers of a
  // block.
  double BitsPerLinearWeight() const;

 private:
  Status ParseDirectory(const format::FileHeader& header);
  Status CheckTensorsOfConfig() const;
  Status CheckLowRanks() const;
  Status CheckLowRank(const PackedTensor& linear, const PackedTensor* a,
                      const PackedTensor* b) const;
  const PackedTensor* FindOrNull(std::string_view name) const;

  MappedFile file_;  // empty if the bytes are borrowed
  std::span<const uint8_t> bytes_;
  std::string path_;
  PackedMetadata metadata_;
  std::span<const uint8_t> tokenizer_;
  std::vector<PackedTensor> tensors_;  // in file order
};

}  // namespace accllm
