#include "packed/quantized_matrix.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <optional>
#include <unordered_map>

#include "base/block_codec.h"
#include "base/fp16.h"
#include "base/index.h"
#include "packed/tensor_layout.h"

namespace accllm {
namespace {

using format::TensorType;

constexpr uint8_t kCodes24 = 96;  // the others of a 2:4 tensor are reserved

// Finds the code of four levels.
class Encoder {
 public:
  Encoder(TensorType type, const Codebook& codebook) {
    const uint8_t n_codes = type == TensorType::kW2S24 ? kCodes24 : uint8_t{format::kCodes};
    for (uint8_t code = 0; code < n_codes; ++code) {
      codes_.emplace(KeyOf(codebook.Decode(code).data()), code);
    }
  }

  std::optional<uint8_t> CodeOf(const int8_t* levels) const {
    const auto found = codes_.find(KeyOf(levels));
    if (found == codes_.end()) return std::nullopt;
    return found->second;
  }

 private:
  static uint32_t KeyOf(const int8_t* levels) {
    uint32_t key = 0;
    std::memcpy(&key, levels, sizeof(key));
    return key;
  }

  std::unordered_map<uint32_t, uint8_t> codes_;
};

tl::unexpected<Error> BadWeight(int64_t row, int64_t col, std::string_view what) {
  return Fail(ErrorCode::kInvalidArgument, fmt::format("weight [{}, {}]: {}", row, col, what));
}

// Packs the levels of one block of one row; `levels` holds 256, of which `n` are real.
Status PackBlockRow(TensorType type, const Encoder& encoder, const int8_t* levels, int64_t n,
                    int64_t row, int64_t col0, uint8_t* out) {
  if (!IsCoded(type)) {
    const DenseLevels allowed = DenseLevelsOf(type);
    for (int64_t k = 0; k < n; ++k) {
      if (!allowed.Holds(levels[k])) return BadWeight(row, col0 + k, "not a level of the type");
    }
    EncodeDenseBlockRow(type, levels, out);
    return {};
  }
  for (int64_t g = 0; g < format::kCodesPerBlock; ++g) {
    // Groups wholly beyond the matrix take code 0: any valid code will do, their multiplier is 0.
    const std::optional<uint8_t> code = 4 * g < n ? encoder.CodeOf(levels + 4 * g) : 0;
    if (!code) return BadWeight(row, col0 + 4 * g, "not four levels that a code stands for");
    WriteCode(out, g, *code);
  }
  return {};
}

Status CheckScales(const QuantizedMatrix& m) {
  const int64_t limit = MaxMultiplier(m.type, m.cols);
  for (size_t i = 0; i < m.multipliers.size(); ++i) {
    if (m.multipliers[i] > limit) {
      const auto row = static_cast<int64_t>(i) / m.n_groups();
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("row {}: multiplier {} exceeds {}", row, m.multipliers[i], limit));
    }
  }
  return CheckRowScales(m.row_scales);
}

Status CheckCodebook(const Codebook& codebook) {
  for (const auto& levels : codebook.levels) {
    for (const int8_t level : levels) {
      if (std::abs(int{level}) <= format::kCodebookMax) continue;
      return Fail(ErrorCode::kCorrupt, fmt::format("level {} of the codebook exceeds {}",
                                                   int{level}, format::kCodebookMax));
    }
  }
  return {};
}

int8_t PaddingLevel(TensorType type) {
  return IsCoded(type) ? int8_t{0} : static_cast<int8_t>(DenseLevelsOf(type).padding());
}

bool AllZero(const uint8_t* bytes, int64_t n) {
  return std::all_of(bytes, bytes + n, [](uint8_t byte) { return byte == 0; });
}

// Unpacks one block of one row into `m`, checking everything the format promises.
Status UnpackBlockRow(const uint8_t* weights, const uint8_t* multipliers, int64_t row,
                      int64_t block, QuantizedMatrix& m) {
  const int64_t col0 = block * format::kBlockWeights;
  const int64_t limit = MaxMultiplier(m.type, m.cols);
  for (int64_t q = 0; q < format::kGroupsPerBlock; ++q) {
    const int64_t group = block * format::kGroupsPerBlock + q;
    const bool is_padding = row >= m.rows || group >= m.n_groups();
    if (multipliers[q] > (is_padding ? 0 : limit)) {
      return Fail(ErrorCode::kCorrupt,
                  fmt::format("row {}, group {}: multiplier {} exceeds {}", row, group,
                              multipliers[q], is_padding ? 0 : limit));
    }
    if (!is_padding) m.multipliers[Index(row * m.n_groups() + group)] = multipliers[q];
  }
  if (m.type == TensorType::kW2S24) {
    for (int64_t g = 0; g < format::kCodesPerBlock; ++g) {
      if (ReadCode(weights, g) >= kCodes24) {
        return Fail(ErrorCode::kCorrupt,
                    fmt::format("row {}, column {}: reserved 2:4 code", row, col0 + 4 * g));
      }
    }
  }
  std::array<int8_t, format::kBlockWeights> levels;
  DecodeBlockRow(m.type, weights, levels.data(), m.codebook);
  const int lowest = -DenseLevelsOf(m.type).max;
  for (const int8_t level : levels) {
    if (level < lowest) {
      return Fail(ErrorCode::kCorrupt,
                  fmt::format("row {}, block {}: level {} is not used", row, block, level));
    }
  }
  if (row < m.rows) {
    const int64_t n = std::min(format::kBlockWeights, m.level_cols() - col0);
    std::copy_n(levels.begin(), n, m.levels.begin() + row * m.level_cols() + col0);
  }
  return {};
}

}  // namespace

