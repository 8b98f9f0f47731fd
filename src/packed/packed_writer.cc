#include "packed/packed_writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/block_codec.h"
#include "base/file_io.h"
#include "base/mapped_file.h"
#include "packed/xxh3.h"

namespace accllm {
namespace {

struct Placed {
  TensorPlan plan;
  TensorLayout layout;
  int64_t offset = 0;
};

format::TensorRecord MakeRecord(const Placed& tensor, std::span<const uint8_t> bytes) {
  format::TensorRecord record = {};
  std::copy(tensor.plan.name.begin(), tensor.plan.name.end(), record.name);
  record.type = static_cast<uint32_t>(tensor.plan.type);
  record.rows = static_cast<uint64_t>(tensor.plan.rows);
  record.cols = static_cast<uint64_t>(tensor.plan.cols);
  record.data_offset = static_cast<uint64_t>(tensor.offset);
  record.data_bytes = static_cast<uint64_t>(tensor.layout.data_bytes);
  record.scales_offset = static_cast<uint64_t>(tensor.layout.scales_offset);
  record.xxh3 = Xxh3(bytes);
  return record;
}

template <typename T>
std::span<const uint8_t> AsBytes(const T* data, size_t count) {
  return {reinterpret_cast<const uint8_t*>(data), count * sizeof(T)};
}

}  // namespace

struct PackedWriter::State {
  std::string path;
  int fd = -1;
  std::vector<Placed> tensors;
  int64_t end = 0;  // of the last tensor, aligned

  ~State() {
    if (fd >= 0) close(fd);
  }

  Result<const Placed*> Find(const std::string& name) const {
    for (const Placed& tensor : tensors) {
      if (tensor.plan.name == name) return &tensor;
    }
    return Fail(ErrorCode::kInvalidArgument, fmt::format("{}: no tensor '{}' planned", path, name));
  }

  Status Plan(std::vector<TensorPlan> plan) {
    end = sizeof(format::FileHeader);
    for (TensorPlan& item : plan) {
      if (item.name.empty() || item.name.size() > sizeof(format::TensorRecord::name)) {
        return Fail(ErrorCode::kInvalidArgument,
                    fmt::format("tensor name '{}' is too long", item.name));
      }
      auto layout = LayOutTensor(item.type, item.rows, item.cols);
      if (!layout) {
        Error error = layout.error();
        error.message = fmt::format("tensor {}: {}", item.name, error.message);
        return tl::unexpected(error);
      }
      tensors.push_back({std::move(item), *layout, end});
      end = RoundUp(end + layout->data_bytes, format::kAlignment);
    }
    return {};
  }

  // Directory of all tensors, hashed as they lie in the file now.
  Result<std::vector<format::TensorRecord>> MakeDirectory() const {
    ACCLLM_ASSIGN_OR_RETURN(const MappedFile file, MappedFile::Open(PartialPath(path)));
    std::vector<format::TensorRecord> directory;
    for (const Placed& tensor : tensors) {
      const auto offset = static_cast<size_t>(tensor.offset);
      const auto size = static_cast<size_t>(tensor.layout.data_bytes);
      directory.push_back(MakeRecord(tensor, file.bytes().subspan(offset, size)));
      file.DropPages(offset, size);
    }
    return directory;
  }

  Status Write(std::span<const uint8_t> bytes, int64_t offset) const {
    return WriteAllAt(fd, bytes, offset, PartialPath(path));
  }
};

PackedWriter::PackedWriter(std::unique_ptr<State> state) : state_(std::move(state)) {}
PackedWriter::PackedWriter(PackedWriter&&) noexcept = default;
PackedWriter& PackedWriter::operator=(PackedWriter&&) noexcept = default;
PackedWriter::~PackedWriter() = default;

Result<PackedWriter> PackedWriter::Create(const std::string& path, std::vector<TensorPlan> plan,
                                          bool resume) {
  auto state = std::make_unique<State>();
  state->path = path;
  ACCLLM_RETURN_IF_ERROR(state->Plan(std::move(plan)));
  const std::string partial = PartialPath(path);
  state->fd = open(partial.c_str(), O_RDWR | O_CLOEXEC | (resume ? 0 : O_CREAT | O_TRUNC), 0644);
  if (state->fd < 0 || ftruncate(state->fd, state->end) != 0) {
    return Fail(resume && errno == ENOENT ? ErrorCode::kNotFound : ErrorCode::kIo,
                fmt::format("{}: cannot write: {}", partial, std::strerror(errno)),
                "check the folder, its permissions and free space");
  }
  return PackedWriter(std::move(state));
}

Status PackedWriter::WriteTensor(const std::string& name, std::span<const uint8_t> bytes) {
  ACCLLM_ASSIGN_OR_RETURN(const Placed* tensor, state_->Find(name));
  if (static_cast<int64_t>(bytes.size()) != tensor->layout.data_bytes) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("tensor {}: {} bytes given, {} planned", name, bytes.size(),
                            tensor->layout.data_bytes));
  }
  return state_->Write(bytes, tensor->offset);
}

