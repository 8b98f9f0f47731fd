#include "base/file_io.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/mapped_file.h"

namespace accllm {
namespace {

tl::unexpected<Error> FailErrno(const std::string& path, std::string_view what) {
  return Fail(ErrorCode::kIo, fmt::format("{}: cannot {}: {}", path, what, std::strerror(errno)),
              "check free space and permissions");
}

Status SyncParentFolder(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const int fd = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return FailErrno(folder, "open");
  const int rc = fsync(fd);
  close(fd);
  if (rc != 0) return FailErrno(folder, "sync");
  return {};
}

}  // namespace

Result<std::string> ReadTextFile(const std::string& path, int64_t max_bytes) {
  ACCLLM_ASSIGN_OR_RETURN(const MappedFile file, MappedFile::Open(path));
  const std::span<const uint8_t> bytes = file.bytes();
  if (static_cast<int64_t>(bytes.size()) > max_bytes) {
    return Fail(ErrorCode::kUnsupported,
                fmt::format("{}: {} bytes, at most {} are read", path, bytes.size(), max_bytes),
                "check that this is the right file");
  }
  return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

Status WriteAllAt(int fd, std::span<const uint8_t> bytes, int64_t offset, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written = pwrite(fd, bytes.data(), bytes.size(), offset);
    if (written < 0) {
      if (errno == EINTR) continue;
      return FailErrno(path, "write");
    }
    bytes = bytes.subspan(static_cast<size_t>(written));
    offset += written;
  }
  return {};
}

Status WriteFileAtomically(const std::string& path,
                           std::span<const std::span<const uint8_t>> parts) {
  const std::string temporary = path + ".tmp";
  const int fd = open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return FailErrno(temporary, "create");
  Status status;
  int64_t offset = 0;
  for (const std::span<const uint8_t> part : parts) {
    if (status) status = WriteAllAt(fd, part, offset, temporary);
    offset += static_cast<int64_t>(part.size());
  }
  if (status && fsync(fd) != 0) status = FailErrno(temporary, "sync");
  close(fd);
  ACCLLM_RETURN_IF_ERROR(status);
  return RenameDurably(temporary, path);
}

Status WriteFileAtomically(const std::string& path, std::string_view text) {
  const std::span bytes(reinterpret_cast<const uint8_t*>(text.data()), text.size());
  return WriteFileAtomically(path, std::span(&bytes, 1));
}

Status RenameDurably(const std::string& from, const std::string& to) {
  if (std::rename(from.c_str(), to.c_str()) != 0) return FailErrno(to, "rename into place");
  return SyncParentFolder(to);
}

}  // namespace accllm
