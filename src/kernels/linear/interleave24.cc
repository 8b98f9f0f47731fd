#include "kernels/linear/interleave24.h"

#include <algorithm>
#include <cstring>

namespace accllm::kernels {
namespace {

constexpr int64_t kFours = format::kGroupWeights / 4;
constexpr int64_t kCodeMask = (1 << format::kCodeBits) - 1;

// Where the code of one of the fours but the last lies.
int64_t PlaceOfCode(int64_t row, int64_t four) {
  if (four == kFours - 2) return kInterleavedRows * four + row;
  return 2 * kInterleavedRows * (four / 2) + PlaceOfRow(row) + four % 2;
}

// One row's part of a group, which is zero yet. codes: the eight codes from bit 0 on.
void PutRow(uint64_t codes, uint8_t multiplier, int64_t row, uint8_t* group) {
  const uint64_t last = codes >> (format::kCodeBits * (kFours - 1));
  for (int64_t four = 0; four < kFours - 1; ++four) {
    const uint64_t code = (codes >> (format::kCodeBits * four)) & kCodeMask;
    group[PlaceOfCode(row, four)] |= static_cast<uint8_t>(code);
    group[kInterleavedRows * four + row] |=
        static_cast<uint8_t>((last >> four & 1U) << format::kCodeBits);
  }
  group[kInterleavedRows * (kFours - 1) + row] = multiplier;
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
