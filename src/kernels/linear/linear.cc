#include "kernels/linear/linear.h"

#include <algorithm>
#include <array>
#include <vector>

namespace accllm::kernels {
namespace {

// Weights that stay in a core's second cache while all groups of tokens pass over them.
constexpr int64_t kPanelBytes = 256 * 1024;

using RawTile = std::array<int32_t, kMaxTileTokens * kInterleavedRows>;  // [n_tokens, tile rows]

// y of `n` rows of one token, from row `row` on. Unsigned, so that a damaged file wraps instead of
// being undefined.
inline void StoreRows(const PackedMatrix& w, int64_t row, int64_t n, const int32_t* raw,
                      float a_scale, float* __restrict y) {
  for (int64_t i = 0; i < n; ++i) {
    const auto acc = static_cast<int32_t>(static_cast<uint32_t>(raw[i]) -
                                          128U * static_cast<uint32_t>(w.row_sums[row + i]));
    y[i] = static_cast<float>(acc) * (w.row_scales[row + i] * a_scale);
  }
}

void StoreTile(const PackedMatrix& w, const QuantizedRows& x, const RawTile& raw, int64_t tile,
               int64_t token0, int64_t n_tokens, float* y, int64_t y_stride) {
  const int64_t tile_rows = w.kernel_rows();
  const int64_t row = tile * tile_rows;
  for (int64_t t = 0; t < n_tokens; ++t) {
    const int32_t* from = raw.data() + t * tile_rows;
    float* to = y + (token0 + t) * y_stride + row;
    const float a_scale = x.scales[token0 + t];
    if (tile_rows == format::kTileRows && row + tile_rows <= w.rows) {
      StoreRows(w, row, format::kTileRows, from, a_scale, to);  // a count that the compiler knows
    } else {
      StoreRows(w, row, std::min(tile_rows, w.rows - row), from, a_scale, to);
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
  RawTile raw;
  for (int64_t panel = kernel_tile(tile_begin); panel < end; panel += panel_tiles) {
    const int64_t panel_end = std::min(end, panel + panel_tiles);
    for (int64_t token0 = 0; token0 < x.n_tokens; token0 += kernels.tokens_at_once) {
      const int64_t n_tokens = std::min(kernels.tokens_at_once, x.n_tokens - token0);
      const uint8_t* codes = x.codes + token0 * x.n_blocks * format::kBlockWeights;
      for (int64_t tile = panel; tile < panel_end; ++tile) {
        kernel(w.blocks + tile * tile_bytes, w.n_blocks, *w.codebook, codes, n_tokens, raw.data());
        StoreTile(w, x, raw, tile, token0, n_tokens, y, y_stride);
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
    kernel(w.blocks + tile * w.kernel_bytes(), w.n_blocks, *w.codebook, ones.data(), 1,
           row_sums + tile * format::kTileRows);
  }
}

}  // namespace accllm::kernels
