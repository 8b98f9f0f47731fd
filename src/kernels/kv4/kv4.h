// KV4: a key or value vector of one token and KV head in 4-bit codes.
#pragma once

#include <cstdint>

namespace accllm::kernels {

// Dimensions that share a multiplier and a zero point.
inline constexpr int64_t kKvGroup = 32;

// head_dim rounded up to whole cache rows; a row is KvPaddedDim / 2 bytes.
inline int64_t KvPaddedDim(int64_t head_dim) { return (head_dim + 63) / 64 * 64; }
inline int64_t KvGroups(int64_t head_dim) { return KvPaddedDim(head_dim) / kKvGroup; }

// What a vector costs: codes, its scale, and a byte for each group.
inline int64_t KvRowBytes(int64_t head_dim) {
  return KvPaddedDim(head_dim) / 2 + int64_t{sizeof(uint16_t)} + KvGroups(head_dim);
}

// The byte of a group: x = scale * multiplier * (code - zero).
inline int KvMultiplier(uint8_t group) { return group & 0xF; }
inline int KvZero(uint8_t group) { return group >> 4; }

// Vectors of one layer and KV head, a slot each.
struct KvRows {
  const uint8_t* codes = nullptr;    // [n_slots, padded_dim / 2] packed int4
  const uint16_t* scales = nullptr;  // [n_slots] binary16
  const uint8_t* groups = nullptr;   // [padded_dim / 32, n_slots] multiplier, zero << 4
  int64_t n_slots = 0;
};

// Where QuantizeKv writes.
struct KvSlot {
  uint8_t* codes = nullptr;  // [padded_dim / 2]; byte i: dimension i (low) and i + padded_dim / 2
  uint16_t* scale = nullptr;
  uint8_t* groups = nullptr;  // one byte every group_stride bytes
  int64_t group_stride = 1;
};

// Per group of 32: lo = min(0, min x), hi = max(0, max x), range = hi - lo. Then, every float
// operation rounded once,
//   scale      = binary16(min(largest range / 225, 65504))
//   multiplier = ceil(range / (15 scale)), at most 15, or one less if that lowers the squared error
//   zero       = round(7.5 - (hi + lo) / 2 / step), 0..15; step = scale * multiplier
//   code       = round(x / step) + zero, 0..15
// where "/ step" and "/ (15 scale)" are products with the rounded inverse. The squared error is
// summed in 16 lanes, dimension mod 16, and the tree 8, 4, 2, 1 apart. Dimensions beyond head_dim
// count as 0. A range of 0 gives zeros with multiplier 0, as does a scale of 0 for all groups;
// anything not finite gives scale NaN.
void QuantizeKv(const float* x, int64_t head_dim, const KvSlot& slot);

// Code of dimension `dim` in a cache row.
inline int KvCode(const uint8_t* row, int64_t padded_dim, int64_t dim) {
  const int64_t half = padded_dim / 2;
  return dim < half ? row[dim] & 0xF : row[dim - half] >> 4;
}

// multiplier * (code - zero) of dimension `dim` in a slot.
inline int KvLevel(const KvRows& rows, int64_t padded_dim, int64_t slot, int64_t dim) {
  const uint8_t group = rows.groups[dim / kKvGroup * rows.n_slots + slot];
  const int code = KvCode(rows.codes + slot * padded_dim / 2, padded_dim, dim);
  return KvMultiplier(group) * (code - KvZero(group));
}

}  // namespace accllm::kernels
