// Chunks of 64 rows, transposed for the row kernels: element [k][r] is column k of row r.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "compress/patterns.h"
#include "compress/row_kernels.h"
#include "packed/quantized_matrix.h"

namespace accllm {

// chunk[padded_cols][64] from rows [first_row, first_row + n_rows) of values[., cols]; the rest 0.
inline void LoadChunk(std::span<const float> values, int64_t cols, int64_t first_row,
                      int64_t n_rows, int64_t padded_cols, std::vector<float>& chunk) {
  chunk.assign(static_cast<size_t>(padded_cols * kChunkRows), 0.0F);
  for (int64_t r = 0; r < n_rows; ++r) {
    const float* row = values.data() + (first_row + r) * cols;
    for (int64_t k = 0; k < cols; ++k) chunk[static_cast<size_t>(k * kChunkRows + r)] = row[k];
  }
}

// One group's patterns[8][64]; everything is allowed without `in` and past its rows and columns.
inline void LoadPatterns(const PatternSet* in, int64_t first_row, int64_t n_rows, int64_t first,
                         int32_t* patterns) {
  std::fill_n(patterns, kGroupCols / 4 * kChunkRows, kAllPatterns);
  if (in == nullptr) return;
  const int64_t n = std::min(kGroupCols / 4, in->n_fours - first / 4);
  for (int64_t r = 0; r < n_rows; ++r) {
    const uint8_t* row = in->sets.data() + (first_row + r) * in->n_fours + first / 4;
    for (int64_t four = 0; four < n; ++four) patterns[four * kChunkRows + r] = row[four];
  }
}

// Writes one group's levels[32][64] and multipliers[64] of n_rows rows; `first` is its first
// column.
inline void StoreGroup(const float* levels, const float* multipliers, int64_t first_row,
                       int64_t n_rows, int64_t first, QuantizedMatrix& out) {
  const int64_t n = std::min(kGroupCols, out.level_cols() - first);
  for (int64_t r = 0; r < n_rows; ++r) {
    int8_t* row = out.levels.data() + (first_row + r) * out.level_cols() + first;
    for (int64_t k = 0; k < n; ++k) row[k] = static_cast<int8_t>(levels[k * kChunkRows + r]);
    out.multipliers[static_cast<size_t>((first_row + r) * out.n_groups() + first / kGroupCols)] =
        static_cast<uint8_t>(multipliers[r]);
  }
}

// The inverse of StoreGroup; rows past n_rows get zeros.
inline void LoadGroup(const QuantizedMatrix& in, int64_t first_row, int64_t n_rows, int64_t first,
                      float* levels, float* multipliers) {
  const int64_t n = std::min(kGroupCols, in.level_cols() - first);
  std::fill_n(levels, kGroupCols * kChunkRows, 0.0F);
  std::fill_n(multipliers, kChunkRows, 0.0F);
  for (int64_t r = 0; r < n_rows; ++r) {
    const int8_t* row = in.levels.data() + (first_row + r) * in.level_cols() + first;
    for (int64_t k = 0; k < n; ++k) levels[k * kChunkRows + r] = static_cast<float>(row[k]);
    multipliers[r] = static_cast<float>(
        in.multipliers[static_cast<size_t>((first_row + r) * in.n_groups() + first / kGroupCols)]);
  }
}

}  // namespace accllm