float NearestRowScale(float scale) { return Bf16ToFloat(FloatToBf16(scale)); }

float CoveringRowScale(float scale) {
  const uint16_t bits = FloatToBf16(scale);
  const float nearest = Bf16ToFloat(bits);
  return std::abs(nearest) < std::abs(scale) ? Bf16ToFloat(static_cast<uint16_t>(bits + 1))
                                             : nearest;
}

Result<Codebook> ReadCodebook(const uint8_t* bytes) {
  Codebook codebook;
  std::memcpy(&codebook, bytes, sizeof(codebook));
  ACCLLM_RETURN_IF_ERROR(CheckCodebook(codebook));
  return codebook;
}

void ReadRowScales(const uint8_t* bytes, std::span<float> scales) {
  for (float& scale : scales) {
    uint16_t bits = 0;
    std::memcpy(&bits, bytes, sizeof(bits));
    scale = Bf16ToFloat(bits);
    bytes += sizeof(bits);
  }
}

void WriteRowScales(std::span<const float> scales, uint8_t* bytes) {
  for (const float scale : scales) {
    const uint16_t bits = FloatToBf16(scale);
    std::memcpy(bytes, &bits, sizeof(bits));
    bytes += sizeof(bits);
  }
}

Status CheckRowScales(std::span<const float> scales) {
  for (size_t row = 0; row < scales.size(); ++row) {
    if (!std::isfinite(scales[row])) {
      return Fail(ErrorCode::kInvalidArgument, fmt::format("row {}: scale is not finite", row));
    }
    if (NearestRowScale(scales[row]) != scales[row]) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("row {}: scale {} is no bfloat16", row, scales[row]));
    }
  }
  return {};
}

QuantizedMatrix EmptyMatrix(TensorType type, int64_t rows, int64_t cols) {
  QuantizedMatrix m;
  m.type = type;
  m.rows = rows;
  m.cols = cols;
  m.levels.resize(Index(rows * m.level_cols()), PaddingLevel(type));
  m.multipliers.resize(Index(rows * m.n_groups()));
  m.row_scales.resize(Index(rows));
  return m;
}

