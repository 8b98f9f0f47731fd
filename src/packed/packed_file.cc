#include "packed/packed_file.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/block_codec.h"
#include "base/fp16.h"
#include "base/tensor_names.h"
#include "packed/packed_metadata.h"
#include "packed/quantized_matrix.h"
#include "packed/xxh3.h"

namespace accllm {
namespace {

constexpr std::string_view kMagic = "ACCLLM\x1A\n";
constexpr uint64_t kMaxTensors = uint64_t{1} << 20;

tl::unexpected<Error> Corrupt(const std::string& path, std::string_view what) {
  return Fail(ErrorCode::kCorrupt, fmt::format("{}: {}", path, what),
              "the file is damaged: copy it again or compress the model again");
}

Result<format::FileHeader> ReadHeader(std::span<const uint8_t> bytes, const std::string& path) {
  format::FileHeader header = {};
  if (bytes.size() < sizeof(header)) {
    return Corrupt(path, fmt::format("{} bytes are too few for a packed model", bytes.size()));
  }
  std::memcpy(&header, bytes.data(), sizeof(header));
  if (!std::equal(kMagic.begin(), kMagic.end(), header.magic)) {
    return Fail(ErrorCode::kCorrupt, fmt::format("{}: not a packed model", path),
                "packed models are what `accllm compress` writes");
  }
  if (Xxh3(bytes.first(offsetof(format::FileHeader, header_xxh3))) != header.header_xxh3) {
    return Corrupt(path, "the header's hash differs");
  }
  if (header.version != format::kVersion) {
    return Fail(ErrorCode::kUnsupported,
                fmt::format("{}: format version {}, this program reads {}", path, header.version,
                            format::kVersion),
                "compress the model again with this version");
  }
  if (header.file_bytes != bytes.size()) {
    return Corrupt(path,
                   fmt::format("{} bytes, the header says {}", bytes.size(), header.file_bytes));
  }
  if (header.n_tensors > kMaxTensors ||
      header.directory_bytes != header.n_tensors * sizeof(format::TensorRecord)) {
    return Corrupt(path, "the directory's size does not fit the number of tensors");
  }
  return header;
}

// A hashed section after the tensors.
Result<std::span<const uint8_t>> Section(std::span<const uint8_t> bytes, const std::string& path,
                                         std::string_view name, uint64_t offset, uint64_t size,
                                         uint64_t hash) {
  if (offset > bytes.size() || size > bytes.size() - offset) {
    return Corrupt(path, fmt::format("the {} section reaches past the end", name));
  }
  const auto section = bytes.subspan(offset, size);
  if (Xxh3(section) != hash)
    return Corrupt(path, fmt::format("the {} section's hash differs", name));
  return section;
}

Result<Int8Matrix> ReadInt8(const PackedTensor& tensor, const std::string& path) {
  auto matrix = UnpackInt8(tensor.rows, tensor.cols, tensor.bytes);
  if (!matrix) {
    return Corrupt(path, fmt::format("tensor {}: {}", tensor.name, matrix.error().message));
  }
  return matrix;
}

}  // namespace

Result<PackedFile> PackedFile::Open(const std::string& path) {
  ACCLLM_ASSIGN_OR_RETURN(MappedFile mapped, MappedFile::Open(path));
  ACCLLM_ASSIGN_OR_RETURN(PackedFile file, Parse(mapped.bytes(), path));
  file.file_ = std::move(mapped);
  return file;
}

Result<PackedFile> PackedFile::Parse(std::span<const uint8_t> bytes, const std::string& path) {
  ACCLLM_ASSIGN_OR_RETURN(const format::FileHeader header, ReadHeader(bytes, path));
  PackedFile file;
  file.bytes_ = bytes;
  file.path_ = path;
  ACCLLM_ASSIGN_OR_RETURN(file.tokenizer_,
                          Section(bytes, path, "tokenizer", header.tokenizer_offset,
                                  header.tokenizer_bytes, header.tokenizer_xxh3));
  ACCLLM_ASSIGN_OR_RETURN(const std::span<const uint8_t> metadata,
                          Section(bytes, path, "metadata", header.metadata_offset,
                                  header.metadata_bytes, header.metadata_xxh3));
  const std::string_view text(reinterpret_cast<const char*>(metadata.data()), metadata.size());
  ACCLLM_ASSIGN_OR_RETURN(file.metadata_, ParsePackedMetadata(text, path));
  ACCLLM_RETURN_IF_ERROR(file.ParseDirectory(header));
  ACCLLM_RETURN_IF_ERROR(file.CheckTensorsOfConfig());
  return file;
}

Status PackedFile::ParseDirectory(const format::FileHeader& header) {
  ACCLLM_ASSIGN_OR_RETURN(const std::span<const uint8_t> directory,
                          Section(bytes_, path_, "directory", header.directory_offset,
                                  header.directory_bytes, header.directory_xxh3));
  int64_t expected_offset = sizeof(format::FileHeader);
  for (uint32_t i = 0; i < header.n_tensors; ++i) {
    format::TensorRecord record = {};
    std::memcpy(&record, directory.data() + i * sizeof(record), sizeof(record));
    const auto* name = reinterpret_cast<const char*>(record.name);
    PackedTensor tensor;
    tensor.name.assign(name, strnlen(name, sizeof(record.name)));
    tensor.type = static_cast<format::TensorType>(record.type);
    const auto where = fmt::format("tensor {} ({})", i, tensor.name);
    if (TensorTypeLabel(tensor.type) == "unknown") return Corrupt(path_, where + ": unknown type");
    if (record.rows > INT32_MAX || record.cols > INT32_MAX) {
      return Corrupt(path_, where + ": shape out of range");
    }
    tensor.rows = static_cast<int64_t>(record.rows);
    tensor.cols = static_cast<int64_t>(record.cols);
    auto layout = LayOutTensor(tensor.type, tensor.rows, tensor.cols);
    if (!layout) return Corrupt(path_, fmt::format("{}: {}", where, layout.error().message));
    tensor.layout = *layout;
    tensor.data_offset = static_cast<int64_t>(record.data_offset);
    tensor.xxh3 = record.xxh3;
    if (record.data_offset != static_cast<uint64_t>(expected_offset) ||
        record.data_bytes != static_cast<uint64_t>(layout->data_bytes) ||
        record.scales_offset != static_cast<uint64_t>(layout->scales_offset)) {
      return Corrupt(path_, where + ": extent does not follow from type, shape and order");
    }
    if (record.data_offset > bytes_.size() ||
        record.data_bytes > bytes_.size() - record.data_offset) {
      return Corrupt(path_, where + ": reaches past the end of the file");
    }
    tensor.bytes = bytes_.subspan(record.data_offset, record.data_bytes);
    expected_offset = RoundUp(expected_offset + layout->data_bytes, format::kAlignment);
    tensors_.push_back(std::move(tensor));
  }
  return {};
}

Status PackedFile::CheckTensorsOfConfig() const {
  const ModelConfig& c = config();
  const auto check = [&](const std::string& name, int64_t rows, int64_t cols,
                         bool is_vector) -> Status {
    const auto found = Find(name);
    if (!found) return Corrupt(path_, found.error().message);
    const PackedTensor& tensor = **found;
    if (tensor.rows != rows || tensor.cols != cols) {
      return Corrupt(path_, fmt::format("tensor {} is [{}, {}], the configuration needs [{}, {}]",
                                        name, tensor.rows, tensor.cols, rows, cols));
    }
    if (is_vector != (tensor.type == format::TensorType::kF32) ||
        tensor.type == format::TensorType::kI8) {
      return Corrupt(path_, fmt::format("tensor {} has type {}, not usable there", name,
                                        TensorTypeLabel(tensor.type)));
    }
    return {};
  };
  ACCLLM_RETURN_IF_ERROR(check(std::string(kEmbedTokensName), c.vocab_size, c.hidden_size, false));
  ACCLLM_RETURN_IF_ERROR(check(std::string(kFinalNormName), 1, c.hidden_size, true));
  if (!c.tie_word_embeddings) {
    ACCLLM_RETURN_IF_ERROR(check(std::string(kLmHeadName), c.vocab_size, c.hidden_size, false));
  }
  for (int64_t layer = 0; layer < c.n_layers; ++layer) {
    for (const VectorKind kind : kVectorKinds) {
      const int64_t size = SizeOfVector(c, kind);
      if (size == 0) continue;
      ACCLLM_RETURN_IF_ERROR(check(LayerTensorName(layer, kind), 1, size, true));
    }
    for (const LinearKind kind : kLinearKinds) {
      const LinearShape shape = ShapeOfLinear(c, kind);
      ACCLLM_RETURN_IF_ERROR(check(LayerTensorName(layer, kind), shape.rows, shape.cols, false));
    }
  }
  return CheckLowRanks();
}

// Every tensor of type i8 is half of the low-rank part of a linear layer of a block.
Status PackedFile::CheckLowRanks() const {
  int64_t n_halves = std::count_if(tensors_.begin(), tensors_.end(), [](const PackedTensor& t) {
    return t.type == format::TensorType::kI8;
  });
  for (int64_t layer = 0; layer < config().n_layers; ++layer) {
    for (const LinearKind kind : kLinearKinds) {
      const std::string name = LayerTensorName(layer, kind);
      const PackedTensor* a = FindOrNull(LowRankNameA(name));
      const PackedTensor* b = FindOrNull(LowRankNameB(name));
      if (a == nullptr && b == nullptr) continue;
      ACCLLM_RETURN_IF_ERROR(CheckLowRank(*FindOrNull(name), a, b));
      n_halves -= 2;
    }
  }
  if (n_halves != 0) {
    return Corrupt(path_, "a tensor of type i8 is not half of a linear layer's low-rank part");
  }
  return {};
}

Status PackedFile::CheckLowRank(const PackedTensor& linear, const PackedTensor* a,
                                const PackedTensor* b) const {
  if (a == nullptr || b == nullptr) {
    return Corrupt(path_,
                   fmt::format("tensor {} is missing, the other half of {}",
                               a == nullptr ? LowRankNameA(linear.name) : LowRankNameB(linear.name),
                               a == nullptr ? b->name : a->name));
  }
  if (!IsBlockType(linear.type)) {
    return Corrupt(path_, fmt::format("tensor {} has type {}, which takes no low-rank part",
                                      linear.name, TensorTypeLabel(linear.type)));
  }
  for (const PackedTensor* half : {a, b}) {
    if (half->type != format::TensorType::kI8) {
      return Corrupt(path_, fmt::format("tensor {} has type {}, it must be i8", half->name,
                                        TensorTypeLabel(half->type)));
    }
    const int64_t wanted = half == a ? linear.cols : linear.rows;
    if (half->rows != a->rows || half->cols != wanted) {
      return Corrupt(path_, fmt::format("tensor {} is [{}, {}], the low-rank part needs [{}, {}]",
                                        half->name, half->rows, half->cols, a->rows, wanted));
    }
  }
  if (a->rows > std::min(linear.rows, linear.cols)) {
    return Corrupt(path_, fmt::format("the low-rank part of {} has rank {}, more than [{}, {}] has",
                                      linear.name, a->rows, linear.rows, linear.cols));
  }
  return {};
}

void PackedFile::DropPages(std::span<const uint8_t> part) const {
  file_.DropPages(static_cast<size_t>(part.data() - bytes_.data()), part.size());
}

const PackedTensor* PackedFile::FindOrNull(std::string_view name) const {
  const auto found = std::find_if(tensors_.begin(), tensors_.end(),
                                  [&](const PackedTensor& tensor) { return tensor.name == name; });
  return found == tensors_.end() ? nullptr : &*found;
}

Result<const PackedTensor*> PackedFile::Find(std::string_view name) const {
  if (const PackedTensor* found = FindOrNull(name)) return found;
  return Fail(ErrorCode::kNotFound, fmt::format("{}: no tensor '{}'", path_, name));
}

Result<std::vector<float>> PackedFile::ReadFloat(std::string_view name) const {
  ACCLLM_ASSIGN_OR_RETURN(const PackedTensor* tensor, Find(name));
  if (IsBlockType(tensor->type)) {
    auto matrix = UnpackMatrix(tensor->type, tensor->rows, tensor->cols, tensor->bytes);
    if (!matrix) return Corrupt(path_, fmt::format("tensor {}: {}", name, matrix.error().message));
    return Dequantize(*matrix);
  }
  if (tensor->type == format::TensorType::kI8) {
    ACCLLM_ASSIGN_OR_RETURN(const Int8Matrix half, ReadInt8(*tensor, path_));
    return Dequantize(half);
  }
  std::vector<float> values(static_cast<size_t>(tensor->rows * tensor->cols));
  if (tensor->type == format::TensorType::kF32) {
    std::memcpy(values.data(), tensor->bytes.data(), tensor->bytes.size());
  } else {
    for (size_t i = 0; i < values.size(); ++i) {
      uint16_t half = 0;
      std::memcpy(&half, tensor->bytes.data() + 2 * i, sizeof(half));
      values[i] = HalfToFloat(half);
    }
  }
  const bool finite =
      std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); });
  if (!finite) return Corrupt(path_, fmt::format("tensor {}: a value is not finite", name));
  return values;
}

