// A weight matrix as levels, multipliers and row scales, and its packed bytes.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/block_codec.h"
#include "base/result.h"
#include "spec/packed_format.h"

namespace accllm {

// w[r, k] = row_scales[r] * multipliers[r, k / 32] * levels[r, k].
struct QuantizedMatrix {
  format::TensorType type = format::TensorType::kW2S24;  // a block type
  int64_t rows = 0;
  int64_t cols = 0;
  // [rows, level_cols()]; for 2:4 every group of four holds two zeros and two of {-2, -1, 1, 2},
  // even where it reaches past `cols` (activations are zero there), and with a free codebook every
  // group is one of its fours; odd for W2 and W3.
  std::vector<int8_t> levels;
  std::vector<uint8_t> multipliers;  // [rows, n_groups()], at most MaxMultiplier(type, cols)
  std::vector<float> row_scales;     // [rows], finite, of bfloat16 precision
  Codebook codebook = kCodebook24;   // the coded types' own

  int64_t level_cols() const { return (cols + 3) / 4 * 4; }
  int64_t n_groups() const { return (cols + format::kGroupWeights - 1) / format::kGroupWeights; }
};

// The nearest number that a row scale can be, and the nearest that is not smaller in magnitude.
float NearestRowScale(float scale);
float CoveringRowScale(float scale);

// The codebook of a packed tensor of type w2-free, from where it begins. Errors: kCorrupt if a
// level is too large.
Result<Codebook> ReadCodebook(const uint8_t* bytes);

// The row scales of a packed tensor, from where they begin, and back.
void ReadRowScales(const uint8_t* bytes, std::span<float> scales);
void WriteRowScales(std::span<const float> scales, uint8_t* bytes);

// Errors: kInvalidArgument if a scale is not finite or no bfloat16 (names the row).
Status CheckRowScales(std::span<const float> scales);

// A matrix of the right sizes with multipliers and scales 0; its levels are those of code 0 (the
// coded types: all zero, which must be replaced before it can be packed).
QuantizedMatrix EmptyMatrix(format::TensorType type, int64_t rows, int64_t cols);

// The tensor's bytes as the file holds them: blocks, then row scales. Errors: kInvalidArgument if
// the matrix breaks a rule of the format (names row and column).
Result<std::vector<uint8_t>> PackMatrix(const QuantizedMatrix& matrix);

// The inverse of PackMatrix. `bytes` has LayOutTensor(...).data_bytes bytes.
// Errors: kCorrupt if a code is invalid, a multiplier too large, a scale not finite or padding not
// zero.
Result<QuantizedMatrix> UnpackMatrix(format::TensorType type, int64_t rows, int64_t cols,
                                     std::span<const uint8_t> bytes);

// Float values: [rows, cols] row-major, or the [cols] of one row.
std::vector<float> Dequantize(const QuantizedMatrix& matrix);
void DequantizeRow(const QuantizedMatrix& matrix, int64_t row, float* values);

// Round to nearest for the dense types. W4 and W8: per group the smallest multiplier that covers
// its largest weight. W2 and W3, where that would waste most of the few levels: the multiplier of
// least squared error. weights: [rows, cols]. Errors: kNumeric if a weight is not finite.
Result<QuantizedMatrix> QuantizeDense(format::TensorType type, int64_t rows, int64_t cols,
                                      std::span<const float> weights);

}  // namespace accllm