Result<std::vector<uint8_t>> PackMatrix(const QuantizedMatrix& m) {
  ACCLLM_ASSIGN_OR_RETURN(const TensorLayout layout, LayOutTensor(m.type, m.rows, m.cols));
  ACCLLM_RETURN_IF_ERROR(CheckScales(m));
  if (m.type == TensorType::kW2Free) {
    ACCLLM_RETURN_IF_ERROR(CheckCodebook(m.codebook));
  }
  const Encoder encoder(m.type, m.codebook);
  std::vector<uint8_t> bytes(Index(layout.data_bytes));
  std::array<int8_t, format::kBlockWeights> levels;
  for (int64_t row = 0; row < m.rows; ++row) {
    for (int64_t block = 0; block < layout.n_blocks; ++block) {
      const int64_t col0 = block * format::kBlockWeights;
      const int64_t n = std::min(format::kBlockWeights, m.level_cols() - col0);
      levels.fill(PaddingLevel(m.type));
      std::copy_n(m.levels.begin() + row * m.level_cols() + col0, n, levels.begin());
      const BlockPlace place = PlaceOfBlock(m.type, layout.n_blocks, row, block);
      ACCLLM_RETURN_IF_ERROR(PackBlockRow(m.type, encoder, levels.data(), n, row, col0,
                                          bytes.data() + place.row_offset));
      const int64_t group0 = block * format::kGroupsPerBlock;
      const int64_t n_groups = std::min(format::kGroupsPerBlock, m.n_groups() - group0);
      std::copy_n(m.multipliers.begin() + row * m.n_groups() + group0, n_groups,
                  bytes.begin() + place.multipliers_offset);
    }
  }
  WriteRowScales(m.row_scales, bytes.data() + layout.scales_offset);
  if (layout.codebook_offset != 0) {
    std::memcpy(bytes.data() + layout.codebook_offset, &m.codebook, sizeof(m.codebook));
  }
  return bytes;
}

Result<QuantizedMatrix> UnpackMatrix(TensorType type, int64_t rows, int64_t cols,
                                     std::span<const uint8_t> bytes) {
  ACCLLM_ASSIGN_OR_RETURN(const TensorLayout layout, LayOutTensor(type, rows, cols));
  if (!IsBlockType(type) || static_cast<int64_t>(bytes.size()) != layout.data_bytes) {
    return Fail(ErrorCode::kInvalidArgument, "these bytes are not a tensor of this type and shape");
  }
  QuantizedMatrix m = EmptyMatrix(type, rows, cols);
  if (layout.codebook_offset != 0) {
    ACCLLM_ASSIGN_OR_RETURN(m.codebook, ReadCodebook(bytes.data() + layout.codebook_offset));
  }
  for (int64_t row = 0; row < layout.padded_rows; ++row) {
    for (int64_t block = 0; block < layout.n_blocks; ++block) {
      const BlockPlace place = PlaceOfBlock(type, layout.n_blocks, row, block);
      ACCLLM_RETURN_IF_ERROR(UnpackBlockRow(
          bytes.data() + place.row_offset, bytes.data() + place.multipliers_offset, row, block, m));
    }
  }
  const uint8_t* scales = bytes.data() + layout.scales_offset;
  ReadRowScales(scales, m.row_scales);
  const int64_t scales_end =
      layout.codebook_offset != 0 ? layout.codebook_offset : layout.data_bytes;
  const int64_t real_bytes = rows * format::kRowScaleBytes;
  const bool finite = std::all_of(m.row_scales.begin(), m.row_scales.end(),
                                  [](float scale) { return std::isfinite(scale); });
  if (!finite || !AllZero(scales + real_bytes, scales_end - layout.scales_offset - real_bytes) ||
      !AllZero(bytes.data() + layout.weight_bytes, layout.scales_offset - layout.weight_bytes)) {
    return Fail(ErrorCode::kCorrupt, "a row scale is not finite or padding is not zero");
  }
  return m;
}

void DequantizeRow(const QuantizedMatrix& m, int64_t row, float* values) {
  const int8_t* levels = m.levels.data() + row * m.level_cols();
  const uint8_t* multipliers = m.multipliers.data() + row * m.n_groups();
  const float scale = m.row_scales[Index(row)];
  for (int64_t k = 0; k < m.cols; ++k) {
    const int product = levels[k] * multipliers[k / format::kGroupWeights];
    values[k] = static_cast<float>(product) * scale;
  }
}

std::vector<float> Dequantize(const QuantizedMatrix& m) {
  std::vector<float> values(Index(m.rows * m.cols));
  for (int64_t row = 0; row < m.rows; ++row) DequantizeRow(m, row, &values[Index(row * m.cols)]);
  return values;
}

}  // namespace accllm
