#include "checkpoint/rope_rows.h"

#include <algorithm>

namespace accllm {
namespace {

// Row in GGUF's order of a row in Hugging Face's.
int64_t InterleavedRow(int64_t row, int64_t head_dim) {
  const int64_t in_head = row % head_dim;
  const int64_t half = head_dim / 2;
  return row - in_head + 2 * (in_head % half) + in_head / half;
}

void CopyRow(std::span<const float> from, int64_t from_row, std::vector<float>& to, int64_t to_row,
             int64_t n_cols) {
  std::copy_n(from.begin() + from_row * n_cols, n_cols, to.begin() + to_row * n_cols);
}

}  // namespace

std::vector<float> InterleaveRopeRows(std::span<const float> rows, int64_t head_dim,
                                      int64_t n_cols) {
  std::vector<float> interleaved(rows.size());
  const int64_t n_rows = static_cast<int64_t>(rows.size()) / n_cols;
  for (int64_t row = 0; row < n_rows; ++row) {
    CopyRow(rows, row, interleaved, InterleavedRow(row, head_dim), n_cols);
  }
  return interleaved;
}

std::vector<float> SplitRopeRows(std::span<const float> rows, int64_t head_dim, int64_t n_cols) {
  std::vector<float> split(rows.size());
  const int64_t n_rows = static_cast<int64_t>(rows.size()) / n_cols;
  for (int64_t row = 0; row < n_rows; ++row) {
    CopyRow(rows, InterleavedRow(row, head_dim), split, row, n_cols);
  }
  return split;
}

}  // namespace accllm
