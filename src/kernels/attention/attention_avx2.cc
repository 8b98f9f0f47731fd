#include <immintrin.h>

#include <cstring>
#include <limits>

#include "kernels/attention/attention.h"
#include "kernels/attention/head_group.h"
#include "kernels/exp2/exp2_avx2.h"
#include "kernels/simd/lanes_avx2.h"

namespace accllm::kernels {
namespace {

struct Simd {
  using Floats = __m256;
  using Integers = __m256i;
  static Floats Broadcast(float x) { return _mm256_set1_ps(x); }
  static float Largest(Floats x) {
    __m128 m = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    m = _mm_max_ps(m, _mm_movehl_ps(m, m));
    return _mm_cvtss_f32(_mm_max_ss(m, _mm_movehdup_ps(m)));
  }
  static uint32_t LargestOf32(Integers x) { return LargestLane(x); }
  static uint64_t SumOf64(Integers x) {
    const __m128i s = _mm_add_epi64(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
    return static_cast<uint64_t>(_mm_cvtsi128_si64(_mm_add_epi64(s, _mm_unpackhi_epi64(s, s))));
  }
};

inline __m256i LowNibbles(__m256i bytes) { return _mm256_and_si256(bytes, _mm256_set1_epi8(0xF)); }
inline __m256i HighNibbles(__m256i bytes) { return LowNibbles(_mm256_srli_epi16(bytes, 4)); }

// binary16 of 8 slots.
inline __m256 LoadScales(const uint16_t* scales) {
  return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(scales)));
}

// Bytes of a group as words of 16 slots.
inline __m256i WordsOf(const uint8_t* bytes) {
  return _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes)));
}

constexpr int kKeys = 8;  // one slot a lane of the scores

// One piece of 8 keys: 32 dimensions of a group in the low nibbles, 32 in the high.
struct KeyPiece {
  __m256i low[kKeys];
  __m256i high[kKeys];
  __m256i low_multiplier[kKeys];  // [16] words, all the same
  __m256i high_multiplier[kKeys];
  __m256i low_offset;  // [8] multiplier * zero, by slot
  __m256i high_offset;
};

void UnpackKeys(const uint8_t* const* rows, int64_t offset, KeyPiece* piece) {
  for (int i = 0; i < kKeys; ++i) {
    const __m256i bytes = Load32(rows[i] + offset);
    piece->low[i] = LowNibbles(bytes);
    piece->high[i] = HighNibbles(bytes);
  }
}

// groups: the byte of each slot. multipliers: [8].
__m256i UnpackGroups(const uint8_t* groups, __m256i* multipliers) {
  const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(groups));
  const __m256i both = _mm256_cvtepu8_epi32(bytes);
  for (int i = 0; i < kKeys; ++i) {
    multipliers[i] = _mm256_set1_epi16(static_cast<int16_t>(KvMultiplier(groups[i])));
  }
  return _mm256_mullo_epi16(LowNibbles(both), _mm256_srli_epi32(both, 4));
}

constexpr int64_t kPairs = kAttentionChunk / 2;

// One piece of up to 32 values, interleaved: word w of low[g][i] holds the codes that slots 2 g and
// 2 g + 1 have for dimension 8 i + w of the piece (w < 8) or 8 i + w + 8 (w >= 8).
struct ValuePiece {
  __m256i low[kPairs][2];
  __m256i high[kPairs][2];
};

void UnpackValues(const uint8_t* const* rows, int64_t offset, int64_t n_pairs,
                  const uint8_t* /*low_groups*/, const uint8_t* /*high_groups*/,
                  ValuePiece* piece) {
  for (int64_t g = 0; g < n_pairs; ++g) {
    const __m256i a = Load32(rows[2 * g] + offset);
    const __m256i b = Load32(rows[2 * g + 1] + offset);
    const __m256i pairs[2] = {_mm256_unpacklo_epi8(a, b), _mm256_unpackhi_epi8(a, b)};
    for (int i = 0; i < 2; ++i) {
      piece->low[g][i] = LowNibbles(pairs[i]);
      piece->high[g][i] = HighNibbles(pairs[i]);
    }
  }
}

class Group : public HeadGroup<Simd> {
 public:
  static constexpr int64_t kKeySlots = kKeys;

  static constexpr int64_t kValueSlots = 2;
  using Values = ValuePiece;

  using HeadGroup::HeadGroup;

  // Of 8 sums those of even dimensions come first: the product of 32-bit lanes takes every other
  // one.
  static int64_t SumAt(int64_t k) { return k / 8 * 8 + k % 2 * 4 + k % 8 / 2; }

