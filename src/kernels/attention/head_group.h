// What the vector attention kernels share: the query heads that are worked on together, and the
// walk over heads and slots. Only files for one ISA may include it.
#pragma once

#include <cstring>
#include <limits>

#include "kernels/attention/attention.h"
#include "kernels/simd/first_values.h"

namespace accllm::kernels {

// Heads that share one unpacking of the cache; more heads take several passes.
inline constexpr int64_t kHeadsAtOnce = 8;
// A cache row is worked on in pieces of 32 bytes: 32 dimensions in the low nibbles, 32 in the high.
inline constexpr int64_t kPieceBytes = 32;

// A query head rotated for one kind of slots.
struct RotatedQuery {
  const int8_t* q;      // [padded_dim]
  const int32_t* sums;  // [padded_dim / 32] of q
  float scale;          // q_scale * ScoreFactor
};

// The softmax weights of one chunk and head as integers, before the multipliers of the values.
struct ChunkWeights {
  alignas(64) int16_t n[kAttentionChunk];  // 0..2167, 0 beyond the chunk
  float factor;
  bool any;  // whether a weight is not zero
};

// The levels of one chunk, head and group.
struct GroupLevels {
  alignas(64) uint8_t levels[kAttentionChunk];  // 0..127, 0 beyond the chunk
  int32_t zero_sum;                             // sum of level * zero
};

// Simd names the vectors of an ISA, Floats and Integers, and has
//   Floats Broadcast(x)
//   float Largest(floats)          of the lanes, none of which is NaN
//   uint64_t SumOf64(integers)     the sum of the 64-bit lanes
template <class Simd>
class HeadGroup {
 public:
  // scratch: scratch_stride floats a head.
  HeadGroup(const KvHead& cache, const AttentionQuery& query, int64_t first_head, float* scratch,
            int64_t scratch_stride, float* out)
      : cache_(cache),
        head_dim_(query.head_dim),
        row_bytes_(KvPaddedDim(query.head_dim) / 2),
        n_heads_(Min(kHeadsAtOnce, query.n_heads - first_head)) {
    for (int64_t i = 0; i < n_heads_; ++i) {
      const int64_t head = first_head + i;
      heads_[i].window = Rotated(query.window, head);
      heads_[i].sink = Rotated(query.sink, head);
      heads_[i].scores = scratch + i * scratch_stride;
      heads_[i].largest = Simd::Broadcast(-std::numeric_limits<float>::infinity());
      heads_[i].total = typename Simd::Integers{};
      heads_[i].out = out + head * head_dim_;
      std::memset(heads_[i].out, 0, static_cast<size_t>(head_dim_) * sizeof(float));
    }
  }

  // Once all scores are there: every lane of `largest` is the largest of all.
  void FindLargest() {
    for (int64_t i = 0; i < n_heads_; ++i) {
      heads_[i].largest = Simd::Broadcast(Simd::Largest(heads_[i].largest));
    }
  }

  // Adds p.V of slots [begin, begin + count), count <= kAttentionChunk, whose scores start at
  // scores[n].
  template <class Group>
  void AddChunk(int64_t begin, int64_t count, int64_t n) {
    const auto& group = static_cast<const Group&>(*this);
    const FirstValues<uint16_t, kAttentionChunk> scales(cache_.values.scales + begin, count);
    ChunkWeights weights[kHeadsAtOnce];
    bool any = false;
    for (int64_t i = 0; i < n_heads_; ++i) {
      weights[i] = Group::WeighChunk(heads_[i], scales.data(), count, n);
      any = any || weights[i].any;
    }
    if (!any) return;
    const uint8_t* rows[kAttentionChunk];
    FindRows<kAttentionChunk>(cache_.values.codes, begin, count, rows);
    const int64_t n_vectors = (count + Group::kValueSlots - 1) / Group::kValueSlots;
    for (int64_t offset = 0; offset < row_bytes_; offset += kPieceBytes) {
      typename Group::Values piece;
      UnpackValues(rows, offset, n_vectors, &piece);
      const auto low =
          GroupBytes<kAttentionChunk>(cache_.values, GroupAt(offset, false), begin, count);
      const auto high =
          GroupBytes<kAttentionChunk>(cache_.values, GroupAt(offset, true), begin, count);
      for (int64_t i = 0; i < n_heads_; ++i) {
        if (!weights[i].any) continue;
        group.AddValues(piece.low, n_vectors, Group::LevelsOf(weights[i], low.data()),
                        weights[i].factor, offset, heads_[i].out);
        group.AddValues(piece.high, n_vectors, Group::LevelsOf(weights[i], high.data()),
                        weights[i].factor, offset + row_bytes_, heads_[i].out);
      }
    }
  }

