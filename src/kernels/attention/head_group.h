// What the vector attention kernels share: the query heads that are worked on together, and the
// walk over heads and slots. Only files for one ISA may include it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>

#include "kernels/attention/attention.h"
#include "kernels/simd/first_values.h"

namespace accllm::kernels {

// A cache row is worked on in pieces of 32 bytes: 32 dimensions in the low nibbles, 32 in the high.
inline constexpr int64_t kPieceBytes = 32;

// How far ahead of the slots that are worked on codes are asked for, in bytes.
inline constexpr int64_t kCodesAhead = 4096;

// Sums of so many dimensions in a row lie in an order that suits the ISA.
inline constexpr int64_t kSumRow = 16;

// A query head rotated for one kind of slots.
struct RotatedQuery {
  const int8_t* q;      // [padded_dim]
  const int32_t* sums;  // [padded_dim / 32] of q
  float scale;          // q_scale * ScoreFactor
};

// The softmax weights of one chunk and head as integers, before the multipliers of the values.
struct ChunkWeights {
  alignas(64) int16_t n[kAttentionChunk];  // 0..2167, 0 beyond the chunk
  int32_t factor;                          // if it is 0, n is not set
};

// The levels of one chunk, head and group.
struct GroupLevels {
  alignas(64) uint8_t levels[kAttentionChunk];  // 0..127, 0 beyond the chunk
  int32_t zero_sum;                             // sum of level * zero
};

// Simd names the vectors of an ISA, Floats and Integers, and has
//   Floats Broadcast(x)
//   float Largest(floats)          of the lanes, none of which is NaN
//   uint32_t LargestOf32(integers) of the 32-bit lanes, without sign
//   uint64_t SumOf64(integers)     the sum of the 64-bit lanes
template <class Simd>
class HeadGroup {
 public:
  // n_sinks: slots of sink ranges. sums: [heads at once, padded_dim]. weights: weights_stride
  // floats a head.
  HeadGroup(const KvHead& cache, const AttentionQuery& query, int64_t n_sinks, int64_t first_head,
            int64_t* sums, float* weights, int64_t weights_stride)
      : cache_(cache),
        row_bytes_(KvPaddedDim(query.head_dim) / 2),
        n_heads_(HeadsFrom(first_head, query)) {
    const float score_factor = ScoreFactor(query.head_dim);
    std::memset(sums, 0, static_cast<size_t>(n_heads_ * 2 * row_bytes_) * sizeof(int64_t));
    for (int64_t i = 0; i < n_heads_; ++i) {
      const int64_t head = first_head + i;
      heads_[i].window = Rotated(query.window, head, score_factor);
      heads_[i].sink = Rotated(query.sink, head, score_factor);
      heads_[i].weights = weights + i * weights_stride;
      heads_[i].largest_score = Simd::Broadcast(-std::numeric_limits<float>::infinity());
      heads_[i].total = typename Simd::Integers{};
      heads_[i].max_bits = typename Simd::Integers{};
      heads_[i].sums = sums + i * 2 * row_bytes_;
      heads_[i].seen = {0, std::numeric_limits<int64_t>::max()};
      if (query.visible == nullptr) continue;
      heads_[i].seen = {n_sinks + query.visible[head].begin, n_sinks + query.visible[head].end};
    }
  }

  // Heads of the group that starts with `first_head`.
  static int64_t HeadsFrom(int64_t first_head, const AttentionQuery& query) {
    return Min(kHeadsAtOnce, query.n_heads - first_head);
  }

  // Once all scores are there: every lane of `largest_score` is the largest of all.
  void FindLargestScore() {
    for (int64_t i = 0; i < n_heads_; ++i) {
      heads_[i].largest_score = Simd::Broadcast(Simd::Largest(heads_[i].largest_score));
    }
  }

  // Asks for codes behind those of slots [begin, begin + count); they may lie beyond the cache.
  void Prefetch(const uint8_t* codes, int64_t begin, int64_t count) const {
    const uint8_t* ahead = codes + begin * row_bytes_ + kCodesAhead;
    for (int64_t at = 0; at < count * row_bytes_; at += 64) __builtin_prefetch(ahead + at);
  }

