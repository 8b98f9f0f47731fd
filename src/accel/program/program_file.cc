#include "accel/program/program_file.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "accel/program/program_writer.h"
#include "packed/packed_metadata.h"
#include "packed/xxh3.h"

namespace accllm::accel {
namespace {

Error Damaged(const std::string& path, std::string_view what) {
  return {ErrorCode::kCorrupt, fmt::format("{}: {}", path, what),
          "compile the model again, or copy the file again"};
}

// A section of the file, checked against its hash.
Result<std::span<const uint8_t>> Section(std::span<const uint8_t> file, uint64_t offset,
                                         uint64_t size, uint64_t hash, const std::string& path,
                                         std::string_view name) {
  if (offset > file.size() || size > file.size() - offset) {
    return tl::unexpected(Damaged(path, fmt::format("the {} lies outside the file", name)));
  }
  const auto bytes = file.subspan(offset, size);
  if (Xxh3(bytes) != hash) {
    return tl::unexpected(Damaged(path, fmt::format("the {} is damaged: its hash differs", name)));
  }
  return bytes;
}

Result<isa::ProgramHeader> ReadHeader(std::span<const uint8_t> bytes, const std::string& path) {
  isa::ProgramHeader header = {};
  if (bytes.size() < sizeof(header)) {
    return tl::unexpected(Damaged(path, "too short for a program"));
  }
  std::memcpy(&header, bytes.data(), sizeof(header));
  if (!std::equal(kProgramMagic.begin(), kProgramMagic.end(), header.magic)) {
    return Fail(ErrorCode::kCorrupt, fmt::format("{}: not a program", path),
                "`accllm compile MODEL.acc -o PROGRAM.accp` makes one of a packed model");
  }
  if (header.version != isa::kVersion) {
    return Fail(ErrorCode::kUnsupported,
                fmt::format("{}: program version {}, this build reads {}", path, header.version,
                            isa::kVersion),
                "compile the model with this build");
  }
  const auto hashed = bytes.first(offsetof(isa::ProgramHeader, header_xxh3));
  if (Xxh3(hashed) != header.header_xxh3) {
    return tl::unexpected(Damaged(path, "the header is damaged: its hash differs"));
  }
  if (header.file_bytes != bytes.size()) {
    return tl::unexpected(Damaged(
        path, fmt::format("{} bytes, the header says {}", bytes.size(), header.file_bytes)));
  }
  return header;
}

}  // namespace

Result<ProgramFile> ProgramFile::Open(const std::string& path) {
  ACCLLM_ASSIGN_OR_RETURN(MappedFile file, MappedFile::Open(path));
  ACCLLM_ASSIGN_OR_RETURN(ProgramFile program, Parse(file.bytes(), path));
  program.file_ = std::move(file);
  return program;
}

Result<ProgramFile> ProgramFile::Parse(std::span<const uint8_t> bytes, const std::string& path) {
  ACCLLM_ASSIGN_OR_RETURN(const isa::ProgramHeader header, ReadHeader(bytes, path));
  ProgramFile program;
  program.bytes_ = bytes;
  program.path_ = path;
  std::memcpy(&program.geometry_, header.geometry, sizeof(program.geometry_));
  ACCLLM_RETURN_IF_ERROR(program.ParseSections(header));
  ACCLLM_RETURN_IF_ERROR(CheckProgram(program.geometry_, program.instructions_, path));
  const ModelConfig& config = program.metadata_.config;
  const isa::Geometry& g = program.geometry_;
  if (config.hidden_size != g.hidden || config.intermediate_size != g.intermediate ||
      config.head_dim != g.head_dim || config.n_heads != g.heads ||
      config.n_kv_heads != g.kv_heads || config.vocab_size != g.vocab) {
    return tl::unexpected(Damaged(path, "geometry and configuration do not agree"));
  }
  return program;
}

Status ProgramFile::ParseSections(const isa::ProgramHeader& header) {
  const uint64_t image_bytes = uint64_t{geometry_.image_stripes} * geometry_.lanes * 64U;
  ACCLLM_ASSIGN_OR_RETURN(
      image_, Section(bytes_, header.image_offset, image_bytes, header.image_xxh3, path_, "image"));
  const uint64_t code_bytes = uint64_t{header.n_instructions} * sizeof(isa::Instruction);
  ACCLLM_ASSIGN_OR_RETURN(const auto code,
                          Section(bytes_, header.instructions_offset, code_bytes,
                                  header.instructions_xxh3, path_, "instructions"));
  instructions_.resize(header.n_instructions);
  if (!code.empty()) std::memcpy(instructions_.data(), code.data(), code.size());
  ACCLLM_ASSIGN_OR_RETURN(tokenizer_,
                          Section(bytes_, header.tokenizer_offset, header.tokenizer_bytes,
                                  header.tokenizer_xxh3, path_, "tokenizer"));
  ACCLLM_ASSIGN_OR_RETURN(const auto json,
                          Section(bytes_, header.metadata_offset, header.metadata_bytes,
                                  header.metadata_xxh3, path_, "metadata"));
  const std::string_view text(reinterpret_cast<const char*>(json.data()), json.size());
  ACCLLM_ASSIGN_OR_RETURN(metadata_, ParsePackedMetadata(text, path_));
  return {};
}

}  // namespace accllm::accel