  // Once all chunks are added: out[i] *= 1 / float(total).
  void Normalise() const {
    for (int64_t i = 0; i < n_heads_; ++i) {
      const float inverse = 1.0F / static_cast<float>(Simd::SumOf64(heads_[i].total));
      for (int64_t dim = 0; dim < head_dim_; ++dim) heads_[i].out[dim] *= inverse;
    }
  }

 protected:
  struct Head {
    RotatedQuery window;
    RotatedQuery sink;
    float* scores;                  // [slots of all ranges], then room for one vector
    typename Simd::Floats largest;  // score, by lane
    typename Simd::Integers total;  // of p, by 64-bit lane
    float* out;                     // [head_dim]

    const RotatedQuery& QueryFor(const SlotRange& range) const {
      return range.is_sink ? sink : window;
    }
  };

  static int64_t Min(int64_t a, int64_t b) { return a < b ? a : b; }

  // rows[i] points at slot first + i; past the last slot it repeats that slot, so that every load
  // is inside the cache.
  template <int64_t kCount>
  void FindRows(const uint8_t* rows_of_cache, int64_t first, int64_t count,
                const uint8_t** rows /*[kCount]*/) const {
    for (int64_t i = 0; i < kCount; ++i) {
      rows[i] = rows_of_cache + (first + Min(i, count - 1)) * row_bytes_;
    }
  }

  // The group of the low nibbles at byte `offset` of a row; high: of the high nibbles.
  int64_t GroupAt(int64_t offset, bool high) const {
    return (offset + (high ? row_bytes_ : 0)) / kKvGroup;
  }

  // Bytes of a group for the slots [first, first + count).
  template <int64_t kCount>
  FirstValues<uint8_t, kCount> GroupBytes(const KvRows& rows, int64_t group, int64_t first,
                                          int64_t count) const {
    return {rows.groups + group * rows.n_slots + first, count};
  }

  const KvHead& cache_;
  int64_t head_dim_;
  int64_t row_bytes_;
  int64_t n_heads_;
  Head heads_[kHeadsAtOnce];

 private:
  RotatedQuery Rotated(const RotatedQueries& queries, int64_t head) const {
    return {queries.q + head * 2 * row_bytes_, queries.sums + head * KvGroups(head_dim_),
            queries.scales[head] * ScoreFactor(head_dim_)};
  }
};

// Calls run(range, begin, count, n) for the slots [begin, begin + count) of every range, in order,
// cut at multiples of kStep; n slots came before.
template <int64_t kStep, class Run>
void ForEachRun(std::span<const SlotRange> ranges, const Run& run) {
  int64_t n = 0;
  for (const SlotRange& range : ranges) {
    for (int64_t begin = range.begin; begin < range.end;) {
      const int64_t step_end = (begin / kStep + 1) * kStep;
      const int64_t count = (range.end < step_end ? range.end : step_end) - begin;
      run(range, begin, count, n);
      n += count;
      begin += count;
    }
  }
}

// The whole operation. Group extends HeadGroup by
//   kKeySlots                             slots of one call of ScoreKeys, at most
//   ScoreKeys(range, begin, count, n)     scores[n ...] of the slots, and the largest by lane
//   Values                                value codes of a chunk: low and high nibbles of a piece
//   kValueSlots                           slots of one vector of them; UnpackValues makes these
//   WeighChunk(head, scales, count, n)    softmax weights of a chunk, whose scores start at n
//   LevelsOf(weights, groups)             the same times the multipliers of one group
//   AddValues(codes, n_vectors, levels, factor, dim, out)   their sum over a chunk's values, to out
template <class Group>
void AttendInGroups(const KvHead& cache, const AttentionQuery& query,
                    std::span<const SlotRange> ranges, float* scratch, float* out) {
  int64_t n_slots = 0;
  for (const SlotRange& range : ranges) {
    if (range.end > range.begin) n_slots += range.end - range.begin;
  }
  for (int64_t head = 0; head < query.n_heads; head += kHeadsAtOnce) {
    Group group(cache, query, head, scratch, n_slots + Group::kKeySlots, out);
    ForEachRun<Group::kKeySlots>(
        ranges, [&](const SlotRange& range, int64_t begin, int64_t count, int64_t n) {
          group.ScoreKeys(range, begin, count, n);
        });
    group.FindLargest();
    ForEachRun<kAttentionChunk>(ranges,
                                [&](const SlotRange&, int64_t begin, int64_t count, int64_t n) {
                                  group.template AddChunk<Group>(begin, count, n);
                                });
    group.Normalise();
  }
}

}  // namespace accllm::kernels