  // Turns the scores [n, n + count) of slots [begin, begin + count), count <= kAttentionChunk, into
  // weights.
  template <class Group>
  void WeighSlots(int64_t begin, int64_t count, int64_t n) {
    const FirstValues<uint16_t, kAttentionChunk> scales(cache_.values.scales + begin, count);
    for (int64_t i = 0; i < n_heads_; ++i) Group::Weigh(heads_[i], scales.data(), count, n);
  }

  // Once all weights are there: the largest, and what chunks need of it.
  void FindLargestWeight() {
    for (int64_t i = 0; i < n_heads_; ++i) {
      const uint32_t bits = Simd::LargestOf32(heads_[i].max_bits);
      std::memcpy(&heads_[i].largest_weight, &bits, sizeof(bits));
      heads_[i].inverse = kMaxChunkFactor / heads_[i].largest_weight;
    }
  }

  // Adds p.V of slots [begin, begin + count), count <= kAttentionChunk, whose weights start at
  // weights[n].
  template <class Group>
  void AddChunk(int64_t begin, int64_t count, int64_t n) {
    ChunkWeights weights[kHeadsAtOnce];
    Group::RoundWeights(heads_, n_heads_, count, n, weights);
    const auto adds = [](const ChunkWeights& of_head) { return of_head.factor != 0; };
    if (std::none_of(weights, weights + n_heads_, adds)) return;
    const uint8_t* rows[kAttentionChunk];
    FindRows<kAttentionChunk>(cache_.values.codes, begin, count, rows);
    const int64_t n_vectors = (count + Group::kValueSlots - 1) / Group::kValueSlots;
    for (int64_t offset = 0; offset < row_bytes_; offset += kPieceBytes) {
      const auto low =
          GroupBytes<kAttentionChunk>(cache_.values, GroupAt(offset, false), begin, count);
      const auto high =
          GroupBytes<kAttentionChunk>(cache_.values, GroupAt(offset, true), begin, count);
      typename Group::Values piece;
      UnpackValues(rows, offset, n_vectors, low.data(), high.data(), &piece);
      AddGroup<Group>(piece.low, n_vectors, weights, low.data(), offset);
      AddGroup<Group>(piece.high, n_vectors, weights, high.data(), offset + row_bytes_);
    }
  }

  // Once all chunks are added. out: [n_heads, head_dim].
  template <class Group>
  void Finish(int64_t head_dim, float* out) const {
    for (int64_t i = 0; i < n_heads_; ++i) {
      const float scale =
          OutputScale(heads_[i].largest_weight, static_cast<float>(Simd::SumOf64(heads_[i].total)));
      for (int64_t dim = 0; dim < head_dim; dim += kSumRow) {
        float row[kSumRow];
        for (int64_t k = 0; k < kSumRow; ++k) {
          row[k] = static_cast<float>(heads_[i].sums[dim + Group::SumAt(k)]) * scale;
        }
        std::copy_n(row, Min(kSumRow, head_dim - dim), out + i * head_dim + dim);
      }
    }
  }

 protected:
  struct Head {
    RotatedQuery window;
    RotatedQuery sink;
    float* weights;  // [slots of all ranges], then room for one vector; scores at first
    typename Simd::Floats largest_score;  // by lane
    typename Simd::Integers total;        // of p, by 64-bit lane
    typename Simd::Integers max_bits;     // of the weights without sign, by 32-bit lane
    float largest_weight;
    float inverse;      // kMaxChunkFactor / largest_weight
    int64_t* sums;      // [padded_dim]
    VisibleSlots seen;  // counted over all ranges, of those that are not sinks

    const RotatedQuery& QueryFor(const SlotRange& range) const {
      return range.is_sink ? sink : window;
    }

    // Of `count` slots of a range from the nth of all on: those that the head sees.
    VisibleSlots SeenOf(const SlotRange& range, int64_t n, int64_t count) const {
      if (range.is_sink) return {0, count};
      const int64_t begin = seen.begin < n ? 0 : seen.begin - n;
      return {Min(count, begin), seen.end < n ? 0 : Min(count, seen.end - n)};
    }
  };

  static int64_t Min(int64_t a, int64_t b) { return a < b ? a : b; }

