#include "runtime/low_rank_weight.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/block_codec.h"
#include "base/index.h"
#include "kernels/quantize/quantize.h"

namespace accllm {
namespace {

using format::TensorType;

int64_t BlocksOf(int64_t cols) {
  return RoundUp(cols, format::kBlockWeights) / format::kBlockWeights;
}

int64_t TileBytesOfA(const LowRank& low_rank) {
  return RoundUp(low_rank.rank(), format::kTileRows) / format::kTileRows *
         BlocksOf(low_rank.a.cols) * TileBlockBytes(TensorType::kW8);
}

void WriteTiles(const Int8Matrix& a, uint8_t* tiles) {
  const int64_t n_blocks = BlocksOf(a.cols);
  std::array<int8_t, format::kBlockWeights> levels;
  for (int64_t row = 0; row < a.rows; ++row) {
    for (int64_t block = 0; block < n_blocks; ++block) {
      const int64_t col0 = block * format::kBlockWeights;
      levels.fill(0);
      std::copy_n(a.levels.begin() + row * a.cols + col0,
                  std::min(format::kBlockWeights, a.cols - col0), levels.begin());
      const BlockPlace place = PlaceOfBlock(TensorType::kW8, n_blocks, row, block);
      EncodeDenseBlockRow(TensorType::kW8, levels.data(), tiles + place.row_offset);
      std::memset(tiles + place.multipliers_offset, 1, format::kGroupsPerBlock);
    }
  }
}

}  // namespace

int64_t LowRankBytes(const LowRank& low_rank) {
  return TileBytesOfA(low_rank) + std::ssize(low_rank.b.levels);
}

LowRankWeight LayOutLowRank(const LowRank& low_rank, const kernels::TileKernels& kernels,
                            uint8_t* memory) {
  const Int8Matrix& a = low_rank.a;
  const Int8Matrix& b = low_rank.b;
  LowRankWeight weight;
  weight.scales.resize(Index(RoundUp(a.rows, format::kTileRows)));
  weight.row_sums.resize(weight.scales.size());
  for (size_t i = 0; i < a.row_scales.size(); ++i) {
    weight.scales[i] = a.row_scales[i] * b.row_scales[i];
  }
  WriteTiles(a, memory);
  uint8_t* b_bytes = memory + TileBytesOfA(low_rank);
  std::memcpy(b_bytes, b.levels.data(), b.levels.size());
  weight.b = reinterpret_cast<const int8_t*>(b_bytes);
  weight.a.type = TensorType::kW8;
  weight.a.rows = a.rows;
  weight.a.cols = a.cols;
  weight.a.n_blocks = BlocksOf(a.cols);
  weight.a.blocks = memory;
  weight.a.row_scales = weight.scales.data();
  weight.a.row_sums = weight.row_sums.data();
  kernels::RowSums(kernels, weight.a, 0, weight.a.n_tiles(), weight.row_sums.data());
  return weight;
}

LowRankChunk::LowRankChunk(int64_t max_rank, int64_t max_tokens) {
  for (Slot& slot : slots_) {
    slot.u.resize(Index(max_rank * max_tokens));
    slot.codes.resize(slot.u.size());
    slot.scales.resize(Index(max_tokens));
  }
}

void LowRankChunk::Quantize(size_t layer, int64_t rank, int64_t n_tokens) {
  Slot& slot = slots_[layer];
  for (int64_t t = 0; t < n_tokens; ++t) {
    kernels::QuantizeQuery(slot.u.data() + t * rank, rank, rank, slot.codes.data() + t * rank,
                           &slot.scales[Index(t)]);
  }
}

kernels::LowRankInput LowRankChunk::Input(size_t layer, int64_t rank, int64_t token) const {
  const Slot& slot = slots_[layer];
  return {slot.codes.data() + token * rank, slot.scales[Index(token)]};
}

}  // namespace accllm