Result<std::vector<uint8_t>> PackedWriter::ReadTensor(const std::string& name) const {
  ACCLLM_ASSIGN_OR_RETURN(const Placed* tensor, state_->Find(name));
  std::vector<uint8_t> bytes(static_cast<size_t>(tensor->layout.data_bytes));
  for (size_t done = 0; done < bytes.size();) {
    const ssize_t n = pread(state_->fd, bytes.data() + done, bytes.size() - done,
                            tensor->offset + static_cast<int64_t>(done));
    if (n <= 0) {
      return Fail(ErrorCode::kIo,
                  fmt::format("{}: cannot read tensor {} back: {}", PartialPath(state_->path), name,
                              n == 0 ? "end of file" : std::strerror(errno)));
    }
    done += static_cast<size_t>(n);
  }
  return bytes;
}

Status PackedWriter::Sync() {
  if (fdatasync(state_->fd) != 0) {
    return Fail(ErrorCode::kIo, fmt::format("{}: cannot sync: {}", PartialPath(state_->path),
                                            std::strerror(errno)));
  }
  return {};
}

Status PackedWriter::Finish(std::span<const uint8_t> tokenizer, const std::string& metadata_json) {
  ACCLLM_ASSIGN_OR_RETURN(const std::vector<format::TensorRecord> directory,
                          state_->MakeDirectory());
  const auto metadata = AsBytes(metadata_json.data(), metadata_json.size());
  const auto directory_bytes = AsBytes(directory.data(), directory.size());
  format::FileHeader header = {};
  constexpr std::string_view kMagic = "ACCLLM\x1A\n";
  std::copy(kMagic.begin(), kMagic.end(), header.magic);
  header.version = format::kVersion;
  header.n_tensors = static_cast<uint32_t>(directory.size());
  int64_t end = state_->end;
  const auto append = [&](std::span<const uint8_t> bytes, uint64_t& offset, uint64_t& size,
                          uint64_t& hash) -> Status {
    offset = static_cast<uint64_t>(end);
    size = bytes.size();
    hash = Xxh3(bytes);
    ACCLLM_RETURN_IF_ERROR(state_->Write(bytes, end));
    end = RoundUp(end + static_cast<int64_t>(bytes.size()), format::kAlignment);
    return {};
  };
  ACCLLM_RETURN_IF_ERROR(
      append(tokenizer, header.tokenizer_offset, header.tokenizer_bytes, header.tokenizer_xxh3));
  ACCLLM_RETURN_IF_ERROR(
      append(metadata, header.metadata_offset, header.metadata_bytes, header.metadata_xxh3));
  ACCLLM_RETURN_IF_ERROR(append(directory_bytes, header.directory_offset, header.directory_bytes,
                                header.directory_xxh3));
  if (ftruncate(state_->fd, end) != 0) {
    return Fail(ErrorCode::kIo, fmt::format("{}: cannot set the size: {}",
                                            PartialPath(state_->path), std::strerror(errno)));
  }
  header.file_bytes = static_cast<uint64_t>(end);
  header.header_xxh3 = Xxh3(AsBytes(&header, 1).first(offsetof(format::FileHeader, header_xxh3)));
  // The header goes last, and only after everything it vouches for is durable.
  ACCLLM_RETURN_IF_ERROR(Sync());
  ACCLLM_RETURN_IF_ERROR(state_->Write(AsBytes(&header, 1), 0));
  ACCLLM_RETURN_IF_ERROR(Sync());
  return RenameDurably(PartialPath(state_->path), state_->path);
}

}  // namespace accllm
