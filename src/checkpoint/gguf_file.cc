#include "checkpoint/gguf_file.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <bit>
#include <utility>

#include "base/fp16.h"
#include "checkpoint/byte_cursor.h"
#include "checkpoint/float_values.h"

namespace accllm {
namespace {

constexpr uint64_t kMaxTensors = 1 << 20;
constexpr uint64_t kMinTensorBytes = 8 + 1 + 4 + 8 + 4 + 8;  // one letter, one dimension
constexpr uint64_t kMaxNameBytes = 64;
constexpr uint32_t kMaxDimensions = 4;
constexpr IntRange kAlignments = {1, 1 << 20};
constexpr size_t kQ8Elements = 32;
constexpr size_t kQ8Bytes = 2 + kQ8Elements;  // a half and 32 signed bytes

// A tensor as its entry describes it, before its data is known to be there.
struct TensorEntry {
  GgufTensor tensor;
  uint64_t offset = 0;  // in the data
  uint64_t n_bytes = 0;
};

struct Head {
  uint64_t n_tensors = 0;
  uint64_t n_entries = 0;
};

Result<Head> ReadHead(ByteCursor& cursor) {
  const std::string& path = cursor.path();
  ACCLLM_ASSIGN_OR_RETURN(const auto magic, cursor.Number<uint32_t>("the magic number"));
  if (magic != kGgufMagic) {
    return CorruptGguf(
        fmt::format("{}: starts with {:#010x}, not with the letters GGUF", path, magic));
  }
  ACCLLM_ASSIGN_OR_RETURN(const auto version, cursor.Number<uint32_t>("the version"));
  if (version != 2 && version != kGgufVersion) {
    const bool is_swapped = __builtin_bswap32(version) <= kGgufVersion;
    return Fail(ErrorCode::kUnsupported,
                is_swapped ? fmt::format("{}: numbers are big-endian", path)
                           : fmt::format("{}: GGUF version {}", path, version),
                "only the little-endian versions 2 and 3 are supported: convert the checkpoint "
                "again");
  }
  Head head;
  ACCLLM_ASSIGN_OR_RETURN(head.n_tensors, cursor.Number<uint64_t>("the number of tensors"));
  ACCLLM_ASSIGN_OR_RETURN(head.n_entries, cursor.Number<uint64_t>("the number of entries"));
  if (head.n_tensors > kMaxTensors || head.n_tensors > cursor.n_left() / kMinTensorBytes) {
    return CorruptGguf(fmt::format("{}: {} tensors do not fit the {} bytes that follow", path,
                                   head.n_tensors, cursor.n_left()));
  }
  return head;
}

Result<uint64_t> ReadAlignment(const GgufMetadata& metadata) {
  if (!metadata.Has(kGgufAlignmentKey)) return kGgufDefaultAlignment;
  ACCLLM_ASSIGN_OR_RETURN(const int64_t alignment, metadata.Int(kGgufAlignmentKey, kAlignments));
  if (!std::has_single_bit(static_cast<uint64_t>(alignment))) {
    return CorruptGguf(fmt::format("{} is {}, must be a power of two",
                                   metadata.Where(kGgufAlignmentKey), alignment));
  }
  return static_cast<uint64_t>(alignment);
}

Result<std::vector<int64_t>> ReadShape(ByteCursor& cursor, const std::string& what) {
  ACCLLM_ASSIGN_OR_RETURN(const auto n_dimensions, cursor.Number<uint32_t>(what));
  if (n_dimensions < 1 || n_dimensions > kMaxDimensions) {
    return CorruptGguf(fmt::format("{}: {} has {} dimensions, must have 1 to {}", cursor.path(),
                                   what, n_dimensions, kMaxDimensions));
  }
  std::vector<int64_t> shape;
  for (uint32_t i = 0; i < n_dimensions; ++i) {
    ACCLLM_ASSIGN_OR_RETURN(const auto dimension, cursor.Number<uint64_t>(what));
    if (dimension < 1 || dimension > uint64_t{INT64_MAX}) {
      return CorruptGguf(
          fmt::format("{}: {} has a dimension of {}", cursor.path(), what, dimension));
    }
    shape.push_back(static_cast<int64_t>(dimension));
  }
  std::ranges::reverse(shape);
  return shape;
}

// Bytes of a tensor. Errors: kCorrupt if rows are no whole blocks or the product overflows.
Result<uint64_t> ExtentBytes(const GgufTensor& tensor, const std::string& where) {
  const auto row = static_cast<uint64_t>(tensor.shape.back());
  if (row % tensor.type->block_elements != 0) {
    return CorruptGguf(fmt::format("{} has rows of {} elements, {} needs multiples of {}", where,
                                   row, tensor.type->name, tensor.type->block_elements));
  }
  uint64_t n_bytes = row / tensor.type->block_elements;
  bool overflows = __builtin_mul_overflow(n_bytes, tensor.type->block_bytes, &n_bytes);
  for (size_t i = 0; i + 1 < tensor.shape.size(); ++i) {
    overflows |= __builtin_mul_overflow(n_bytes, static_cast<uint64_t>(tensor.shape[i]), &n_bytes);
  }
  if (overflows || n_bytes > uint64_t{INT64_MAX}) {
    return CorruptGguf(fmt::format("{} of shape [{}] is larger than any file", where,
                                   fmt::join(tensor.shape, ", ")));
  }
  return n_bytes;
}

Result<TensorEntry> ReadEntry(ByteCursor& cursor, uint64_t index, uint64_t alignment) {
  const std::string number = fmt::format("tensor entry {}", index);
  ACCLLM_ASSIGN_OR_RETURN(const auto length, cursor.Number<uint64_t>(number));
  if (length < 1 || length > kMaxNameBytes) {
    return CorruptGguf(fmt::format("{}: {} has a name of {} bytes, must have 1 to {}",
                                   cursor.path(), number, length, kMaxNameBytes));
  }
  ACCLLM_ASSIGN_OR_RETURN(const auto name, cursor.Take(length, number));
  TensorEntry entry;
  entry.tensor.name.assign(name.begin(), name.end());
  const std::string what = fmt::format("tensor {}", entry.tensor.name);
  const std::string where = fmt::format("{}: {}", cursor.path(), what);
  ACCLLM_ASSIGN_OR_RETURN(entry.tensor.shape, ReadShape(cursor, what));
  ACCLLM_ASSIGN_OR_RETURN(const auto type, cursor.Number<uint32_t>(what));
  entry.tensor.type = FindGgmlType(type);
  if (entry.tensor.type == nullptr) {
    return Fail(ErrorCode::kUnsupported, fmt::format("{} has the unknown type {}", where, type),
                "convert the original checkpoint to F16");
  }
  ACCLLM_ASSIGN_OR_RETURN(entry.n_bytes, ExtentBytes(entry.tensor, where));
  ACCLLM_ASSIGN_OR_RETURN(entry.offset, cursor.Number<uint64_t>(what));
  if (entry.offset % alignment != 0) {
    return CorruptGguf(fmt::format("{} lies at offset {}, no multiple of the alignment {}", where,
                                   entry.offset, alignment));
  }
  return entry;
}

// Points the tensors at their bytes. Errors: kCorrupt if one leaves the file or two overlap.
Status PlaceTensors(std::vector<TensorEntry>& entries, std::span<const uint8_t> data,
                    const std::string& path) {
  std::ranges::sort(entries, {}, &TensorEntry::offset);
  uint64_t end = 0;
  for (TensorEntry& entry : entries) {
    if (entry.offset > data.size() || entry.n_bytes > data.size() - entry.offset) {
      return CorruptGguf(
          fmt::format("{}: tensor {} of {} bytes at offset {} leaves the {} bytes of data", path,
                      entry.tensor.name, entry.n_bytes, entry.offset, data.size()));
    }
    if (entry.offset < end) {
      return CorruptGguf(
          fmt::format("{}: tensor {} overlaps another tensor", path, entry.tensor.name));
    }
    end = entry.offset + entry.n_bytes;
    entry.tensor.bytes =
        data.subspan(static_cast<size_t>(entry.offset), static_cast<size_t>(entry.n_bytes));
  }
  return {};
}

// Blocks of a half `d` and 32 signed bytes `q`: value = d * q, one rounding.
std::vector<float> DecodeQ8(std::span<const uint8_t> bytes) {
  std::vector<float> values;
  values.reserve(bytes.size() / kQ8Bytes * kQ8Elements);
  for (size_t block = 0; block < bytes.size(); block += kQ8Bytes) {
    const uint8_t* source = bytes.data() + block;
    const float scale = HalfToFloat(static_cast<uint16_t>(source[0] | source[1] << 8));
    for (size_t i = 0; i < kQ8Elements; ++i) {
      values.push_back(scale * static_cast<float>(static_cast<int8_t>(source[2 + i])));
    }
  }
  return values;
}

}  // namespace

Result<GgufFile> GgufFile::Open(const std::string& path) {
  ACCLLM_ASSIGN_OR_RETURN(MappedFile mapped, MappedFile::Open(path));
  ACCLLM_ASSIGN_OR_RETURN(GgufFile file, Parse(mapped.bytes(), path));
  file.file_ = std::move(mapped);
  return file;
}

Result<GgufFile> GgufFile::Parse(std::span<const uint8_t> bytes, const std::string& path) {
  GgufFile file;
  ByteCursor cursor(bytes, path);
  ACCLLM_ASSIGN_OR_RETURN(const Head head, ReadHead(cursor));
  ACCLLM_ASSIGN_OR_RETURN(file.metadata_, GgufMetadata::Parse(cursor, head.n_entries));
  ACCLLM_ASSIGN_OR_RETURN(const uint64_t alignment, ReadAlignment(file.metadata_));
  if (head.n_tensors > cursor.n_left() / kMinTensorBytes) {
    return CorruptGguf(fmt::format("{}: {} tensors do not fit the {} bytes after the metadata",
                                   path, head.n_tensors, cursor.n_left()));
  }
  std::vector<TensorEntry> entries;
  for (uint64_t i = 0; i < head.n_tensors; ++i) {
    ACCLLM_ASSIGN_OR_RETURN(TensorEntry entry, ReadEntry(cursor, i, alignment));
    entries.push_back(std::move(entry));
  }
  // A file without tensors may end before the padding.
  const size_t begin =
      std::min<size_t>(bytes.size(), (cursor.position() + alignment - 1) / alignment * alignment);
  ACCLLM_RETURN_IF_ERROR(PlaceTensors(entries, bytes.subspan(begin), path));
  for (TensorEntry& entry : entries) {
    std::string name = entry.tensor.name;
    if (!file.tensors_.emplace(name, std::move(entry.tensor)).second) {
      return CorruptGguf(fmt::format("{}: tensor {} stands there twice", path, name));
    }
  }
  return file;
}

const GgufTensor* GgufFile::Find(std::string_view name) const {
  const auto it = tensors_.find(name);
  return it == tensors_.end() ? nullptr : &it->second;
}

Status GgufFile::CheckReadable(const GgufTensor& tensor) const {
  switch (static_cast<GgmlType>(tensor.type->number)) {
    case GgmlType::kF32:
    case GgmlType::kF16:
    case GgmlType::kBF16:
    case GgmlType::kQ8_0:
      return {};
  }
  return Fail(ErrorCode::kUnsupported,
              fmt::format("{}: tensor {} is {}", path(), tensor.name, tensor.type->name),
              "convert from the original checkpoint, or use an F16, BF16 or Q8_0 file");
}

Result<std::vector<float>> GgufFile::ReadFloats(std::string_view name) const {
  const GgufTensor* tensor = Find(name);
  if (tensor == nullptr) {
    return Fail(ErrorCode::kNotFound, fmt::format("{}: no tensor {}", path(), name));
  }
  ACCLLM_RETURN_IF_ERROR(CheckReadable(*tensor));
  std::vector<float> values;
  switch (static_cast<GgmlType>(tensor->type->number)) {
    case GgmlType::kF32:
      values = ConvertFloats<uint32_t>(tensor->bytes, std::bit_cast<float, uint32_t>);
      break;
    case GgmlType::kF16:
      values = ConvertFloats<uint16_t>(tensor->bytes, HalfToFloat);
      break;
    case GgmlType::kBF16:
      values = ConvertFloats<uint16_t>(tensor->bytes, Bf16ToFloat);
      break;
    case GgmlType::kQ8_0:
      values = DecodeQ8(tensor->bytes);
      break;
  }
  ACCLLM_RETURN_IF_ERROR(CheckFinite(values, path(), name));
  DropTensorPages(file_, tensor->bytes);
  return values;
}

}  // namespace accllm
