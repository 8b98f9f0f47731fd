#include "checkpoint/safetensors.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <bit>
#include <optional>
#include <utility>

#include "base/fp16.h"
#include "base/json_fields.h"
#include "checkpoint/float_values.h"

namespace accllm {
namespace {

constexpr size_t kHeaderLengthBytes = 8;
constexpr size_t kMaxHeaderBytes = 100'000'000;  // the limit of the format's own library
// A tensor takes some ten values: enough for hundreds of thousands of tensors.
constexpr JsonLimits kHeaderLimits = {
    .max_bytes = kMaxHeaderBytes, .max_values = size_t{1} << 22, .max_depth = 8};
constexpr std::string_view kMetadataKey = "__metadata__";

struct DTypeRow {
  DType dtype;
  std::string_view name;
  size_t bytes;
};

constexpr std::array<DTypeRow, 15> kDTypes = {{
    {DType::kBool, "BOOL", 1},
    {DType::kU8, "U8", 1},
    {DType::kI8, "I8", 1},
    {DType::kF8E4M3, "F8_E4M3", 1},
    {DType::kF8E5M2, "F8_E5M2", 1},
    {DType::kI16, "I16", 2},
    {DType::kU16, "U16", 2},
    {DType::kF16, "F16", 2},
    {DType::kBF16, "BF16", 2},
    {DType::kI32, "I32", 4},
    {DType::kU32, "U32", 4},
    {DType::kF32, "F32", 4},
    {DType::kI64, "I64", 8},
    {DType::kU64, "U64", 8},
    {DType::kF64, "F64", 8},
}};

const DTypeRow& RowOf(DType dtype) { return kDTypes[static_cast<size_t>(dtype)]; }

tl::unexpected<Error> Corrupt(const std::string& path, std::string_view what) {
  return Fail(ErrorCode::kCorrupt, fmt::format("{}: {}", path, what), "restore the file");
}

// Size in bytes of a tensor, or nothing if it does not fit 63 bits.
std::optional<uint64_t> ExtentBytes(std::span<const int64_t> shape, size_t element_bytes) {
  uint64_t extent = element_bytes;
  for (const int64_t dim : shape) {
    if (__builtin_mul_overflow(extent, static_cast<uint64_t>(dim), &extent)) return std::nullopt;
  }
  if (extent > uint64_t{INT64_MAX}) return std::nullopt;
  return extent;
}

Result<TensorInfo> ParseEntry(const JsonObject& entry, const std::string& name,
                              std::span<const uint8_t> data) {
  const std::string& path = entry.path();
  TensorInfo tensor;
  tensor.name = name;
  ACCLLM_ASSIGN_OR_RETURN(const std::string dtype_name, entry.String("dtype"));
  const auto* row = std::ranges::find(kDTypes, dtype_name, &DTypeRow::name);
  if (row == kDTypes.end()) {
    return Fail(ErrorCode::kUnsupported,
                fmt::format("{}: tensor {} has unknown dtype '{}'", path, name, dtype_name));
  }
  tensor.dtype = row->dtype;
  ACCLLM_ASSIGN_OR_RETURN(tensor.shape, entry.Ints("shape", {0, INT64_MAX}));
  ACCLLM_ASSIGN_OR_RETURN(const std::vector<int64_t> offsets,
                          entry.Ints("data_offsets", {0, INT64_MAX}));
  if (offsets.size() != 2 || offsets[0] > offsets[1] ||
      static_cast<uint64_t>(offsets[1]) > data.size()) {
    return Corrupt(path, fmt::format("tensor {} has data_offsets [{}] outside the {} bytes of data",
                                     name, fmt::join(offsets, ", "), data.size()));
  }
  const auto begin = static_cast<size_t>(offsets[0]);
  const auto end = static_cast<size_t>(offsets[1]);
  const auto extent = ExtentBytes(tensor.shape, row->bytes);
  if (!extent || *extent != end - begin) {
    return Corrupt(path, fmt::format("tensor {} of shape {} and dtype {} does not fit its {} bytes",
                                     name, ShapeToString(tensor.shape), dtype_name, end - begin));
  }
  tensor.bytes = data.subspan(begin, end - begin);
  return tensor;
}

// The tensors must tile the data: no overlap, no hole.
Status CheckCoverage(const std::map<std::string, TensorInfo, std::less<>>& tensors,
                     std::span<const uint8_t> data, const std::string& path) {
  std::vector<const TensorInfo*> by_offset;
  for (const auto& [name, tensor] : tensors) by_offset.push_back(&tensor);
  std::ranges::sort(by_offset, {}, [](const TensorInfo* tensor) {
    return std::pair(tensor->bytes.data(), tensor->bytes.size());
  });
  const uint8_t* end = data.data();
  for (const TensorInfo* tensor : by_offset) {
    if (tensor->bytes.data() < end) {
      return Corrupt(path, fmt::format("tensor {} overlaps another tensor", tensor->name));
    }
    if (tensor->bytes.data() > end) {
      return Corrupt(path, fmt::format("{} bytes before tensor {} belong to no tensor",
                                       tensor->bytes.data() - end, tensor->name));
    }
    end += tensor->bytes.size();
  }
  const auto used = static_cast<size_t>(end - data.data());
  if (used != data.size()) {
    return Corrupt(path,
                   fmt::format("{} bytes at the end belong to no tensor", data.size() - used));
  }
  return {};
}

}  // namespace

std::string_view DTypeName(DType dtype) { return RowOf(dtype).name; }

size_t DTypeBytes(DType dtype) { return RowOf(dtype).bytes; }

std::string ShapeToString(std::span<const int64_t> shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

Result<SafetensorsFile> SafetensorsFile::Open(const std::string& path) {
  ACCLLM_ASSIGN_OR_RETURN(MappedFile mapped, MappedFile::Open(path));
  ACCLLM_ASSIGN_OR_RETURN(SafetensorsFile file, Parse(mapped.bytes(), path));
  file.file_ = std::move(mapped);
  return file;
}

Result<SafetensorsFile> SafetensorsFile::Parse(std::span<const uint8_t> bytes,
                                               const std::string& path) {
  if (bytes.size() < kHeaderLengthBytes) {
    return Corrupt(path,
                   fmt::format("{} bytes are too short for a safetensors file", bytes.size()));
  }
  uint64_t header_bytes = 0;
  for (size_t i = kHeaderLengthBytes; i-- > 0;) header_bytes = header_bytes << 8 | bytes[i];
  if (header_bytes > kMaxHeaderBytes || header_bytes > bytes.size() - kHeaderLengthBytes) {
    return Corrupt(path, fmt::format("header of {} bytes does not fit the file of {} bytes",
                                     header_bytes, bytes.size()));
  }
  const std::string_view header(reinterpret_cast<const char*>(bytes.data() + kHeaderLengthBytes),
                                static_cast<size_t>(header_bytes));
  ACCLLM_ASSIGN_OR_RETURN(const JsonObject root, JsonObject::Parse(header, path, kHeaderLimits));
  const std::span<const uint8_t> data =
      bytes.subspan(kHeaderLengthBytes + static_cast<size_t>(header_bytes));

  SafetensorsFile file;
  file.path_ = path;
  for (const std::string& name : root.Keys()) {
    if (name == kMetadataKey) continue;
    ACCLLM_ASSIGN_OR_RETURN(const JsonObject entry, root.Object(name));
    ACCLLM_ASSIGN_OR_RETURN(TensorInfo tensor, ParseEntry(entry, name, data));
    file.tensors_.emplace(name, std::move(tensor));
  }
  ACCLLM_RETURN_IF_ERROR(CheckCoverage(file.tensors_, data, path));
  return file;
}

const TensorInfo* SafetensorsFile::Find(std::string_view name) const {
  const auto it = tensors_.find(name);
  return it == tensors_.end() ? nullptr : &it->second;
}

Result<std::vector<float>> SafetensorsFile::ReadFloats(std::string_view name) const {
  const TensorInfo* tensor = Find(name);
  if (tensor == nullptr) {
    return Fail(ErrorCode::kNotFound, fmt::format("{}: no tensor {}", path_, name));
  }
  std::vector<float> values;
  if (tensor->dtype == DType::kF32) {
    values = ConvertFloats<uint32_t>(tensor->bytes, std::bit_cast<float, uint32_t>);
  } else if (tensor->dtype == DType::kF16) {
    values = ConvertFloats<uint16_t>(tensor->bytes, HalfToFloat);
  } else if (tensor->dtype == DType::kBF16) {
    values = ConvertFloats<uint16_t>(tensor->bytes, Bf16ToFloat);
  } else {
    return Fail(ErrorCode::kUnsupported,
                fmt::format("{}: tensor {} has dtype {}", path_, name, DTypeName(tensor->dtype)),
                "only F32, F16 and BF16 weights are supported");
  }
  ACCLLM_RETURN_IF_ERROR(CheckFinite(values, path_, name));
  DropTensorPages(file_, tensor->bytes);
  return values;
}

}  // namespace accllm
