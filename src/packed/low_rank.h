// The low-rank part of a linear layer, y = Q x + B (A x), and its packed bytes.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"

namespace accllm {

// values[r, k] = row_scales[r] * levels[r, k]; a tensor of type i8.
struct Int8Matrix {
  int64_t rows = 0;
  int64_t cols = 0;
  std::vector<int8_t> levels;     // [rows, cols], -127..127
  std::vector<float> row_scales;  // [rows], finite, of bfloat16 precision
};

// Both halves have a row for each of the few dimensions between them, so that neither is padded.
struct LowRank {
  Int8Matrix a;  // A: [rank, cols of the layer]
  Int8Matrix b;  // B transposed: [rank, rows of the layer]

  int64_t rank() const { return a.rows; }
};

// The same in float.
struct LowRankValues {
  int64_t rank = 0;
  int64_t rows = 0;  // of the layer
  int64_t cols = 0;
  std::vector<float> a;  // [rank, cols]
  std::vector<float> b;  // [rank, rows]

  // Adds rows [begin, end) of B A to w: [rows, cols]. The one definition, for every reader of the
  // float weights.
  void AddTo(int64_t begin, int64_t end, std::span<float> w) const;
};

// Each row rounded to the nearest levels of the least scale that covers it and is not below that of
// `least_scales` ([rows], or empty). values: [rows, cols]. Errors: kNumeric if a value is not
// finite or too large.
Result<Int8Matrix> RoundToInt8(int64_t rows, int64_t cols, std::span<const float> values,
                               std::span<const float> least_scales = {});

// The tensor's bytes as the file holds them. Errors: kInvalidArgument if the matrix breaks a rule
// of the format.
Result<std::vector<uint8_t>> PackInt8(const Int8Matrix& matrix);

// The inverse. `bytes` has LayOutTensor(kI8, rows, cols).data_bytes bytes. Errors: kCorrupt if a
// level is -128, a scale not finite or a gap not zero.
Result<Int8Matrix> UnpackInt8(int64_t rows, int64_t cols, std::span<const uint8_t> bytes);

// [rows, cols]
std::vector<float> Dequantize(const Int8Matrix& matrix);
LowRankValues Dequantize(const LowRank& low_rank);

}  // namespace accllm