Result<std::optional<LowRank>> PackedFile::ReadLowRank(std::string_view name) const {
  const PackedTensor* a = FindOrNull(LowRankNameA(name));
  if (a == nullptr) return std::nullopt;
  ACCLLM_ASSIGN_OR_RETURN(const PackedTensor* b, Find(LowRankNameB(name)));
  LowRank low_rank;
  ACCLLM_ASSIGN_OR_RETURN(low_rank.a, ReadInt8(*a, path_));
  ACCLLM_ASSIGN_OR_RETURN(low_rank.b, ReadInt8(*b, path_));
  return low_rank;
}

Result<std::vector<float>> PackedFile::ReadLinear(std::string_view name) const {
  ACCLLM_ASSIGN_OR_RETURN(std::vector<float> weights, ReadFloat(name));
  ACCLLM_ASSIGN_OR_RETURN(const std::optional<LowRank> low_rank, ReadLowRank(name));
  if (low_rank) Dequantize(*low_rank).AddTo(0, low_rank->b.cols, weights);
  return weights;
}

Result<LayerVectors> PackedFile::ReadVectors(int64_t layer) const {
  LayerVectors vectors;
  for (const VectorKind kind : kVectorKinds) {
    if (SizeOfVector(config(), kind) == 0) continue;
    ACCLLM_ASSIGN_OR_RETURN(vectors.at(kind), ReadFloat(LayerTensorName(layer, kind)));
  }
  return vectors;
}

