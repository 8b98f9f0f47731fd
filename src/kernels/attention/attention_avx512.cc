#include <immintrin.h>

#include <cstring>
#include <limits>

#include "kernels/attention/attention.h"
#include "kernels/attention/head_group.h"
#include "kernels/exp2/exp2_avx512.h"
#include "kernels/simd/lanes_avx512.h"

namespace accllm::kernels {
namespace {

struct Simd {
  using Floats = __m512;
  using Integers = __m512i;
  static Floats Broadcast(float x) { return _mm512_set1_ps(x); }
  static float Largest(Floats x) { return _mm512_reduce_max_ps(x); }
  static uint32_t LargestOf32(Integers x) { return _mm512_reduce_max_epu32(x); }
  static uint64_t SumOf64(Integers x) { return static_cast<uint64_t>(_mm512_reduce_add_epi64(x)); }
};

inline __m512i LoadPair(const uint8_t* low, const uint8_t* high) {
  const auto load = [](const uint8_t* p) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  };
  return _mm512_inserti64x4(_mm512_castsi256_si512(load(low)), load(high), 1);
}

inline __m512i LowNibbles(__m512i bytes) { return _mm512_and_si512(bytes, _mm512_set1_epi8(0xF)); }
inline __m512i HighNibbles(__m512i bytes) { return LowNibbles(_mm512_srli_epi16(bytes, 4)); }

inline __m512i BroadcastDword(const void* bytes) {
  int32_t dword;
  std::memcpy(&dword, bytes, sizeof(dword));
  return _mm512_set1_epi32(dword);
}

inline __m128i Load16(const void* bytes) {
  return _mm_loadu_si128(static_cast<const __m128i*>(bytes));
}

// binary16 of 16 slots.
inline __m512 LoadScales(const uint16_t* scales) {
  return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(scales)));
}

// A group of 16 slots, one slot a lane.
struct GroupLanes {
  __m512i multiplier;
  __m512i offset;  // multiplier * zero
};

inline GroupLanes UnpackGroup(const uint8_t* bytes) {
  const __m512i both = _mm512_cvtepu8_epi32(Load16(bytes));
  const __m512i multiplier = LowNibbles(both);
  return {multiplier, _mm512_mullo_epi16(multiplier, _mm512_srli_epi32(both, 4))};
}

// One piece of 16 keys, transposed: lane t of column c holds the codes of slot t in bytes
// 4 c .. 4 c + 3 of the piece.
struct KeyPiece {
  __m512i low[8];
  __m512i high[8];
  GroupLanes low_group;
  GroupLanes high_group;
};

// Transposes the 4x4 dwords of each 128-bit lane of v[0..3].
inline void TransposeDwords(__m512i* v) {
  const __m512i a = _mm512_unpacklo_epi32(v[0], v[1]);
  const __m512i b = _mm512_unpackhi_epi32(v[0], v[1]);
  const __m512i c = _mm512_unpacklo_epi32(v[2], v[3]);
  const __m512i d = _mm512_unpackhi_epi32(v[2], v[3]);
  v[0] = _mm512_unpacklo_epi64(a, c);
  v[1] = _mm512_unpackhi_epi64(a, c);
  v[2] = _mm512_unpacklo_epi64(b, d);
  v[3] = _mm512_unpackhi_epi64(b, d);
}

void UnpackKeys(const uint8_t* const* rows, int64_t offset, KeyPiece* piece) {
  __m512i a[4];  // slots 0..3 and, in the upper half, 4..7
  __m512i b[4];  // slots 8..11 and 12..15
  for (int i = 0; i < 4; ++i) {
    a[i] = LoadPair(rows[i] + offset, rows[i + 4] + offset);
    b[i] = LoadPair(rows[i + 8] + offset, rows[i + 12] + offset);
  }
  TransposeDwords(a);
  TransposeDwords(b);
  for (int c = 0; c < 4; ++c) {
    const __m512i even = _mm512_shuffle_i32x4(a[c], b[c], 0x88);
    const __m512i odd = _mm512_shuffle_i32x4(a[c], b[c], 0xDD);
    piece->low[c] = LowNibbles(even);
    piece->high[c] = HighNibbles(even);
    piece->low[c + 4] = LowNibbles(odd);
    piece->high[c + 4] = HighNibbles(odd);
  }
}

// One piece of up to 32 values, interleaved: dword d of low[g][i] holds the codes that slots
// 4 g .. 4 g + 3 have for dimension 16 i + d of the piece.
struct ValuePiece {
  __m512i low[kAttentionChunk / 4][2];
  __m512i high[kAttentionChunk / 4][2];
};

