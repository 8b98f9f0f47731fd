#include "packed/tensor_layout.h"

#include "base/block_codec.h"

namespace accllm {
namespace {

// No dimension of a real model comes near; products of two stay far inside int64.
constexpr int64_t kMaxDimension = int64_t{1} << 28;

}  // namespace

std::string_view TensorTypeLabel(format::TensorType type) {
  for (const auto& entry : format::kTensorTypeLabels) {
    if (entry.value == type) return entry.label;
  }
  return "unknown";
}

Result<format::TensorType> TensorTypeFromLabel(std::string_view label) {
  std::string known;
  for (const auto& entry : format::kTensorTypeLabels) {
    if (entry.label == label) return entry.value;
    known += fmt::format("{}{}", known.empty() ? "" : ", ", entry.label);
  }
  return Fail(ErrorCode::kInvalidArgument, fmt::format("unknown tensor type '{}'", label),
              fmt::format("use one of {}", known));
}

bool IsBlockType(format::TensorType type) { return BlockRowBytes(type) > 0; }

Result<TensorLayout> LayOutTensor(format::TensorType type, int64_t rows, int64_t cols) {
  if (rows < 1 || cols < 1 || rows > kMaxDimension || cols > kMaxDimension) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("shape [{}, {}] is out of range 1..{}", rows, cols, kMaxDimension));
  }
  TensorLayout layout;
  const bool is_int8 = type == format::TensorType::kI8;
  if (!IsBlockType(type) && !is_int8) {
    layout.padded_rows = rows;
    layout.weight_bytes = rows * cols * (type == format::TensorType::kF16 ? 2 : 4);
    layout.data_bytes = layout.weight_bytes;
    return layout;
  }
  // Those of i8 are run as W8 with multipliers of 1.
  if (MaxMultiplier(type, cols) < 1) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("rows of {} weights are too wide for type {}: an accumulator could "
                            "overflow",
                            cols, TensorTypeLabel(type)),
                "use a type with fewer bits, or f16");
  }
  if (is_int8) {
    layout.padded_rows = rows;
    layout.weight_bytes = rows * cols;
    layout.scales_offset = RoundUp(layout.weight_bytes, format::kAlignment);
    layout.data_bytes = layout.scales_offset + rows * format::kRowScaleBytes;
    return layout;
  }
  layout.n_blocks = (cols + format::kBlockWeights - 1) / format::kBlockWeights;
  layout.padded_rows = RoundUp(rows, format::kTileRows);
  layout.weight_bytes =
      layout.padded_rows / format::kTileRows * layout.n_blocks * TileBlockBytes(type);
  layout.scales_offset = RoundUp(layout.weight_bytes, format::kAlignment);
  layout.data_bytes = layout.scales_offset + layout.padded_rows * format::kRowScaleBytes;
  if (type == format::TensorType::kW2Free) {
    layout.codebook_offset = RoundUp(layout.data_bytes, format::kAlignment);
    layout.data_bytes = layout.codebook_offset + format::kCodebookBytes;
  }
  return layout;
}

}  // namespace accllm
