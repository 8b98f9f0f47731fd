#include "accel/program/stored_vector.h"

#include <algorithm>
#include <cstring>

#include "accel/program/layout.h"
#include "base/index.h"

namespace accllm::accel {
namespace {

// Calls move(byte offset, index, n) for each run of n floats that lie together.
template <typename Move>
void ForEachRun(int64_t size, int64_t lanes, bool is_narrow, Move move) {
  const int64_t run = is_narrow ? kFloatsOfBeat : int64_t{format::kTileRows};
  for (int64_t i = 0; i < size; i += run) {
    const BeatPlace place = is_narrow ? BeatPlace{i / run, 0, 0} : PlaceOfTile(i / run, lanes);
    move(place.Offset(lanes), i, std::min(run, size - i));
  }
}

std::vector<uint8_t> Store(std::span<const float> values, int64_t lanes, bool is_narrow) {
  const int64_t size = std::ssize(values);
  const int64_t stripes = is_narrow ? NarrowStripes(size) : VectorStripes(size, lanes);
  std::vector<uint8_t> bytes(Index(stripes * lanes * isa::kBeatBytes));
  ForEachRun(size, lanes, is_narrow, [&](int64_t offset, int64_t first, int64_t n) {
    std::memcpy(&bytes[Index(offset)], &values[Index(first)], Index(n) * sizeof(float));
  });
  return bytes;
}

void Load(const uint8_t* bytes, int64_t lanes, bool is_narrow, std::span<float> values) {
  ForEachRun(std::ssize(values), lanes, is_narrow, [&](int64_t offset, int64_t first, int64_t n) {
    std::memcpy(&values[Index(first)], bytes + offset, Index(n) * sizeof(float));
  });
}

}  // namespace

std::vector<uint8_t> StoreVector(std::span<const float> values, int64_t lanes) {
  return Store(values, lanes, false);
}

std::vector<uint8_t> StoreNarrowVector(std::span<const float> values, int64_t lanes) {
  return Store(values, lanes, true);
}

void LoadVector(const uint8_t* bytes, int64_t lanes, std::span<float> values) {
  Load(bytes, lanes, false, values);
}

void LoadNarrowVector(const uint8_t* bytes, int64_t lanes, std::span<float> values) {
  Load(bytes, lanes, true, values);
}

}  // namespace accllm::accel