  // rows[i] points at slot first + i; past the last slot it repeats that slot, so that every load
  // is inside the cache.
  template <int64_t kCount>
  void FindRows(const uint8_t* rows_of_cache, int64_t first, int64_t count,
                const uint8_t** rows /*[kCount]*/) const {
    const uint8_t* row = rows_of_cache + first * row_bytes_;
    for (int64_t i = 0; i < kCount; ++i) {
      rows[i] = row;
      if (i + 1 < count) row += row_bytes_;
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
  int64_t row_bytes_;
  int64_t n_heads_;
  Head heads_[kHeadsAtOnce];

 private:
  // Adds the values of one group, whose dimensions start at `dim`, for all heads.
  template <class Group, class Codes>
  void AddGroup(const Codes* codes, int64_t n_vectors, const ChunkWeights* weights,
                const uint8_t* groups, int64_t dim) {
    // Levels are all there before the first are used, so that none is waited for.
    decltype(Group::LevelsOf(weights[0], groups)) levels[kHeadsAtOnce];
    for (int64_t i = 0; i < n_heads_; ++i) {
      if (weights[i].factor != 0) levels[i] = Group::LevelsOf(weights[i], groups);
    }
    for (int64_t i = 0; i < n_heads_; ++i) {
      if (weights[i].factor == 0) continue;
      Group::AddValues(codes, n_vectors, levels[i], weights[i].factor, heads_[i].sums + dim);
    }
  }

  RotatedQuery Rotated(const RotatedQueries& queries, int64_t head, float score_factor) const {
    return {queries.q + head * 2 * row_bytes_, queries.sums + head * 2 * row_bytes_ / kKvGroup,
            queries.scales[head] * score_factor};
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

// The first address of the scratch where a cache line starts.
inline int64_t* FirstCacheLine(float* scratch) {
  constexpr uintptr_t kLine = 64;
  return reinterpret_cast<int64_t*>((reinterpret_cast<uintptr_t>(scratch) + kLine - 1) / kLine *
                                    kLine);
}

// The whole operation. Group extends HeadGroup by
//   kKeySlots                             slots of one call of ScoreKeys, at most
//   ScoreKeys(range, begin, count, n)     scores of the slots to weights[n ...], the largest by
//                                         lane
//   Weigh(head, scales, count, n)         these scores to weights, total and largest by lane
//   Values                                value codes of a chunk: low and high nibbles of a piece
//   kValueSlots                           slots of one vector of them; UnpackValues makes these and
//                                         may subtract zeros
//   RoundWeights(heads, n_heads, count, n, out)   weights[n ...] of a chunk to integers
//   LevelsOf(weights, groups)             the same times the multipliers of one group
//   AddValues(codes, n_vectors, levels, factor, sums)   their sum over a chunk's values, times
//                                         factor, to the sums of 32 dimensions
//   SumAt(k)                              where the sum of dimension k of kSumRow lies among theirs
template <class Group>
void AttendInGroups(const KvHead& cache, const AttentionQuery& query,
                    std::span<const SlotRange> ranges, float* scratch, float* out) {
  int64_t n_slots = 0;
  int64_t n_sinks = 0;
  for (const SlotRange& range : ranges) {
    if (range.end > range.begin) n_slots += range.end - range.begin;
    if (range.is_sink) n_sinks = n_slots;  // these come first
  }
  // Sums come first: their place does not depend on the slots, so that no float ever lies there.
  int64_t* sums = FirstCacheLine(scratch);
  auto* weights =
      reinterpret_cast<float*>(sums + Group::HeadsFrom(0, query) * KvPaddedDim(query.head_dim));
  for (int64_t head = 0; head < query.n_heads; head += kHeadsAtOnce) {
    Group group(cache, query, n_sinks, head, sums, weights, n_slots + Group::kKeySlots);
    ForEachRun<Group::kKeySlots>(
        ranges, [&](const SlotRange& range, int64_t begin, int64_t count, int64_t n) {
          group.Prefetch(cache.keys.codes, begin, count);
          group.ScoreKeys(range, begin, count, n);
        });
    group.FindLargestScore();
    ForEachRun<kAttentionChunk>(ranges,
                                [&](const SlotRange&, int64_t begin, int64_t count, int64_t n) {
                                  group.template WeighSlots<Group>(begin, count, n);
                                });
    group.FindLargestWeight();
    ForEachRun<kAttentionChunk>(ranges,
                                [&](const SlotRange&, int64_t begin, int64_t count, int64_t n) {
                                  group.Prefetch(cache.values.codes, begin, count);
                                  group.template AddChunk<Group>(begin, count, n);
                                });
    group.template Finish<Group>(query.head_dim, out + head * query.head_dim);
  }
}

}  // namespace accllm::kernels
