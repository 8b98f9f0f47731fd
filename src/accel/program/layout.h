// Where things lie in the accelerator's memory; see spec/accelerator.toml.
#pragma once

#include <algorithm>
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

// A beat of a lane, and a byte in it. Stripes count from where the vector, matrix or cache starts.
struct BeatPlace {
  int64_t stripe = 0;
  int64_t lane = 0;
  int64_t byte = 0;

  int64_t Offset(int64_t lanes) const { return (stripe * lanes + lane) * isa::kBeatBytes + byte; }
};

// Vectors lie tile by tile over the lanes, two tiles a beat.
constexpr int64_t kTileFloatBytes = format::kTileRows * int64_t{sizeof(float)};
constexpr int64_t kTilesOfBeat = isa::kBeatBytes / kTileFloatBytes;

inline BeatPlace PlaceOfTile(int64_t tile, int64_t lanes) {
  const int64_t round = tile / lanes;
  return {round / kTilesOfBeat, tile % lanes, round % kTilesOfBeat * kTileFloatBytes};
}

inline int64_t VectorStripes(int64_t n, int64_t lanes) {
  return CeilDiv(CeilDiv(n, format::kTileRows), kTilesOfBeat * lanes);
}

// A narrow vector is in lane 0 alone.
constexpr int64_t kFloatsOfBeat = isa::kBeatBytes / int64_t{sizeof(float)};

inline int64_t NarrowStripes(int64_t n) { return CeilDiv(n, kFloatsOfBeat); }

// The streams of one weight matrix, the same for every lane.
struct MatrixLayout {
  isa::WeightFormat format = isa::WeightFormat::kSparse24;
  int64_t rows = 0;
  int64_t blocks = 0;
  int64_t lanes = 1;
  bool has_bias = false;

  int64_t n_tiles() const { return CeilDiv(rows, format::kTileRows); }
  // Tiles of one lane.
  int64_t n_rounds() const { return CeilDiv(n_tiles(), lanes); }
  int64_t tile_beats() const {
    return blocks * TileBlockBytes(BlockTypeOf(format)) / isa::kBeatBytes;
  }
  // Beats of a lane, which are the stripes of the matrix.
  int64_t stripes() const { return TileBeat(n_rounds() - 1) + tile_beats(); }

  // Beats of a lane's stream: the scales of the tile of a round, its bias, and where the tile
  // starts.
  int64_t ScaleBeat(int64_t round) const {
    return round / isa::kScaleTiles * (head_beats() + isa::kScaleTiles * tile_beats());
  }
  int64_t BiasBeat(int64_t round) const {
    return ScaleBeat(round) + 1 + round % isa::kScaleTiles / kTilesOfBeat;
  }
  int64_t TileBeat(int64_t round) const {
    return ScaleBeat(round) + head_beats() + round % isa::kScaleTiles * tile_beats();
  }
  // What comes before the tiles that share a beat of scales.
  int64_t head_beats() const { return has_bias ? 1 + isa::kScaleTiles / kTilesOfBeat : 1; }
};

// Where a group of a row lies in a tile's block, in beats of the lane from the block's first on.
inline BeatPlace MultiplierPlace(isa::WeightFormat format, int64_t row, int64_t group) {
  if (format == isa::WeightFormat::kSparse24) return {row, 0, 8 * group + 7};
  return {0, 0, 8 * group + row};
}

// The cache of one layer: places are of a head, stripes count from the layer's first of keys or of
// values.
struct CacheLayout {
  enum Of { kKeys, kValues };  // whose scale and groups a record has

  int64_t kv_heads = 0;
  int64_t padded_dim = 0;
  int64_t n_slots = 0;
  int64_t lanes = 1;

  // Beats of keys of a lane that share one of records.
  static constexpr int64_t kRecords = 4;
  static constexpr int64_t kBeatDims = 128;

  static CacheLayout For(const isa::Geometry& g) {
    return {g.kv_heads, RoundUp(g.head_dim, 64), int64_t{g.sink_slots} + g.ring_slots, g.lanes};
  }

  int64_t n_groups() const { return padded_dim / 32; }
  int64_t n_chunks() const { return n_slots / isa::kChunkSlots; }
  int64_t key_stripes() const { return kv_heads * head_key_stripes(); }
  int64_t value_stripes() const { return kv_heads * head_value_stripes(); }

  // Stripe of keys of a slot's dimensions, without those of records.
  int64_t KeyRow(int64_t slot, int64_t dim) const { return KeyBeat(slot, dim) / lanes; }
  // The stripe in memory of such a row, and that of its records.
  int64_t KeyStripe(int64_t head, int64_t row) const {
    return RecordStripe(head, row) + 1 + row % kRecords;
  }
  int64_t RecordStripe(int64_t head, int64_t row) const {
    return head * head_key_stripes() + row / kRecords * (1 + kRecords);
  }

