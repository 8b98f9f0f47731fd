#include "packed/low_rank.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/index.h"
#include "packed/quantized_matrix.h"
#include "packed/tensor_layout.h"

namespace accllm {
namespace {

constexpr auto kLevelMax = static_cast<float>(format::kW8Max);

// -128 would make products unsymmetric.
bool HasUnusedLevel(std::span<const int8_t> levels) {
  return std::any_of(levels.begin(), levels.end(),
                     [](int8_t level) { return level < -format::kW8Max; });
}

}  // namespace

void LowRankValues::AddTo(int64_t begin, int64_t end, std::span<float> w) const {
  for (int64_t row = begin; row < end; ++row) {
    float* out = w.data() + row * cols;
    for (int64_t i = 0; i < rank; ++i) {
      const float factor = b[Index(i * rows + row)];
      const float* from = a.data() + i * cols;
      for (int64_t k = 0; k < cols; ++k) out[k] += factor * from[k];
    }
  }
}

Result<Int8Matrix> RoundToInt8(int64_t rows, int64_t cols, std::span<const float> values,
                               std::span<const float> least_scales) {
  Int8Matrix m = {rows, cols, std::vector<int8_t>(values.size()), std::vector<float>(Index(rows))};
  for (int64_t row = 0; row < rows; ++row) {
    const auto in = values.subspan(Index(row * cols), Index(cols));
    float largest = 0;
    bool is_finite = true;
    for (const float value : in) {
      largest = std::max(largest, std::abs(value));
      is_finite = is_finite && std::isfinite(value);
    }
    float scale = CoveringRowScale(largest / kLevelMax);
    if (!least_scales.empty()) scale = std::max(scale, least_scales[Index(row)]);
    if (!is_finite || !std::isfinite(scale)) {
      return Fail(ErrorCode::kNumeric, fmt::format("row {} of a low-rank part is not finite", row),
                  "check that the checkpoint's weights are sound");
    }
    m.row_scales[Index(row)] = scale;
    if (scale == 0) continue;
    std::transform(in.begin(), in.end(), m.levels.begin() + row * cols, [&](float value) {
      return static_cast<int8_t>(std::clamp(std::nearbyint(value / scale), -kLevelMax, kLevelMax));
    });
  }
  return m;
}

Result<std::vector<uint8_t>> PackInt8(const Int8Matrix& m) {
  ACCLLM_ASSIGN_OR_RETURN(const TensorLayout layout,
                          LayOutTensor(format::TensorType::kI8, m.rows, m.cols));
  if (std::ssize(m.levels) != layout.weight_bytes || std::ssize(m.row_scales) != m.rows) {
    return Fail(ErrorCode::kInvalidArgument, "levels and row scales do not fit the shape");
  }
  if (HasUnusedLevel(m.levels)) {
    return Fail(ErrorCode::kInvalidArgument, "level -128 of a low-rank part is not used");
  }
  ACCLLM_RETURN_IF_ERROR(CheckRowScales(m.row_scales));
  std::vector<uint8_t> bytes(Index(layout.data_bytes));
  std::memcpy(bytes.data(), m.levels.data(), m.levels.size());
  WriteRowScales(m.row_scales, bytes.data() + layout.scales_offset);
  return bytes;
}

Result<Int8Matrix> UnpackInt8(int64_t rows, int64_t cols, std::span<const uint8_t> bytes) {
  ACCLLM_ASSIGN_OR_RETURN(const TensorLayout layout,
                          LayOutTensor(format::TensorType::kI8, rows, cols));
  if (std::ssize(bytes) != layout.data_bytes) {
    return Fail(ErrorCode::kInvalidArgument, "these bytes are not a tensor of this type and shape");
  }
  Int8Matrix m = {rows, cols, std::vector<int8_t>(Index(layout.weight_bytes)),
                  std::vector<float>(Index(rows))};
  std::memcpy(m.levels.data(), bytes.data(), m.levels.size());
  ReadRowScales(bytes.data() + layout.scales_offset, m.row_scales);
  if (HasUnusedLevel(m.levels)) return Fail(ErrorCode::kCorrupt, "level -128 is not used");
  const auto gap =
      bytes.subspan(Index(layout.weight_bytes), Index(layout.scales_offset - layout.weight_bytes));
  const bool is_sound =
      std::all_of(gap.begin(), gap.end(), [](uint8_t byte) { return byte == 0; }) &&
      std::all_of(m.row_scales.begin(), m.row_scales.end(),
                  [](float scale) { return std::isfinite(scale); });
  if (!is_sound) {
    return Fail(ErrorCode::kCorrupt, "a row scale is not finite or padding is not zero");
  }
  return m;
}

std::vector<float> Dequantize(const Int8Matrix& m) {
  std::vector<float> values(m.levels.size());
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>(m.levels[i]) * m.row_scales[i / Index(m.cols)];
  }
  return values;
}

LowRankValues Dequantize(const LowRank& low_rank) {
  return {low_rank.rank(), low_rank.b.cols, low_rank.a.cols, Dequantize(low_rank.a),
          Dequantize(low_rank.b)};
}

}  // namespace accllm
