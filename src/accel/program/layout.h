// Where things lie in the accelerator's memory; see spec/accelerator.toml.
#pragma once

#include <cstdint>

#include "base/block_codec.h"
#include "spec/accelerator.h"

namespace accllm::accel {

// The type of a packed tensor whose blocks a stream of this format holds.
constexpr format::TensorType BlockTypeOf(isa::WeightFormat format) {
  switch (format) {
    case isa::WeightFormat::kSparse24:
      return format::TensorType::kW2S24;
    case isa::WeightFormat::kDense2:
      return format::TensorType::kW2;
    case isa::WeightFormat::kDense4:
      return format::TensorType::kW4;
    case isa::WeightFormat::kDense8:
      break;
  }
  return format::TensorType::kW8;
}

constexpr int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

constexpr int64_t StripesOf(int64_t bytes, int64_t lanes) {
  return CeilDiv(bytes, lanes * isa::kBeatBytes);
}

// The streams of one weight matrix, the same for every lane.
struct MatrixLayout {
  isa::WeightFormat format = isa::WeightFormat::kSparse24;
  int64_t rows = 0;
  int64_t blocks = 0;
  int64_t lanes = 1;

  int64_t n_tiles() const { return (rows + format::kTileRows - 1) / format::kTileRows; }
  // Tiles of one lane.
  int64_t n_rounds() const { return (n_tiles() + lanes - 1) / lanes; }
  int64_t tile_beats() const {
    return blocks * TileBlockBytes(BlockTypeOf(format)) / isa::kBeatBytes;
  }
  // Beats of a lane, which are the stripes of the matrix.
  int64_t stripes() const { return ScaleBeat(n_rounds() - 1) + 1 + TilesInGroup() * tile_beats(); }

  // Beats of a lane's stream: the scales of the tile of a round, and where the tile starts.
  int64_t ScaleBeat(int64_t round) const {
    return round / isa::kScaleTiles * (1 + isa::kScaleTiles * tile_beats());
  }
  int64_t TileBeat(int64_t round) const {
    return ScaleBeat(round) + 1 + round % isa::kScaleTiles * tile_beats();
  }

 private:
  int64_t TilesInGroup() const { return (n_rounds() - 1) % isa::kScaleTiles + 1; }
};

// The cache of one layer, in bytes from the first stripe of its keys or of its values.
struct CacheLayout {
  enum Of { kKeys, kValues };  // whose groups

  int64_t kv_heads = 0;
  int64_t padded_dim = 0;
  int64_t n_slots = 0;
  int64_t lanes = 1;
  int64_t code_bits = 4;  // of a program; 8 and 16 are for estimates

  static CacheLayout For(const isa::Geometry& g, int64_t code_bits = 4) {
    return {g.kv_heads, RoundUp(g.head_dim, 64), int64_t{g.sink_slots} + g.ring_slots, g.lanes,
            code_bits};
  }

  int64_t n_groups() const { return padded_dim / 32; }
  int64_t row_bytes() const { return padded_dim * code_bits / 8; }
  // Of a chunk's values.
  int64_t value_beats() const { return isa::kChunkSlots * row_bytes() / isa::kBeatBytes; }
  int64_t chunk_group_bytes() const { return isa::kChunkSlots * (2 + n_groups()); }
  int64_t key_stripes() const { return kv_heads * head_stripes(); }
  int64_t value_stripes() const { return kv_heads * code_stripes(); }

  // From the keys' first stripe.
  int64_t Scale(Of of, int64_t head, int64_t slot) const {
    return Groups(of, head, slot) + slot % isa::kChunkSlots * 2;
  }
  int64_t Group(Of of, int64_t head, int64_t slot, int64_t group) const {
    return Groups(of, head, slot) + isa::kChunkSlots * (2 + group) + slot % isa::kChunkSlots;
  }
  int64_t KeyRow(int64_t head, int64_t slot) const {
    return (head * head_stripes() + 2 * group_stripes()) * stripe_bytes() + slot * row_bytes();
  }

  // From the values' first stripe; beat `i` of a chunk holds its dimensions 4 i to 4 i + 3.
  int64_t ValueBeat(int64_t head, int64_t chunk, int64_t i) const {
    return head * code_stripes() * stripe_bytes() + (chunk * value_beats() + i) * isa::kBeatBytes;
  }

 private:
  int64_t stripe_bytes() const { return lanes * isa::kBeatBytes; }
  int64_t code_stripes() const { return StripesOf(n_slots * row_bytes(), lanes); }
  int64_t group_stripes() const {
    return StripesOf(n_slots / isa::kChunkSlots * chunk_group_bytes(), lanes);
  }
  int64_t head_stripes() const { return 2 * group_stripes() + code_stripes(); }
  // Of the chunk of a slot.
  int64_t Groups(Of of, int64_t head, int64_t slot) const {
    return (head * head_stripes() + (of == kKeys ? 0 : group_stripes())) * stripe_bytes() +
           slot / isa::kChunkSlots * chunk_group_bytes();
  }
};

// The slot of the token at `position`.
inline int64_t SlotOf(const isa::Geometry& g, int64_t position) {
  return position < int64_t{g.sinks} ? position
                                     : int64_t{g.sink_slots} + position % int64_t{g.ring_slots};
}

// Floats of one token's vector; 0 if there is no such vector.
inline int64_t VectorSize(const isa::Geometry& g, uint32_t vector) {
  switch (static_cast<isa::Vector>(vector)) {
    case isa::Vector::kStream:
      return g.hidden;
    case isa::Vector::kQuery:
    case isa::Vector::kMixed:
      return int64_t{g.heads} * g.head_dim;
    case isa::Vector::kKey:
    case isa::Vector::kValue:
      return int64_t{g.kv_heads} * g.head_dim;
    case isa::Vector::kGate:
      return g.intermediate;
  }
  return 0;
}

// Floats of the angles of one token.
inline int64_t RopeFloats(const isa::Geometry& g) { return 2 * int64_t{g.head_dim}; }

inline int64_t OutputStripes(const isa::Geometry& g) {
  return StripesOf(int64_t{g.vocab} * 4, g.lanes);
}

}  // namespace accllm::accel
