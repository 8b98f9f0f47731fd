#include "checkpoint/gguf_writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/file_io.h"
#include "base/fp16.h"
#include "checkpoint/byte_cursor.h"

namespace accllm {
namespace {

template <typename T>
void Append(T value, std::string* out) {
  out->append(reinterpret_cast<const char*>(&value), sizeof(value));
}

void AppendString(std::string_view text, std::string* out) {
  Append(uint64_t{text.size()}, out);
  out->append(text);
}

std::string PartialPath(const std::string& path) { return path + ".partial"; }

uint64_t Aligned(uint64_t size) {
  return (size + kGgufDefaultAlignment - 1) / kGgufDefaultAlignment * kGgufDefaultAlignment;
}

std::string HeadBytes(const GgufMetadataWriter& metadata, std::span<const GgufTensorPlan> tensors) {
  std::string bytes;
  Append(kGgufMagic, &bytes);
  Append(kGgufVersion, &bytes);
  Append(uint64_t{tensors.size()}, &bytes);
  Append(metadata.n_entries(), &bytes);
  bytes += metadata.bytes();
  uint64_t offset = 0;
  for (const GgufTensorPlan& tensor : tensors) {
    AppendString(tensor.name, &bytes);
    Append(static_cast<uint32_t>(tensor.shape.size()), &bytes);
    for (size_t i = tensor.shape.size(); i-- > 0;) Append(uint64_t(tensor.shape[i]), &bytes);
    Append(tensor.type, &bytes);
    Append(offset, &bytes);
    offset += Aligned(static_cast<uint64_t>(tensor.n_bytes()));
  }
  return bytes;
}

Result<std::vector<uint16_t>> ToHalves(std::span<const float> values, const std::string& path,
                                       const std::string& tensor) {
  constexpr uint16_t kInfinity = 0x7C00;
  std::vector<uint16_t> halves(values.size());
  std::ranges::transform(values, halves.begin(), FloatToHalf);
  const auto bad =
      std::ranges::find_if(halves, [](uint16_t half) { return (half & kInfinity) == kInfinity; });
  if (bad == halves.end()) return halves;
  const auto index = static_cast<size_t>(bad - halves.begin());
  return Fail(ErrorCode::kUnsupported,
              fmt::format("{}: tensor {} holds {} at index {}, too large for F16", path, tensor,
                          values[index], index),
              "this checkpoint can't be written as F16");
}

}  // namespace

void GgufMetadataWriter::AddKey(std::string_view key, GgufType type) {
  AppendString(key, &bytes_);
  Append(type, &bytes_);
  ++n_entries_;
}

void GgufMetadataWriter::AddArrayHead(GgufType element_type, uint64_t count) {
  Append(element_type, &bytes_);
  Append(count, &bytes_);
}

void GgufMetadataWriter::AddUint32(std::string_view key, int64_t value) {
  assert(value >= 0 && value <= int64_t{UINT32_MAX});
  AddKey(key, GgufType::kUint32);
  Append(static_cast<uint32_t>(value), &bytes_);
}

void GgufMetadataWriter::AddFloat(std::string_view key, float value) {
  AddKey(key, GgufType::kFloat32);
  Append(value, &bytes_);
}

void GgufMetadataWriter::AddBool(std::string_view key, bool value) {
  AddKey(key, GgufType::kBool);
  Append(static_cast<uint8_t>(value ? 1 : 0), &bytes_);
}

void GgufMetadataWriter::AddString(std::string_view key, std::string_view value) {
  AddKey(key, GgufType::kString);
  AppendString(value, &bytes_);
}

void GgufMetadataWriter::AddStrings(std::string_view key, std::span<const std::string> values) {
  AddKey(key, GgufType::kArray);
  AddArrayHead(GgufType::kString, values.size());
  for (const std::string& value : values) AppendString(value, &bytes_);
}

void GgufMetadataWriter::AddFloats(std::string_view key, std::span<const float> values) {
  AddKey(key, GgufType::kArray);
  AddArrayHead(GgufType::kFloat32, values.size());
  for (const float value : values) Append(value, &bytes_);
}

void GgufMetadataWriter::AddInts(std::string_view key, std::span<const int32_t> values) {
  AddKey(key, GgufType::kArray);
  AddArrayHead(GgufType::kInt32, values.size());
  for (const int32_t value : values) Append(value, &bytes_);
}

int64_t GgufTensorPlan::n_elements() const {
  int64_t n = 1;
  for (const int64_t dimension : shape) n *= dimension;
  return n;
}

int64_t GgufTensorPlan::n_bytes() const {
  const GgmlTypeInfo* info = FindGgmlType(static_cast<uint32_t>(type));
  return n_elements() / info->block_elements * info->block_bytes;
}

Result<GgufWriter> GgufWriter::Create(const std::string& path, const GgufMetadataWriter& metadata,
                                      std::vector<GgufTensorPlan> tensors) {
  GgufWriter writer;
  writer.path_ = path;
  const std::string partial = PartialPath(path);
  writer.fd_ = open(partial.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (writer.fd_ < 0) {
    return Fail(ErrorCode::kIo, fmt::format("{}: cannot create: {}", partial, std::strerror(errno)),
                "check that the folder exists and can be written to");
  }
  writer.tensors_ = std::move(tensors);
  const std::string head = HeadBytes(metadata, writer.tensors_);
  ACCLLM_RETURN_IF_ERROR(writer.WritePadded(AsBytes(head)));
  return writer;
}

GgufWriter::GgufWriter(GgufWriter&& other) noexcept { *this = std::move(other); }

GgufWriter& GgufWriter::operator=(GgufWriter&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(fd_, other.fd_);
  std::swap(tensors_, other.tensors_);
  std::swap(next_, other.next_);
  std::swap(offset_, other.offset_);
  return *this;
}

GgufWriter::~GgufWriter() {
  if (fd_ < 0) return;
  close(fd_);
  unlink(PartialPath(path_).c_str());
}

Status GgufWriter::WritePadded(std::span<const uint8_t> bytes) {
  const std::string partial = PartialPath(path_);
  ACCLLM_RETURN_IF_ERROR(WriteAllAt(fd_, bytes, offset_, partial));
  const auto end = static_cast<uint64_t>(offset_) + bytes.size();
  const std::vector<uint8_t> padding(Aligned(end) - end);
  ACCLLM_RETURN_IF_ERROR(WriteAllAt(fd_, padding, static_cast<int64_t>(end), partial));
  offset_ = static_cast<int64_t>(Aligned(end));
  return {};
}

Status GgufWriter::WriteTensor(std::span<const float> values) {
  if (next_ == tensors_.size() ||
      static_cast<int64_t>(values.size()) != tensors_[next_].n_elements() ||
      (tensors_[next_].type != GgmlType::kF32 && tensors_[next_].type != GgmlType::kF16)) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: {} values do not belong to tensor {} of the plan", path_,
                            values.size(), next_));
  }
  const GgufTensorPlan& tensor = tensors_[next_++];
  if (tensor.type == GgmlType::kF32) {
    return WritePadded({reinterpret_cast<const uint8_t*>(values.data()), values.size_bytes()});
  }
  ACCLLM_ASSIGN_OR_RETURN(const auto halves, ToHalves(values, path_, tensor.name));
  return WritePadded({reinterpret_cast<const uint8_t*>(halves.data()), halves.size() * 2});
}

Status GgufWriter::WriteBytes(std::span<const uint8_t> bytes) {
  if (next_ == tensors_.size() || std::ssize(bytes) != tensors_[next_].n_bytes()) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: {} bytes do not belong to tensor {} of the plan", path_,
                            bytes.size(), next_));
  }
  ++next_;
  return WritePadded(bytes);
}

Status GgufWriter::Finish() {
  if (next_ != tensors_.size()) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: tensor {} was not written", path_, tensors_[next_].name));
  }
  const std::string partial = PartialPath(path_);
  if (fsync(fd_) != 0) {
    return Fail(ErrorCode::kIo, fmt::format("{}: cannot sync: {}", partial, std::strerror(errno)),
                "check free space and permissions");
  }
  ACCLLM_RETURN_IF_ERROR(RenameDurably(partial, path_));
  close(std::exchange(fd_, -1));
  return {};
}

}  // namespace accllm