  // Scores of slots [slot, slot + count), count <= 8; they go to weights[n].
  void ScoreKeys(const SlotRange& range, int64_t slot, int64_t count, int64_t n) {
    const uint8_t* rows[kKeys];
    FindRows<kKeys>(cache_.keys.codes, slot, count, rows);
    __m256i dots[kHeadsAtOnce][kKeys];
    for (int64_t i = 0; i < n_heads_; ++i) {
      for (__m256i& dot : dots[i]) dot = _mm256_setzero_si256();
    }
    __m256i offsets[kHeadsAtOnce] = {};
    for (int64_t offset = 0; offset < row_bytes_; offset += kPieceBytes) {
      KeyPiece piece;
      UnpackKeys(rows, offset, &piece);
      const int64_t low = GroupAt(offset, false);
      const int64_t high = GroupAt(offset, true);
      piece.low_offset = UnpackGroups(GroupBytes<kKeys>(cache_.keys, low, slot, count).data(),
                                      piece.low_multiplier);
      piece.high_offset = UnpackGroups(GroupBytes<kKeys>(cache_.keys, high, slot, count).data(),
                                       piece.high_multiplier);
      for (int64_t i = 0; i < n_heads_; ++i) {
        const RotatedQuery& query = heads_[i].QueryFor(range);
        AddDots(piece, query.q + offset, dots[i]);
        offsets[i] = _mm256_add_epi32(
            offsets[i],
            _mm256_add_epi32(
                _mm256_mullo_epi32(piece.low_offset, _mm256_set1_epi32(query.sums[low])),
                _mm256_mullo_epi32(piece.high_offset, _mm256_set1_epi32(query.sums[high]))));
      }
    }
    const __m256 unseen = _mm256_set1_ps(-std::numeric_limits<float>::infinity());
    const __m256 scales =
        LoadScales(FirstValues<uint16_t, kKeys>(cache_.keys.scales + slot, count).data());
    for (int64_t i = 0; i < n_heads_; ++i) {
      const VisibleSlots seen = heads_[i].SeenOf(range, n, count);
      const __m256 mask =
          _mm256_castsi256_ps(_mm256_andnot_si256(FirstOf8(seen.begin), FirstOf8(seen.end)));
      const __m256i dot = _mm256_sub_epi32(SumLanesOf8(dots[i]), offsets[i]);
      const __m256 score =
          _mm256_mul_ps(_mm256_cvtepi32_ps(dot),
                        _mm256_mul_ps(_mm256_set1_ps(heads_[i].QueryFor(range).scale), scales));
      // Lanes beyond the range are overwritten by the next one or lie in the scratch's margin.
      _mm256_storeu_ps(heads_[i].weights + n, _mm256_blendv_ps(unseen, score, mask));
      // The maximum returns its second operand when the first is NaN.
      __m256& largest = heads_[i].largest_score;
      largest = _mm256_blendv_ps(largest, _mm256_max_ps(score, largest), mask);
    }
  }

 private:
  friend HeadGroup;

  static constexpr int64_t kVectors = kAttentionChunk / 8;

  // Adds q.K of one piece to the lanes of 8 slots. A word takes two products, at most
  // 2 * 15 * 127, before its multiplier.
  void AddDots(const KeyPiece& piece, const int8_t* q, __m256i* dots /*[8]*/) const {
    const __m256i low = Load32(q);
    const __m256i high = Load32(q + row_bytes_);
    for (int i = 0; i < kKeys; ++i) {
      const __m256i products = _mm256_add_epi32(
          _mm256_madd_epi16(_mm256_maddubs_epi16(piece.low[i], low), piece.low_multiplier[i]),
          _mm256_madd_epi16(_mm256_maddubs_epi16(piece.high[i], high), piece.high_multiplier[i]));
      dots[i] = _mm256_add_epi32(dots[i], products);
    }
  }

  // scales: [32], zeros beyond the chunk.
  static void Weigh(Head& head, const uint16_t* scales, int64_t count, int64_t n) {
    for (int64_t i = 0; i < count; i += 8) {
      const __m256i mask = FirstOf8(count - i);
      float* at = head.weights + n + i;
      const __m256 difference = _mm256_sub_ps(head.largest_score, LoadFirst(at, count - i));
      const __m256i p = _mm256_and_si256(mask, Exp2NegQ30(Exp2ArgumentQ16(difference)));
      const __m256i even = _mm256_and_si256(p, _mm256_set1_epi64x(0xFFFFFFFF));
      head.total = _mm256_add_epi64(head.total, _mm256_add_epi64(even, _mm256_srli_epi64(p, 32)));
      const __m256 w = _mm256_mul_ps(_mm256_cvtepi32_ps(p), LoadScales(scales + i));
      head.max_bits = _mm256_max_epu32(head.max_bits, AbsBits(w));
      StoreFirst(at, count - i, w);
    }
  }

  static void RoundWeights(const Head* heads, int64_t n_heads, int64_t count, int64_t n,
                           ChunkWeights* out) {
    for (int64_t i = 0; i < n_heads; ++i) RoundHead(heads[i], count, n, &out[i]);
  }

