#include <array>

#include "base/fp16.h"
#include "kernels/linear/linear.h"

namespace accllm::kernels {
namespace {

using format::TensorType;

template <TensorType kType>
void AccumulateTile(const uint8_t* tile, int64_t n_blocks, const Codebook& codebook,
                    const uint8_t* codes, int64_t n_tokens, int32_t* raw) {
  std::array<int8_t, format::kBlockWeights> levels;
  for (int64_t i = 0; i < n_tokens * format::kTileRows; ++i) raw[i] = 0;
  for (int64_t block = 0; block < n_blocks; ++block) {
    for (int64_t i = 0; i < format::kTileRows; ++i) {
      const BlockPlace place = PlaceOfBlock(kType, n_blocks, i, block);
      const uint8_t* multipliers = tile + place.multipliers_offset;
      DecodeBlockRow(kType, tile + place.row_offset, levels.data(), codebook);
      for (int64_t t = 0; t < n_tokens; ++t) {
        const uint8_t* a = codes + (t * n_blocks + block) * format::kBlockWeights;
        uint32_t sum = 0;
        for (int64_t k = 0; k < format::kBlockWeights; ++k) {
          const int32_t product = levels[static_cast<size_t>(k)] * a[64 * (k % 4) + k / 4];
          sum += static_cast<uint32_t>(product * multipliers[k / format::kGroupWeights]);
        }
        int32_t& out = raw[t * format::kTileRows + i];
        out = static_cast<int32_t>(static_cast<uint32_t>(out) + sum);
      }
    }
  }
}

template <TensorType kType>
void AccumulateTiles(const TileRun& tiles, const Codebook& codebook, const uint8_t* codes,
                     int64_t n_tokens, int32_t* raw) {
  for (int64_t i = 0; i < tiles.n_tiles; ++i) {
    AccumulateTile<kType>(tiles.blocks + i * tiles.n_blocks * TileBlockBytes(kType), tiles.n_blocks,
                          codebook, codes, n_tokens, raw + i * n_tokens * format::kTileRows);
  }
}

}  // namespace

void FinishRowsScalar(const PackedMatrix& w, const RawSums& raw, int64_t n_tokens,
                      const float* a_scales, float* y, int64_t y_stride) {
  for (int64_t t = 0; t < n_tokens; ++t) {
    for (int64_t i = 0; i < raw.n_rows; ++i) {
      const int64_t place = (i / raw.tile_rows * n_tokens + t) * raw.tile_rows + i % raw.tile_rows;
      const auto sum = static_cast<uint32_t>(raw.sums[place]);
      const uint32_t offset = 128U * static_cast<uint32_t>(w.row_sums[raw.row + i]);
      y[t * y_stride + i] = static_cast<float>(static_cast<int32_t>(sum - offset)) *
                            (w.row_scales[raw.row + i] * a_scales[t]);
    }
  }
}

TileKernels ScalarTileKernels() {
  return TileKernels({AccumulateTiles<TensorType::kW2S24>, AccumulateTiles<TensorType::kW2Free>,
                      AccumulateTiles<TensorType::kW2>, AccumulateTiles<TensorType::kW3>,
                      AccumulateTiles<TensorType::kW4>, AccumulateTiles<TensorType::kW8>});
}

float DotF16Scalar(const uint16_t* row, const float* x, int64_t n) {
  std::array<float, 16> lanes = {};
  for (int64_t k = 0; k < n; ++k) lanes[static_cast<size_t>(k % 16)] += HalfToFloat(row[k]) * x[k];
  for (size_t step = 8; step > 0; step /= 2) {
    for (size_t i = 0; i < step; ++i) lanes[i] += lanes[i + step];
  }
  return lanes[0];
}

}  // namespace accllm::kernels
