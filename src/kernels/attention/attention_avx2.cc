#include <immintrin.h>

#include <cstring>

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
  static uint64_t SumOf64(Integers x) {
    const __m128i s = _mm_add_epi64(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
    return static_cast<uint64_t>(_mm_cvtsi128_si64(_mm_add_epi64(s, _mm_unpackhi_epi64(s, s))));
  }
};

inline __m256i LowNibbles(__m256i bytes) { return _mm256_and_si256(bytes, _mm256_set1_epi8(0xF)); }
inline __m256i HighNibbles(__m256i bytes) { return LowNibbles(_mm256_srli_epi16(bytes, 4)); }

struct Params {
  __m256 scale;
  __m256i zero;  // [8] int32
};

inline Params LoadParams(const KvParam* params, __m256i mask) {
  static_assert(sizeof(KvParam) == 4, "scale in the low half of a dword, zero in the high");
  const __m256i both = _mm256_maskload_epi32(reinterpret_cast<const int*>(params), mask);
  const __m256i scale = _mm256_and_si256(both, _mm256_set1_epi32(0xFFFF));
  const __m128i halves =
      _mm_packus_epi32(_mm256_castsi256_si128(scale), _mm256_extracti128_si256(scale, 1));
  return {_mm256_cvtph_ps(halves), _mm256_srli_epi32(both, 16)};
}

constexpr int kKeys = 8;  // one slot a lane of the scores

// One piece of 8 keys.
struct KeyPiece {
  __m256i low[kKeys];
  __m256i high[kKeys];
};

void UnpackKeys(const uint8_t* const* rows, int64_t offset, KeyPiece* piece) {
  for (int i = 0; i < kKeys; ++i) {
    const __m256i bytes = Load32(rows[i] + offset);
    piece->low[i] = LowNibbles(bytes);
    piece->high[i] = HighNibbles(bytes);
  }
}

constexpr int64_t kPairs = kAttentionChunk / 2;

// One piece of up to 32 values, interleaved: word w of low[g][i] holds the codes that slots 2 g and
// 2 g + 1 have for dimension 8 i + w of the piece (w < 8) or 8 i + w + 8 (w >= 8).
struct ValuePiece {
  __m256i low[kPairs][2];
  __m256i high[kPairs][2];
};