Status PackedFile::CheckHash(const PackedTensor& tensor) const {
  if (Xxh3(tensor.bytes) == tensor.xxh3) return {};
  return Corrupt(path_, fmt::format("tensor {}: hash differs", tensor.name));
}

Status PackedFile::Verify() const {
  for (const PackedTensor& tensor : tensors_) {
    ACCLLM_RETURN_IF_ERROR(CheckHash(tensor));
    ACCLLM_RETURN_IF_ERROR(ReadFloat(tensor.name));
  }
  // What no hash covers must be zero: the gaps between sections, in file order.
  std::vector<std::span<const uint8_t>> covered = {bytes_.first(sizeof(format::FileHeader))};
  format::FileHeader header = {};
  std::memcpy(&header, bytes_.data(), sizeof(header));
  for (const PackedTensor& tensor : tensors_) covered.push_back(tensor.bytes);
  covered.push_back(tokenizer_);
  covered.push_back(bytes_.subspan(header.metadata_offset, header.metadata_bytes));
  covered.push_back(bytes_.subspan(header.directory_offset, header.directory_bytes));
  const uint8_t* at = bytes_.data();
  covered.push_back(bytes_.last(0));
  for (const auto section : covered) {
    if (section.data() < at) return Corrupt(path_, "sections overlap or are out of order");
    if (std::any_of(at, section.data(), [](uint8_t byte) { return byte != 0; })) {
      return Corrupt(path_, fmt::format("a byte between sections, near {}, is not zero",
                                        section.data() - bytes_.data()));
    }
    at = section.data() + section.size();
  }
  return {};
}

double PackedFile::BitsPerLinearWeight() const {
  int64_t bytes = 0;
  int64_t weights = 0;
  for (const PackedTensor& tensor : tensors_) {
    const bool is_linear =
        tensor.name.starts_with("layers.") && tensor.type != format::TensorType::kF32;
    if (!is_linear) continue;
    bytes += tensor.layout.data_bytes;
    // A low-rank part adds to weights that are counted already.
    if (tensor.type != format::TensorType::kI8) weights += tensor.rows * tensor.cols;
  }
  return weights == 0 ? 0.0 : 8.0 * static_cast<double>(bytes) / static_cast<double>(weights);
}

}  // namespace accllm