  // The byte with the code of a dimension, and whether it is the high nibble.
  BeatPlace KeyCode(int64_t head, int64_t slot, int64_t dim) const {
    const int64_t in_beat = padded_dim == 64 ? HalfOf(slot) * 64 + dim : dim % kBeatDims;
    return {KeyStripe(head, KeyRow(slot, dim)), KeyLane(head, slot, dim),
            in_beat / 16 * 8 + in_beat % 8};
  }
  static bool IsHighKey(int64_t dim) { return dim % 16 >= 8; }

  // Of the record of the beat that holds dimension `dim`. Segments (8 bytes) of the lanes have what
  // they need: the even one of each pair the groups, the odd one a scale.
  BeatPlace Scale(Of of, int64_t head, int64_t slot, int64_t dim) const {
    return Record(head, slot, dim, HalfOf(slot) * 4 + (of == kKeys ? 1 : 3), 0);
  }
  BeatPlace Group(Of of, int64_t head, int64_t slot, int64_t group) const {
    const int64_t in_beat = padded_dim == 64 ? 2 * HalfOf(slot) + group : group % 4;
    return Record(head, slot, 32 * group, 2 * in_beat, of == kKeys ? 0 : 1);
  }

  // The beat of dimensions 4 quad to 4 quad + 3 of a chunk, and where a slot stands among its 32:
  // in the order of lanes that have its key.
  BeatPlace ValueBeat(int64_t head, int64_t chunk, int64_t quad) const {
    const int64_t first = head * head_value_stripes();
    if (quads() > lanes) return {first + quad / lanes * n_chunks() + chunk, quad % lanes};
    const int64_t beat = chunk * quads() + quad;
    return {first + beat / lanes, beat % lanes};
  }
  int64_t ValuePosition(int64_t head, int64_t slot) const {
    const int64_t beat = TurnedBeat(head, KeyBeat(slot, 0)) % chunk_beats();
    if (padded_dim == 64) return 2 * beat + slot % 2;
    return beat / beats_of_slot();
  }
  // Parts of a head's dimensions that follow each other, and stripes of each.
  int64_t value_sets() const { return CeilDiv(quads(), lanes); }
  int64_t set_stripes() const {
    return quads() > lanes ? n_chunks() : CeilDiv(n_chunks() * quads(), lanes);
  }
  int64_t quads() const { return padded_dim / 4; }

 private:
  int64_t beats_of_slot() const { return CeilDiv(padded_dim, kBeatDims); }
  int64_t chunk_beats() const { return isa::kChunkSlots * padded_dim / kBeatDims; }
  int64_t KeyBeat(int64_t slot, int64_t dim) const {
    return padded_dim == 64 ? slot / 2 : slot * beats_of_slot() + dim / kBeatDims;
  }
  // Each head starts in another lane: else one channel would take all writes of a token.
  int64_t TurnedBeat(int64_t head, int64_t beat) const {
    const int64_t period = std::min(lanes, chunk_beats());
    return beat / period * period + (beat + head * beats_of_slot()) % period;
  }
  int64_t KeyLane(int64_t head, int64_t slot, int64_t dim) const {
    return TurnedBeat(head, KeyBeat(slot, dim)) % lanes;
  }
  int64_t HalfOf(int64_t slot) const { return padded_dim == 64 ? slot % 2 : 0; }
  BeatPlace Record(int64_t head, int64_t slot, int64_t dim, int64_t segment, int64_t byte) const {
    const int64_t row = KeyRow(slot, dim);
    return {RecordStripe(head, row), KeyLane(head, slot, dim),
            8 * segment + 2 * (row % kRecords) + byte};
  }
  int64_t head_key_stripes() const {
    const int64_t rows = CeilDiv(n_slots * padded_dim, kBeatDims * lanes);
    return CeilDiv(rows, kRecords) * (1 + kRecords);
  }
  int64_t head_value_stripes() const { return value_sets() * set_stripes(); }
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

// Stripes of a token's embedding, angles and logits.
inline int64_t InputStripes(const isa::Geometry& g) { return VectorStripes(g.hidden, g.lanes); }
inline int64_t RopeStripes(const isa::Geometry& g) { return NarrowStripes(RopeFloats(g)); }
inline int64_t OutputStripes(const isa::Geometry& g) { return VectorStripes(g.vocab, g.lanes); }

// The embedding.
inline MatrixLayout EmbeddingLayout(const isa::Geometry& g) {
  return {static_cast<isa::WeightFormat>(g.embedding_format), g.vocab,
          CeilDiv(g.hidden, format::kBlockWeights), g.lanes};
}

}  // namespace accllm::accel
