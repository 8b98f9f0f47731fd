#include "kernels/linear/interleave24.h"

#include <algorithm>
#include <cstring>

namespace accllm::kernels {
namespace {

constexpr int64_t kFours = format::kGroupWeights / 4;
constexpr uint64_t kCodeMask = (1U << format::kCodeBits) - 1;
constexpr int64_t kPairsAtOnce = 2;  // of fours, in the nibbles of a byte
constexpr unsigned kPatternBits = 3;

// One row's part of a group, which is zero yet. codes: the eight codes from bit 0 on.
void PutRow(uint64_t codes, uint8_t multiplier, int64_t row, uint8_t* group) {
  uint8_t* of_row =
      group + row / kInterleavedHalfRows * kInterleavedHalfBytes + 2 * (row % kInterleavedHalfRows);
  for (int64_t four = 0; four < kFours; ++four) {
    const uint64_t code = (codes >> (format::kCodeBits * four)) & kCodeMask;
    const int64_t pair = four / 2;
    const int64_t k = pair / kPairsAtOnce;
    const auto shift = static_cast<unsigned>(4 * (pair % kPairsAtOnce));
    const unsigned of_multiplier = multiplier >> (2 * k + four % 2 + shift) & 1U;
    uint8_t* levels = of_row + kInterleavedVector * k + four % 2;
    uint8_t* patterns = levels + kInterleavedVector * kPairsAtOnce;
    *levels |= static_cast<uint8_t>((code & 0xFU) << shift);
    *patterns |= static_cast<uint8_t>((code >> 4U | of_multiplier << kPatternBits) << shift);
  }
}

}  // namespace

void Interleave24(const uint8_t* tiles, int64_t n_tiles, int64_t n_blocks, uint8_t* out) {
  constexpr int64_t kGroupCodeBytes = format::kCodeBits * kFours / 8;
  constexpr uint64_t kGroupCodes = (uint64_t{1} << (format::kCodeBits * kFours)) - 1;
  std::memset(out, 0, static_cast<size_t>(InterleavedTileBytes(n_blocks)));
  for (int64_t row = 0; row < n_tiles * format::kTileRows; ++row) {
    for (int64_t block = 0; block < n_blocks; ++block) {
      const BlockPlace place = PlaceOfBlock(format::TensorType::kW2S24, n_blocks, row, block);
      for (int64_t group = 0; group < format::kGroupsPerBlock; ++group) {
        uint64_t codes;  // and the byte behind them, which is always there: multipliers follow
        std::memcpy(&codes, tiles + place.row_offset + group * kGroupCodeBytes, sizeof(codes));
        PutRow(codes & kGroupCodes, tiles[place.multipliers_offset + group], row,
               out + (block * format::kGroupsPerBlock + group) * kInterleavedGroupBytes);
      }
    }
  }
}

}  // namespace accllm::kernels
