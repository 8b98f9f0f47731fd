#include "kernels/linear/linear.h"

#include <algorithm>
#include <array>
#include <vector>

namespace accllm::kernels {
namespace {

// Weights that stay in a core's second cache while all groups of tokens pass over them.
constexpr int64_t kPanelBytes = 256 * 1024;

// Tiles of one call: enough that the kernel's start does not count.
constexpr int64_t kMaxRun = 16;

// Asks for what StoreRun reads of `n` rows, while the kernel runs; rows may lie beyond the matrix.
void PrefetchRows(const PackedMatrix& w, int64_t row, int64_t n) {
  for (int64_t i = 0; i < n; i += format::kAlignment / int64_t{sizeof(float)}) {
    __builtin_prefetch(w.row_sums + row + i);
    __builtin_prefetch(w.row_scales + row + i);
  }
}

// y of `n` rows of one token, from row `row` on. Unsigned, so that a damaged file wraps instead of
// being undefined.
inline void StoreRows(const PackedMatrix& w, int64_t row, int64_t n, const int32_t* raw,
                      float a_scale, float* __restrict y) {
  const int32_t* sums = w.row_sums + row;
  const float* scales = w.row_scales + row;
  for (int64_t i = 0; i < n; ++i) {
    const auto acc =
        static_cast<int32_t>(static_cast<uint32_t>(raw[i]) - 128U * static_cast<uint32_t>(sums[i]));
    y[i] = static_cast<float>(acc) * (scales[i] * a_scale);
  }
}

// y of a run of tiles. raw: as TileKernel gives it.
void StoreRun(const PackedMatrix& w, const QuantizedRows& x, int64_t tile, int64_t n_tiles,
              int64_t token0, int64_t n_tokens, const int32_t* raw, float* y, int64_t y_stride) {
  const int64_t tile_rows = w.kernel_rows();
  const int64_t first = tile * tile_rows;
  const int64_t end = std::min(w.rows, first + n_tiles * tile_rows);
  for (int64_t t = 0; t < n_tokens; ++t) {
    float* out = y + (token0 + t) * y_stride;
    const float a_scale = x.scales[token0 + t];
    const int32_t* sums = raw + t * tile_rows;
    for (int64_t row = first; row < end; row += tile_rows, sums += n_tokens * tile_rows) {
      const int64_t n = std::min(tile_rows, end - row);
      if (n == format::kTileRows) {
        StoreRows(w, row, format::kTileRows, sums, a_scale, out + row);  // a number known here
      } else {
        StoreRows(w, row, n, sums, a_scale, out + row);
      }
    }
  }
}

}  // namespace

void Linear(const TileKernels& kernels, const PackedMatrix& w, const QuantizedRows& x,
            int64_t tile_begin, int64_t tile_end, float* y, int64_t y_stride) {
  const TileKernel kernel = w.is_interleaved ? kernels.w2s24_interleaved : kernels.For(w.type);
  const int64_t tile_bytes = w.kernel_bytes();
  const int64_t panel_tiles = std::max<int64_t>(1, kPanelBytes / std::max<int64_t>(1, tile_bytes));
  const auto kernel_tile = [&](int64_t tile) {
    return (w.RowOfTile(tile) + w.kernel_rows() - 1) / w.kernel_rows();
  };
  const int64_t end = kernel_tile(tile_end);
  alignas(64) std::array<int32_t, kMaxTileSums> raw;
  for (int64_t panel = kernel_tile(tile_begin); panel < end; panel += panel_tiles) {
    const int64_t panel_end = std::min(end, panel + panel_tiles);
    for (int64_t token0 = 0; token0 < x.n_tokens; token0 += kernels.tokens_at_once) {
      const int64_t n_tokens = std::min(kernels.tokens_at_once, x.n_tokens - token0);
      const uint8_t* codes = x.codes + token0 * x.n_blocks * format::kBlockWeights;
      const int64_t run = std::min(kMaxRun, kMaxTileSums / (n_tokens * w.kernel_rows()));
      for (int64_t tile = panel; tile < panel_end; tile += run) {
        PrefetchRows(w, tile * w.kernel_rows(), run * w.kernel_rows());
        const TileRun tiles = {w.blocks + tile * tile_bytes, std::min(run, panel_end - tile),
                               w.n_blocks};
        kernel(tiles, *w.codebook, codes, n_tokens, raw.data());
        StoreRun(w, x, tile, tiles.n_tiles, token0, n_tokens, raw.data(), y, y_stride);
      }
    }
  }
}

void RowSums(const TileKernels& kernels, const PackedMatrix& w, int64_t tile_begin,
             int64_t tile_end, int32_t* row_sums) {
  const TileKernel kernel = kernels.For(w.type);
  // With every offset activation 1 the raw sum is the row sum.
  const std::vector<uint8_t> ones(static_cast<size_t>(w.n_blocks * format::kBlockWeights), 1);
  for (int64_t tile = tile_begin; tile < tile_end; ++tile) {
    kernel({w.blocks + tile * w.kernel_bytes(), 1, w.n_blocks}, *w.codebook, ones.data(), 1,
           row_sums + tile * format::kTileRows);
  }
}

}  // namespace accllm::kernels
