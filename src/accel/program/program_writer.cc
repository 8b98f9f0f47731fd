#include "accel/program/program_writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/block_codec.h"
#include "base/file_io.h"
#include "base/mapped_file.h"
#include "packed/xxh3.h"

namespace accllm::accel {

struct ProgramWriter::State {
  std::string path;
  std::string partial;
  isa::Geometry geometry = {};
  int fd = -1;

  ~State() {
    if (fd < 0) return;
    close(fd);
    unlink(partial.c_str());
  }

  uint64_t image_bytes() const {
    return uint64_t{geometry.image_stripes} * geometry.lanes * isa::kBeatBytes;
  }
};

ProgramWriter::ProgramWriter(std::unique_ptr<State> state) : state_(std::move(state)) {}
ProgramWriter::ProgramWriter(ProgramWriter&&) noexcept = default;
ProgramWriter& ProgramWriter::operator=(ProgramWriter&&) noexcept = default;
ProgramWriter::~ProgramWriter() = default;

Result<ProgramWriter> ProgramWriter::Create(const std::string& path,
                                            const isa::Geometry& geometry) {
  auto state = std::make_unique<State>();
  state->path = path;
  state->partial = path + ".partial";
  state->geometry = geometry;
  state->fd = open(state->partial.c_str(), O_RDWR | O_CLOEXEC | O_CREAT | O_TRUNC, 0644);
  const auto bytes = static_cast<off_t>(sizeof(isa::ProgramHeader) + state->image_bytes());
  if (state->fd < 0 || ftruncate(state->fd, bytes) != 0) {
    return Fail(ErrorCode::kIo,
                fmt::format("{}: cannot write: {}", state->partial, std::strerror(errno)),
                "check the folder, its permissions and free space");
  }
  return ProgramWriter(std::move(state));
}

Status ProgramWriter::WriteStripes(int64_t stripe, std::span<const uint8_t> bytes) {
  const int64_t offset = int64_t{sizeof(isa::ProgramHeader)} +
                         stripe * int64_t{state_->geometry.lanes} * isa::kBeatBytes;
  return WriteAllAt(state_->fd, bytes, offset, state_->partial);
}

Status ProgramWriter::Finish(std::span<const isa::Instruction> instructions,
                             std::span<const uint8_t> tokenizer, const std::string& metadata_json) {
  isa::ProgramHeader header = {};
  std::copy(kProgramMagic.begin(), kProgramMagic.end(), header.magic);
  header.version = isa::kVersion;
  std::memcpy(header.geometry, &state_->geometry, sizeof(state_->geometry));
  header.image_offset = sizeof(header);
  {
    ACCLLM_ASSIGN_OR_RETURN(const MappedFile file, MappedFile::Open(state_->partial));
    header.image_xxh3 = Xxh3(file.bytes().subspan(sizeof(header), state_->image_bytes()));
  }
  auto end = static_cast<int64_t>(sizeof(header) + state_->image_bytes());
  const auto append = [&](std::span<const uint8_t> bytes, uint64_t& offset,
                          uint64_t& hash) -> Status {
    offset = static_cast<uint64_t>(end);
    hash = Xxh3(bytes);
    ACCLLM_RETURN_IF_ERROR(WriteAllAt(state_->fd, bytes, end, state_->partial));
    end = RoundUp(end + std::ssize(bytes), isa::kBeatBytes);
    return {};
  };
  header.n_instructions = static_cast<uint32_t>(instructions.size());
  ACCLLM_RETURN_IF_ERROR(
      append({reinterpret_cast<const uint8_t*>(instructions.data()), instructions.size_bytes()},
             header.instructions_offset, header.instructions_xxh3));
  header.tokenizer_bytes = tokenizer.size();
  ACCLLM_RETURN_IF_ERROR(append(tokenizer, header.tokenizer_offset, header.tokenizer_xxh3));
  header.metadata_bytes = metadata_json.size();
  ACCLLM_RETURN_IF_ERROR(
      append({reinterpret_cast<const uint8_t*>(metadata_json.data()), metadata_json.size()},
             header.metadata_offset, header.metadata_xxh3));
  header.file_bytes = header.metadata_offset + header.metadata_bytes;
  const std::span<const uint8_t> bytes(reinterpret_cast<const uint8_t*>(&header), sizeof(header));
  header.header_xxh3 = Xxh3(bytes.first(offsetof(isa::ProgramHeader, header_xxh3)));
  ACCLLM_RETURN_IF_ERROR(WriteAllAt(state_->fd, bytes, 0, state_->partial));
  ACCLLM_RETURN_IF_ERROR(RenameDurably(state_->partial, state_->path));
  close(state_->fd);
  state_->fd = -1;
  return {};
}

}  // namespace accllm::accel
