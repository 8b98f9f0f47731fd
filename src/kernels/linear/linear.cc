#include "kernels/linear/linear.h"

#include <algorithm>
#include <array>
#include <vector>

namespace accllm::kernels {
namespace {

// Weights that stay in a core's second cache while all groups of tokens pass over them, if there is
// more than one.
constexpr int64_t kPanelBytes = 256 * 1024;

// Asks for what finishing reads of `n` rows, while the kernel runs; rows may lie beyond the matrix.
void PrefetchRows(const PackedMatrix& w, int64_t row, int64_t n) {
  for (int64_t i = 0; i < n; i += format::kAlignment / int64_t{sizeof(float)}) {
    __builtin_prefetch(w.row_sums + row + i);
    __builtin_prefetch(w.row_scales + row + i);
  }
}

}  // namespace

void Arrange(const TileKernels& kernels, const QuantizedRows& x, uint8_t* arranged) {
  const int64_t token_bytes = x.n_blocks * format::kBlockWeights;
  for (int64_t t = 0; t < x.n_tokens; t += kPanelTokens) {
    kernels.arrange(x.codes + t * token_bytes, std::min(kPanelTokens, x.n_tokens - t), x.n_blocks,
                    arranged + t * token_bytes);
  }
}

void Linear(const TileKernels& kernels, const PackedMatrix& w, const QuantizedRows& x,
            int64_t tile_begin, int64_t tile_end, float* y, int64_t y_stride) {
  const TileKernel walk = w.is_interleaved ? kernels.w2s24_interleaved : kernels.For(w.type);
  const bool is_arranged = x.arranged != nullptr && kernels.panel.For(w.type) != nullptr;
  const TileKernel kernel = is_arranged ? kernels.panel.For(w.type) : walk;
  const uint8_t* all_codes = is_arranged ? x.arranged : x.codes;
  const int64_t tile_bytes = w.kernel_bytes();
  const bool is_one_group = x.n_tokens <= kernels.tokens_at_once;
  const int64_t panel_tiles =
      is_one_group ? w.n_tiles()
                   : std::max<int64_t>(1, kPanelBytes / std::max<int64_t>(1, tile_bytes));
  const auto kernel_tile = [&](int64_t tile) {
    return (w.RowOfTile(tile) + w.kernel_rows() - 1) / w.kernel_rows();
  };
  const int64_t end = kernel_tile(tile_end);
  const int64_t first_row = w.RowOfTile(tile_begin);
  alignas(64) std::array<int32_t, kMaxTileSums> raw;
  for (int64_t panel = kernel_tile(tile_begin); panel < end; panel += panel_tiles) {
    const int64_t panel_end = std::min(end, panel + panel_tiles);
    for (int64_t token0 = 0; token0 < x.n_tokens; token0 += kernels.tokens_at_once) {
      const int64_t n_tokens = std::min(kernels.tokens_at_once, x.n_tokens - token0);
      const uint8_t* codes = all_codes + token0 * x.n_blocks * format::kBlockWeights;
      const int64_t run = std::min(kMaxTiles, kMaxTileSums / (n_tokens * w.kernel_rows()));
      for (int64_t tile = panel; tile < panel_end; tile += run) {
        PrefetchRows(w, tile * w.kernel_rows(), run * w.kernel_rows());
        const TileRun tiles = {w.blocks + tile * tile_bytes, std::min(run, panel_end - tile),
                               w.n_blocks};
        kernel(tiles, *w.codebook, codes, n_tokens, raw.data());
        const int64_t row = tile * w.kernel_rows();
        const int64_t run_rows = tiles.n_tiles * w.kernel_rows();
        // Of one token, the sums of all tiles follow each other.
        const int64_t tile_rows = n_tokens == 1 ? run_rows : w.kernel_rows();
        kernels.finish(w, {raw.data(), tile_rows, row, std::min(run_rows, w.rows - row)}, n_tokens,
                       x.scales + token0, y + token0 * y_stride + row - first_row, y_stride);
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
