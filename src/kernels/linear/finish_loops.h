// The end of a linear layer on vectors of 8, which compilers cut into registers of the ISA that a
// file is compiled for. Only files for one ISA may include it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "kernels/linear/linear.h"

namespace accllm::kernels {
namespace {

// A FinishRows.
inline void FinishRowsLoops(const PackedMatrix& w, const RawSums& raw, int64_t n_tokens,
                            const float* a_scales, float* y, int64_t y_stride) {
  constexpr int64_t kLanes = 8;
  using Floats = float __attribute__((vector_size(4 * kLanes)));
  using Words = uint32_t __attribute__((vector_size(4 * kLanes)));
  using Integers = int32_t __attribute__((vector_size(4 * kLanes)));
  if (raw.n_rows % kLanes != 0) return FinishRowsScalar(w, raw, n_tokens, a_scales, y, y_stride);
  // A token's rows of all tiles at once: results of different tokens may share a set of the cache,
  // where a line that is written in parts is fetched for each of them.
  for (int64_t t = 0; t < n_tokens; ++t) {
    for (int64_t tile = 0; tile < raw.n_rows; tile += raw.tile_rows) {
      const int32_t* tile_sums = raw.sums + tile * n_tokens + t * raw.tile_rows;
      const int64_t end = std::min(raw.n_rows, tile + raw.tile_rows);
      for (int64_t i = tile; i < end; i += kLanes) {
        Words sums;
        Words row_sums;
        Floats row_scales;
        std::memcpy(&sums, tile_sums + i - tile, sizeof(sums));
        std::memcpy(&row_sums, w.row_sums + raw.row + i, sizeof(row_sums));
        std::memcpy(&row_scales, w.row_scales + raw.row + i, sizeof(row_scales));
        const auto acc = reinterpret_cast<Integers>(sums - row_sums * 128U);
        const Floats out = __builtin_convertvector(acc, Floats) * (row_scales * a_scales[t]);
        std::memcpy(y + t * y_stride + i, &out, sizeof(out));
      }
    }
  }
}

}  // namespace
}  // namespace accllm::kernels