void UnpackValues(const uint8_t* const* rows, int64_t offset, int64_t n_quads, ValuePiece* piece) {
  // Dword d takes byte d of four rows that lie 32 bytes apart.
  const __m512i dwords = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  const __m512i first = _mm512_add_epi8(_mm512_mullo_epi32(dwords, _mm512_set1_epi32(0x01010101)),
                                        _mm512_set1_epi32(0x60402000));
  const __m512i second = _mm512_add_epi8(first, _mm512_set1_epi8(16));
  for (int64_t g = 0; g < n_quads; ++g) {
    const uint8_t* const* r = rows + 4 * g;
    const __m512i rows01 = LoadPair(r[0] + offset, r[1] + offset);
    const __m512i rows23 = LoadPair(r[2] + offset, r[3] + offset);
    const __m512i bytes0 = _mm512_permutex2var_epi8(rows01, first, rows23);
    const __m512i bytes1 = _mm512_permutex2var_epi8(rows01, second, rows23);
    piece->low[g][0] = LowNibbles(bytes0);
    piece->low[g][1] = LowNibbles(bytes1);
    piece->high[g][0] = HighNibbles(bytes0);
    piece->high[g][1] = HighNibbles(bytes1);
  }
}

class Group : public HeadGroup<Simd> {
 public:
  static constexpr int64_t kKeySlots = 16;  // one slot a lane

  static constexpr int64_t kValueSlots = 4;
  using Values = ValuePiece;

  using HeadGroup::HeadGroup;

  // Those of even dimensions come first: the product of 32-bit lanes takes every other one.
  static int64_t SumAt(int64_t k) { return k % 2 * 8 + k / 2; }

  // Scores of slots [slot, slot + count), count <= 16; they go to weights[n].
  void ScoreKeys(const SlotRange& range, int64_t slot, int64_t count, int64_t n) {
    const uint8_t* rows[kKeySlots];
    FindRows<kKeySlots>(cache_.keys.codes, slot, count, rows);
    __m512i dots[kHeadsAtOnce] = {};
    for (int64_t offset = 0; offset < row_bytes_; offset += kPieceBytes) {
      KeyPiece piece;
      UnpackKeys(rows, offset, &piece);
      piece.low_group = UnpackGroup(
          GroupBytes<kKeySlots>(cache_.keys, GroupAt(offset, false), slot, count).data());
      piece.high_group = UnpackGroup(
          GroupBytes<kKeySlots>(cache_.keys, GroupAt(offset, true), slot, count).data());
      int64_t i = 0;
      for (; i + 4 <= n_heads_; i += 4) AddDots<4>(piece, range, offset, i, dots);
      for (; i < n_heads_; ++i) AddDots<1>(piece, range, offset, i, dots);
    }
    const __m512 scales =
        LoadScales(FirstValues<uint16_t, kKeySlots>(cache_.keys.scales + slot, count).data());
    const __m512 unseen = _mm512_set1_ps(-std::numeric_limits<float>::infinity());
    for (int64_t i = 0; i < n_heads_; ++i) {
      const VisibleSlots seen = heads_[i].SeenOf(range, n, count);
      const __mmask16 mask = _kandn_mask16(FirstLanes(seen.begin), FirstLanes(seen.end));
      const __m512 score =
          _mm512_mul_ps(_mm512_cvtepi32_ps(dots[i]),
                        _mm512_mul_ps(_mm512_set1_ps(heads_[i].QueryFor(range).scale), scales));
      // Lanes beyond the range are overwritten by the next one or lie in the scratch's margin.
      _mm512_storeu_ps(heads_[i].weights + n, _mm512_mask_mov_ps(unseen, mask, score));
      // The maximum returns its second operand when the first is NaN.
      __m512& largest = heads_[i].largest_score;
      largest = _mm512_mask_max_ps(largest, mask, score, largest);
    }
  }

 private:
  friend HeadGroup;

  // Adds q.K of one piece for kCount heads to dots[first ...].
  template <int kCount>
  void AddDots(const KeyPiece& piece, const SlotRange& range, int64_t offset, int64_t first,
               __m512i* dots) const {
    const int8_t* q[kCount];
    __m512i low[kCount];
    __m512i high[kCount];
    for (int i = 0; i < kCount; ++i) {
      q[i] = heads_[first + i].QueryFor(range).q + offset;
      low[i] = _mm512_setzero_si512();
      high[i] = _mm512_setzero_si512();
    }
    for (int c = 0; c < 8; ++c) {
      for (int i = 0; i < kCount; ++i) {
        low[i] = _mm512_dpbusd_epi32(low[i], piece.low[c], BroadcastDword(q[i] + 4 * c));
        high[i] =
            _mm512_dpbusd_epi32(high[i], piece.high[c], BroadcastDword(q[i] + row_bytes_ + 4 * c));
      }
    }
    for (int i = 0; i < kCount; ++i) {
      const int32_t* sums = heads_[first + i].QueryFor(range).sums;
      const __m512i products =
          _mm512_add_epi32(Scaled(low[i], piece.low_group, sums[GroupAt(offset, false)]),
                           Scaled(high[i], piece.high_group, sums[GroupAt(offset, true)]));
      dots[first + i] = _mm512_add_epi32(dots[first + i], products);
    }
  }

