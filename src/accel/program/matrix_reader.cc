#include "accel/program/matrix_reader.h"

#include <algorithm>
#include <cstring>

#include "base/fp16.h"

namespace accllm::accel {
namespace {

constexpr int64_t kGroups = format::kGroupsPerBlock;
constexpr int64_t kCodeBytesOfGroup = format::kCodeBytes / kGroups;

struct RowPlace {
  int64_t lane;
  int64_t round;
  int64_t in_tile;
};

RowPlace PlaceOf(int64_t row, int64_t lanes) {
  const int64_t tile = row / format::kTileRows;
  return {tile % lanes, tile / lanes, row % format::kTileRows};
}

}  // namespace

void StreamBlock(isa::WeightFormat format, const uint8_t* packed, uint8_t* stream) {
  const int64_t bytes = TileBlockBytes(BlockTypeOf(format));
  if (format != isa::WeightFormat::kSparse24) {
    for (int64_t row = 0; row < format::kTileRows; ++row) {
      for (int64_t group = 0; group < kGroups; ++group) {
        stream[MultiplierPlace(format, row, group).byte] = packed[kGroups * row + group];
      }
    }
    std::copy(packed + isa::kBeatBytes, packed + bytes, stream + isa::kBeatBytes);
    return;
  }
  for (int64_t beat = 0; beat < bytes; beat += isa::kBeatBytes) {
    for (int64_t group = 0; group < kGroups; ++group) {
      uint8_t* to = stream + beat + 8 * group;
      std::copy_n(packed + beat + kCodeBytesOfGroup * group, kCodeBytesOfGroup, to);
      to[kCodeBytesOfGroup] = packed[beat + format::kCodeBytes + group];
    }
  }
}

float MatrixReader::Scale(int64_t row) const {
  const RowPlace at = PlaceOf(row, layout_.lanes);
  const uint8_t* beat = Beat(layout_.ScaleBeat(at.round), at.lane);
  uint16_t bits = 0;
  std::memcpy(&bits, beat + 16 * (at.round % isa::kScaleTiles) + 2 * at.in_tile, sizeof(bits));
  return Bf16ToFloat(bits);
}

float MatrixReader::Bias(int64_t row) const {
  const RowPlace at = PlaceOf(row, layout_.lanes);
  const int64_t byte =
      at.round % kTilesOfBeat * kTileFloatBytes + at.in_tile * int64_t{sizeof(float)};
  float bias = 0;
  std::memcpy(&bias, Beat(layout_.BiasBeat(at.round), at.lane) + byte, sizeof(bias));
  return bias;
}

void MatrixReader::Read(int64_t row, int64_t block, int8_t* levels, uint8_t* multipliers) const {
  const RowPlace at = PlaceOf(row, layout_.lanes);
  const int64_t tile_block = TileBlockBytes(type_);
  const int64_t first = layout_.TileBeat(at.round) + block * tile_block / isa::kBeatBytes;
  for (int64_t group = 0; group < kGroups; ++group) {
    const BeatPlace place = MultiplierPlace(layout_.format, at.in_tile, group);
    multipliers[group] = Beat(first + place.stripe, at.lane)[place.byte];
  }
  uint8_t bytes[4 * isa::kBeatBytes];
  const int64_t n_beats = BlockRowBytes(type_) / isa::kBeatBytes;
  const int64_t row_beat =
      first + PlaceOfBlock(type_, 1, at.in_tile, 0).row_offset / isa::kBeatBytes;
  for (int64_t i = 0; i < n_beats; ++i) {
    std::memcpy(bytes + i * isa::kBeatBytes, Beat(row_beat + i, at.lane), isa::kBeatBytes);
  }
  if (layout_.format == isa::WeightFormat::kSparse24) {
    for (int64_t group = 1; group < kGroups; ++group) {
      std::memmove(bytes + kCodeBytesOfGroup * group, bytes + 8 * group, kCodeBytesOfGroup);
    }
  }
  DecodeBlockRow(type_, bytes, levels);
}

void MatrixReader::ReadFloats(int64_t row, int64_t n, float* out) const {
  const float scale = Scale(row);
  int8_t levels[format::kBlockWeights];
  uint8_t multipliers[kGroups];
  for (int64_t k = 0; k < n; ++k) {
    const int64_t in_block = k % format::kBlockWeights;
    if (in_block == 0) Read(row, k / format::kBlockWeights, levels, multipliers);
    const int64_t group = in_block / format::kGroupWeights;
    out[k] = static_cast<float>(levels[in_block] * multipliers[group]) * scale;
  }
}

}  // namespace accllm::accel