void UnpackValues(const uint8_t* const* rows, int64_t offset, int64_t n_pairs, ValuePiece* piece) {
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

  using HeadGroup::HeadGroup;

  // Scores of slots [slot, slot + count), count <= 8; they go to scores[n].
  void ScoreKeys(const SlotRange& range, int64_t slot, int64_t count, int64_t n) {
    const uint8_t* rows[kKeys];
    FindRows<kKeys>(cache_.keys, slot, count, rows);
    __m256i dots[kHeadsAtOnce][kKeys];
    for (int64_t i = 0; i < n_heads_; ++i) {
      for (__m256i& dot : dots[i]) dot = _mm256_setzero_si256();
    }
    for (int64_t offset = 0; offset < row_bytes_; offset += kPieceBytes) {
      KeyPiece piece;
      UnpackKeys(rows, offset, &piece);
      for (int64_t i = 0; i < n_heads_; ++i) {
        AddDots(piece, heads_[i].QueryFor(range).q + offset, dots[i]);
      }
    }
    const __m256i mask = FirstOf8(count);
    const Params params = LoadParams(cache_.key_params + slot, mask);
    for (int64_t i = 0; i < n_heads_; ++i) {
      const RotatedQuery& query = heads_[i].QueryFor(range);
      const __m256i offset = _mm256_mullo_epi32(params.zero, _mm256_set1_epi32(query.sum));
      const __m256 dot = _mm256_cvtepi32_ps(_mm256_sub_epi32(SumLanesOf8(dots[i]), offset));
      const __m256 score =
          _mm256_mul_ps(dot, _mm256_mul_ps(_mm256_set1_ps(query.scale), params.scale));
      // Lanes beyond the range are overwritten by the next one or lie in the scratch's margin.
      _mm256_storeu_ps(heads_[i].scores + n, score);
      // The maximum returns its second operand when the first is NaN.
      heads_[i].largest = _mm256_blendv_ps(
          heads_[i].largest, _mm256_max_ps(score, heads_[i].largest), _mm256_castsi256_ps(mask));
    }
  }

  // Adds p.V of slots [begin, begin + count), count <= 32, whose scores start at scores[n].
  void AddChunk(int64_t begin, int64_t count, int64_t n) {
    Params params[kVectors];
    __m256i masks[kVectors];
    for (int64_t v = 0; v < kVectors; ++v) {
      masks[v] = FirstOf8(count - 8 * v);
      params[v] = LoadParams(cache_.value_params + begin + 8 * v, masks[v]);
    }
    ChunkWeights weights[kHeadsAtOnce];
    bool any = false;
    for (int64_t i = 0; i < n_heads_; ++i) {
      weights[i] = WeighChunk(heads_[i], params, masks, n);
      any = any || weights[i].any;
    }
    if (!any) return;
    const uint8_t* rows[kAttentionChunk];
    FindRows<kAttentionChunk>(cache_.values, begin, count, rows);
    const int64_t n_pairs = (count + 1) / 2;
    for (int64_t offset = 0; offset < row_bytes_; offset += kPieceBytes) {
      ValuePiece piece;
      UnpackValues(rows, offset, n_pairs, &piece);
      for (int64_t i = 0; i < n_heads_; ++i) {
        if (weights[i].any) AddValues(piece, n_pairs, weights[i], offset, heads_[i].out);
      }
    }
  }

 private:
  static constexpr int64_t kVectors = kAttentionChunk / 8;

  // Adds q.K of one piece to the lanes of 8 slots. A word takes four products, at most
  // 4 * 15 * 128.
  void AddDots(const KeyPiece& piece, const int8_t* q, __m256i* dots /*[8]*/) const {
    const __m256i low = Load32(q);
    const __m256i high = Load32(q + row_bytes_);
    for (int i = 0; i < kKeys; ++i) {
      const __m256i words = _mm256_add_epi16(_mm256_maddubs_epi16(piece.low[i], low),
                                             _mm256_maddubs_epi16(piece.high[i], high));
      dots[i] = _mm256_add_epi32(dots[i], _mm256_madd_epi16(words, _mm256_set1_epi16(1)));
    }
  }

  static ChunkWeights WeighChunk(Head& head, const Params* params, const __m256i* masks,
                                 int64_t n) {
    __m256 w[kVectors];
    __m256i max_bits = _mm256_setzero_si256();
    for (int64_t v = 0; v < kVectors; ++v) {
      const __m256 score = _mm256_maskload_ps(head.scores + n + 8 * v, masks[v]);
      const __m256i p = _mm256_and_si256(
          masks[v], Exp2NegQ30(Exp2ArgumentQ16(_mm256_sub_ps(head.largest, score))));
      const __m256i even = _mm256_and_si256(p, _mm256_set1_epi64x(0xFFFFFFFF));
      head.total = _mm256_add_epi64(head.total, _mm256_add_epi64(even, _mm256_srli_epi64(p, 32)));
      w[v] = _mm256_mul_ps(_mm256_cvtepi32_ps(p), params[v].scale);
      max_bits = _mm256_max_epu32(max_bits, AbsBits(w[v]));
    }
    const uint32_t largest_bits = LargestLane(max_bits);
    ChunkWeights out;
    out.any = largest_bits != 0;
    float largest;
    std::memcpy(&largest, &largest_bits, sizeof(largest));
    out.factor = largest / 127.0F;
    const __m256 inverse = _mm256_set1_ps(127.0F / largest);
    __m256i levels[kVectors];
    __m256i zero_sums = _mm256_setzero_si256();
    for (int64_t v = 0; v < kVectors; ++v) {
      const __m256 level = _mm256_mul_ps(w[v], inverse);
      const __m256 valid = _mm256_cmp_ps(level, _mm256_setzero_ps(), _CMP_GE_OQ);
      const __m256 bounded = _mm256_min_ps(level, _mm256_set1_ps(127.0F));
      levels[v] = _mm256_cvtps_epi32(_mm256_and_ps(valid, bounded));
      zero_sums = _mm256_add_epi32(zero_sums, _mm256_mullo_epi32(levels[v], params[v].zero));
    }
    StoreLevels(levels, out.levels);
    out.zero_sum = SumOfLanes(zero_sums);
    return out;
  }

  static void StoreLevels(const __m256i* levels, uint8_t* bytes) {
    const __m256i packed = _mm256_packs_epi16(_mm256_packs_epi32(levels[0], levels[1]),
                                              _mm256_packs_epi32(levels[2], levels[3]));
    // Packing works in each lane: dword i of the low one holds levels 8 i .. 8 i + 3.
    const __m256i in_order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    _mm256_store_si256(reinterpret_cast<__m256i*>(bytes),
                       _mm256_permutevar8x32_epi32(packed, in_order));
  }

  static int32_t SumOfLanes(__m256i x) {
    const __m256i rows[8] = {x};
    return _mm256_cvtsi256_si32(SumLanesOf8(rows));
  }

  // Sums are words without sign: at most 32 * 127 * 15 = 60960.
  void AddValues(const ValuePiece& piece, int64_t n_pairs, const ChunkWeights& weights,
                 int64_t offset, float* out) const {
    __m256i low[2] = {_mm256_setzero_si256(), _mm256_setzero_si256()};
    __m256i high[2] = {low[0], low[0]};
    for (int64_t g = 0; g < n_pairs; ++g) {
      int16_t pair;
      std::memcpy(&pair, weights.levels + 2 * g, sizeof(pair));
      const __m256i levels = _mm256_set1_epi16(pair);
      for (int i = 0; i < 2; ++i) {
        low[i] = _mm256_add_epi16(low[i], _mm256_maddubs_epi16(piece.low[g][i], levels));
        high[i] = _mm256_add_epi16(high[i], _mm256_maddubs_epi16(piece.high[g][i], levels));
      }
    }
    for (int i = 0; i < 2; ++i) {
      const int64_t dim = offset + 8 * i;
      AddTerms(low[i], weights, dim, out);
      AddTerms(high[i], weights, dim + row_bytes_, out);
    }
  }

  // sums: of dimensions dim .. dim + 7 and dim + 16 .. dim + 23.
  void AddTerms(__m256i sums, const ChunkWeights& weights, int64_t dim, float* out) const {
    const __m128i halves[2] = {_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1)};
    for (int64_t i = 0; i < 2; ++i) {
      const int64_t first = dim + 16 * i;
      const __m256i sum =
          _mm256_sub_epi32(_mm256_cvtepu16_epi32(halves[i]), _mm256_set1_epi32(weights.zero_sum));
      const __m256 term = _mm256_mul_ps(_mm256_set1_ps(weights.factor), _mm256_cvtepi32_ps(sum));
      const __m256 old = LoadFirst(out + first, head_dim_ - first);
      StoreFirst(out + first, head_dim_ - first, _mm256_add_ps(old, term));
    }
  }
};

}  // namespace

void AttentionAvx2(const KvHead& cache, const AttentionQuery& query,
                   std::span<const SlotRange> ranges, float* scratch, float* out) {
  AttendInGroups<Group>(cache, query, ranges, scratch, out);
}

}  // namespace accllm::kernels