  // multiplier * (products with codes - zero * sum of q)
  static __m512i Scaled(__m512i products, const GroupLanes& group, int32_t sum) {
    return _mm512_sub_epi32(_mm512_mullo_epi32(products, group.multiplier),
                            _mm512_mullo_epi32(group.offset, _mm512_set1_epi32(sum)));
  }

  // scales: [32], zeros beyond the chunk.
  static void Weigh(Head& head, const uint16_t* scales, int64_t count, int64_t n) {
    for (int64_t i = 0; i < count; i += 16) {
      const __mmask16 mask = FirstLanes(count - i);
      float* at = head.weights + n + i;
      const __m512 difference = _mm512_sub_ps(head.largest_score, _mm512_maskz_loadu_ps(mask, at));
      const __m512i p = _mm512_maskz_mov_epi32(mask, Exp2NegQ30(Exp2ArgumentQ16(difference)));
      const __m512i even = _mm512_and_si512(p, _mm512_set1_epi64(0xFFFFFFFF));
      head.total = _mm512_add_epi64(head.total, _mm512_add_epi64(even, _mm512_srli_epi64(p, 32)));
      const __m512 w = _mm512_mul_ps(_mm512_cvtepi32_ps(p), LoadScales(scales + i));
      head.max_bits = _mm512_max_epu32(head.max_bits, AbsBits(w));
      _mm512_mask_storeu_ps(at, mask, w);
    }
  }

  static void RoundWeights(const Head& head, int64_t count, int64_t n, ChunkWeights* out) {
    __m512 w[2];
    for (int half = 0; half < 2; ++half) {
      w[half] = _mm512_maskz_loadu_ps(FirstLanes(count - 16 * half), head.weights + n + 16 * half);
    }
    const uint32_t max_bits =
        _mm512_reduce_max_epu32(_mm512_max_epu32(AbsBits(w[0]), AbsBits(w[1])));
    float largest;
    std::memcpy(&largest, &max_bits, sizeof(largest));
    out->factor = ChunkFactor(largest, head.inverse);
    if (out->factor == 0) return;
    const __m512 inverse = _mm512_set1_ps(kMaxSlotWeight / largest);
    for (int half = 0; half < 2; ++half) {
      const __m512 weight = _mm512_mul_ps(w[half], inverse);
      const __m512i rounded = _mm512_cvtps_epi32(_mm512_max_ps(weight, _mm512_setzero_ps()));
      _mm256_store_si256(reinterpret_cast<__m256i*>(out->n) + half, _mm512_cvtepi32_epi16(rounded));
    }
  }

  // groups: the byte of each slot, [32].
  static GroupLevels LevelsOf(const ChunkWeights& weights, const uint8_t* groups) {
    const __m512i both =
        _mm512_cvtepu8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(groups)));
    const __m512i n = _mm512_load_si512(weights.n);
    const __m512i words =
        _mm512_srli_epi16(_mm512_add_epi16(_mm512_mullo_epi16(n, LowNibbles(both)),
                                           _mm512_set1_epi16(1 << (kLevelShift - 1))),
                          kLevelShift);
    GroupLevels out;
    _mm256_store_si256(reinterpret_cast<__m256i*>(out.levels), _mm512_cvtepi16_epi8(words));
    out.zero_sum = _mm512_reduce_add_epi32(_mm512_madd_epi16(words, _mm512_srli_epi16(both, 4)));
    return out;
  }

  // Adds the values of one group to sums [32].
  static void AddValues(const __m512i (*codes)[2] /*[n_quads]*/, int64_t n_quads,
                        const GroupLevels& group, int32_t factor, int64_t* sums) {
    const __m512i start = _mm512_set1_epi32(-group.zero_sum);
    __m512i dwords[2] = {start, start};
    for (int64_t g = 0; g < n_quads; ++g) {
      const __m512i levels = BroadcastDword(group.levels + 4 * g);
      for (int i = 0; i < 2; ++i) dwords[i] = _mm512_dpbusd_epi32(dwords[i], codes[g][i], levels);
    }
    const __m512i factors = _mm512_set1_epi32(factor);
    for (int i = 0; i < 2; ++i) {
      const __m512i odd = _mm512_srli_epi64(dwords[i], 32);
      auto* at = reinterpret_cast<__m512i*>(sums + 16 * i);
      at[0] = _mm512_add_epi64(at[0], _mm512_mul_epi32(dwords[i], factors));
      at[1] = _mm512_add_epi64(at[1], _mm512_mul_epi32(odd, factors));
    }
  }
};

}  // namespace

void AttentionAvx512(const KvHead& cache, const AttentionQuery& query,
                     std::span<const SlotRange> ranges, float* scratch, float* out) {
  AttendInGroups<Group>(cache, query, ranges, scratch, out);
}

}  // namespace accllm::kernels