  static void RoundHead(const Head& head, int64_t count, int64_t n, ChunkWeights* out) {
    __m256 w[kVectors];
    __m256i max_bits = _mm256_setzero_si256();
    for (int64_t v = 0; v < kVectors; ++v) {
      w[v] = LoadFirst(head.weights + n + 8 * v, count - 8 * v);
      max_bits = _mm256_max_epu32(max_bits, AbsBits(w[v]));
    }
    const uint32_t largest_bits = LargestLane(max_bits);
    float largest;
    std::memcpy(&largest, &largest_bits, sizeof(largest));
    out->factor = ChunkFactor(largest, head.inverse);
    if (out->factor == 0) return;
    const __m256 inverse = _mm256_set1_ps(kMaxSlotWeight / largest);
    __m256i rounded[kVectors];
    for (int64_t v = 0; v < kVectors; ++v) {
      const __m256 weight = _mm256_mul_ps(w[v], inverse);
      rounded[v] = _mm256_cvtps_epi32(_mm256_max_ps(weight, _mm256_setzero_ps()));
    }
    for (int64_t v = 0; v < kVectors; v += 2) {
      // Packing works in each 128-bit lane.
      const __m256i words =
          _mm256_permute4x64_epi64(_mm256_packs_epi32(rounded[v], rounded[v + 1]), 0xD8);
      _mm256_store_si256(reinterpret_cast<__m256i*>(out->n + 8 * v), words);
    }
  }

  // groups: the byte of each slot, [32].
  static GroupLevels LevelsOf(const ChunkWeights& weights, const uint8_t* groups) {
    const __m256i half = _mm256_set1_epi16(1 << (kLevelShift - 1));
    __m256i words[2];
    for (int i = 0; i < 2; ++i) {
      const __m256i n = _mm256_load_si256(reinterpret_cast<const __m256i*>(weights.n) + i);
      const __m256i multiplier = LowNibbles(WordsOf(groups + 16 * i));
      words[i] =
          _mm256_srli_epi16(_mm256_add_epi16(_mm256_mullo_epi16(n, multiplier), half), kLevelShift);
    }
    const __m256i levels = _mm256_permute4x64_epi64(_mm256_packus_epi16(words[0], words[1]), 0xD8);
    GroupLevels out;
    _mm256_store_si256(reinterpret_cast<__m256i*>(out.levels), levels);
    const __m256i zeros = _mm256_maddubs_epi16(HighNibbles(Load32(groups)), levels);
    out.zero_sum = SumOfLanes(_mm256_madd_epi16(zeros, _mm256_set1_epi16(1)));
    return out;
  }

  static int32_t SumOfLanes(__m256i x) {
    const __m256i rows[8] = {x};
    return _mm256_cvtsi256_si32(SumLanesOf8(rows));
  }

  // Adds the values of one group to sums [32]. In a chunk they are words without sign: at most
  // 32 * 127 * 15 = 60960.
  static void AddValues(const __m256i (*codes)[2] /*[n_pairs]*/, int64_t n_pairs,
                        const GroupLevels& group, int32_t factor, int64_t* sums) {
    __m256i words[2] = {_mm256_setzero_si256(), _mm256_setzero_si256()};
    for (int64_t g = 0; g < n_pairs; ++g) {
      int16_t pair;
      std::memcpy(&pair, group.levels + 2 * g, sizeof(pair));
      const __m256i levels = _mm256_set1_epi16(pair);
      for (int i = 0; i < 2; ++i) {
        words[i] = _mm256_add_epi16(words[i], _mm256_maddubs_epi16(codes[g][i], levels));
      }
    }
    for (int i = 0; i < 2; ++i) {
      AddTerms(_mm256_castsi256_si128(words[i]), group.zero_sum, factor, sums + 8 * i);
      AddTerms(_mm256_extracti128_si256(words[i], 1), group.zero_sum, factor, sums + 8 * i + 16);
    }
  }

  // Adds factor * (words - zero_sum).
  static void AddTerms(__m128i words, int32_t zero_sum, int32_t factor, int64_t* sums /*[8]*/) {
    const __m256i sum = _mm256_sub_epi32(_mm256_cvtepu16_epi32(words), _mm256_set1_epi32(zero_sum));
    const __m256i factors = _mm256_set1_epi32(factor);
    auto* at = reinterpret_cast<__m256i*>(sums);
    at[0] = _mm256_add_epi64(at[0], _mm256_mul_epi32(sum, factors));
    at[1] = _mm256_add_epi64(at[1], _mm256_mul_epi32(_mm256_srli_epi64(sum, 32), factors));
  }
};

}  // namespace

void AttentionAvx2(const KvHead& cache, const AttentionQuery& query,
                   std::span<const SlotRange> ranges, float* scratch, float* out) {
  AttendInGroups<Group>(cache, query, ranges, scratch, out);
}

}  // namespace accllm::kernels
