// Reads and validates a program file (.accp).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/mapped_file.h"
#include "base/result.h"
#include "packed/packed_file.h"
#include "spec/accelerator.h"

namespace accllm::accel {

class ProgramFile {
 public:
  // Maps the file and checks everything: header, extents, hashes of all sections, and that no
  // instruction reaches outside the memory and the vectors that the geometry gives it.
  // Errors: kNotFound, kIo, kCorrupt, kUnsupported (another version).
  static Result<ProgramFile> Open(const std::string& path);

  // The same on bytes that the caller keeps alive; `path` is for messages.
  static Result<ProgramFile> Parse(std::span<const uint8_t> bytes, const std::string& path);

  const isa::Geometry& geometry() const { return geometry_; }
  std::span<const isa::Instruction> instructions() const { return instructions_; }
  std::span<const uint8_t> image() const { return image_; }  // [image_stripes][lanes] beats
  std::span<const uint8_t> tokenizer() const { return tokenizer_; }
  const PackedMetadata& metadata() const { return metadata_; }
  const std::string& path() const { return path_; }

 private:
  Status ParseSections(const isa::ProgramHeader& header);

  MappedFile file_;  // empty if the bytes are borrowed
  std::span<const uint8_t> bytes_;
  std::string path_;
  isa::Geometry geometry_ = {};
  std::vector<isa::Instruction> instructions_;
  std::span<const uint8_t> image_;
  std::span<const uint8_t> tokenizer_;
  PackedMetadata metadata_;
};

// Errors: kCorrupt, naming instruction and field, if the program is not one that a machine may run.
Status CheckProgram(const isa::Geometry& geometry, std::span<const isa::Instruction> instructions,
                    const std::string& path);

}  // namespace accllm::accel
