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
  __m512i multiplier;  // in both words
  __m512i offset;      // -multiplier * zero, in the lower word
};

inline GroupLanes UnpackGroup(const uint8_t* bytes) {
  const __m512i both = _mm512_cvtepu8_epi32(Load16(bytes));
  const __m512i multiplier = LowNibbles(both);
  const __m512i product = _mm512_mullo_epi16(multiplier, _mm512_srli_epi32(both, 4));
  return {_mm512_or_si512(multiplier, _mm512_slli_epi32(multiplier, 16)),
          _mm512_maskz_sub_epi16(0x55555555, _mm512_setzero_si512(), product)};
}

// One piece of 16 keys, transposed: lane t of column c holds the codes of slot t in bytes
// 4 c .. 4 c + 3 of the piece, times the multiplier of their group: at most 15 * 15.
struct KeyPiece {
  __m512i low[8];
  __m512i high[8];
  __m512i low_offset;
  __m512i high_offset;
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

// low_groups, high_groups: bytes of the slots, [16].
void UnpackKeys(const uint8_t* const* rows, int64_t offset, const uint8_t* low_groups,
                const uint8_t* high_groups, KeyPiece* piece) {
  const GroupLanes low = UnpackGroup(low_groups);
  const GroupLanes high = UnpackGroup(high_groups);
  piece->low_offset = low.offset;
  piece->high_offset = high.offset;
  __m512i a[4];  // slots 0..3 and, in the upper half, 4..7
  __m512i b[4];  // slots 8..11 and 12..15
  for (int i = 0; i < 4; ++i) {
    a[i] = LoadPair(rows[i] + offset, rows[i + 4] + offset);
    b[i] = LoadPair(rows[i + 8] + offset, rows[i + 12] + offset);
  }
  TransposeDwords(a);
  TransposeDwords(b);
  // A word times a multiplier is its two bytes times that: neither product leaves its byte.
  for (int c = 0; c < 4; ++c) {
    const __m512i even = _mm512_shuffle_i32x4(a[c], b[c], 0x88);
    const __m512i odd = _mm512_shuffle_i32x4(a[c], b[c], 0xDD);
    piece->low[c] = _mm512_mullo_epi16(LowNibbles(even), low.multiplier);
    piece->high[c] = _mm512_mullo_epi16(HighNibbles(even), high.multiplier);
    piece->low[c + 4] = _mm512_mullo_epi16(LowNibbles(odd), low.multiplier);
    piece->high[c + 4] = _mm512_mullo_epi16(HighNibbles(odd), high.multiplier);
  }
}

constexpr int64_t kQuads = kAttentionChunk / 4;

// One piece of up to 32 values, interleaved: dword d of low[g][i] holds what the codes that slots
// 4 g .. 4 g + 3 have for dimension 16 i + d of the piece are above their group's zero.
struct ValuePiece {
  __m512i low[kQuads][2];
  __m512i high[kQuads][2];
};

// groups: the byte of each slot, [32]; zeros: what codes of the slots of a quad count from, [8].
void UnpackZeros(const uint8_t* groups, __m512i* zeros) {
  const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(groups));
  alignas(32) uint8_t each[kAttentionChunk];
  _mm256_store_si256(reinterpret_cast<__m256i*>(each),
                     _mm256_and_si256(_mm256_srli_epi16(bytes, 4), _mm256_set1_epi8(0xF)));
  for (int64_t g = 0; g < kQuads; ++g) zeros[g] = BroadcastDword(each + 4 * g);
}

void UnpackValues(const uint8_t* const* rows, int64_t offset, int64_t n_quads,
                  const uint8_t* low_groups, const uint8_t* high_groups, ValuePiece* piece) {
  // Dword d takes byte d of four rows that lie 32 bytes apart.
  const __m512i dwords = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  const __m512i first = _mm512_add_epi8(_mm512_mullo_epi32(dwords, _mm512_set1_epi32(0x01010101)),
                                        _mm512_set1_epi32(0x60402000));
  const __m512i second = _mm512_add_epi8(first, _mm512_set1_epi8(16));
  __m512i low_zeros[kQuads];
  __m512i high_zeros[kQuads];
  UnpackZeros(low_groups, low_zeros);
  UnpackZeros(high_groups, high_zeros);
  for (int64_t g = 0; g < n_quads; ++g) {
    const uint8_t* const* r = rows + 4 * g;
    const __m512i rows01 = LoadPair(r[0] + offset, r[1] + offset);
    const __m512i rows23 = LoadPair(r[2] + offset, r[3] + offset);
    const __m512i bytes0 = _mm512_permutex2var_epi8(rows01, first, rows23);
    const __m512i bytes1 = _mm512_permutex2var_epi8(rows01, second, rows23);
    piece->low[g][0] = _mm512_sub_epi8(LowNibbles(bytes0), low_zeros[g]);
    piece->low[g][1] = _mm512_sub_epi8(LowNibbles(bytes1), low_zeros[g]);
    piece->high[g][0] = _mm512_sub_epi8(HighNibbles(bytes0), high_zeros[g]);
    piece->high[g][1] = _mm512_sub_epi8(HighNibbles(bytes1), high_zeros[g]);
  }
}

// The levels of one chunk, head and group; zeros are in the values already.
struct Levels {
  alignas(32) uint8_t of_slots[kAttentionChunk];  // 0..127, 0 beyond the chunk
};

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
      const auto low = GroupBytes<kKeySlots>(cache_.keys, GroupAt(offset, false), slot, count);
      const auto high = GroupBytes<kKeySlots>(cache_.keys, GroupAt(offset, true), slot, count);
      KeyPiece piece;
      UnpackKeys(rows, offset, low.data(), high.data(), &piece);
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
      const RotatedQuery& query = heads_[first + i].QueryFor(range);
      q[i] = query.q + offset;
      low[i] = AddZeros(dots[first + i], piece.low_offset, query.sums[GroupAt(offset, false)]);
      high[i] =
          AddZeros(_mm512_setzero_si512(), piece.high_offset, query.sums[GroupAt(offset, true)]);
    }
    for (int c = 0; c < 8; ++c) {
      for (int i = 0; i < kCount; ++i) {
        low[i] = _mm512_dpbusd_epi32(low[i], piece.low[c], BroadcastDword(q[i] + 4 * c));
        high[i] =
            _mm512_dpbusd_epi32(high[i], piece.high[c], BroadcastDword(q[i] + row_bytes_ + 4 * c));
      }
    }
    for (int i = 0; i < kCount; ++i) dots[first + i] = _mm512_add_epi32(low[i], high[i]);
  }

  // dots - multiplier * zero * sum. sum: of 32 codes, which 16 bits hold.
  static __m512i AddZeros(__m512i dots, __m512i offset, int32_t sum) {
    return _mm512_dpwssd_epi32(dots, offset, _mm512_set1_epi32(sum));
  }

  // scales: [32], zeros beyond the chunk.
  static void Weigh(Head& head, const uint16_t* scales, int64_t count, int64_t n) {
    __m512i total = head.total;
    __m512i max_bits = head.max_bits;
    for (int64_t i = 0; i < count; i += 16) {
      const __mmask16 mask = FirstLanes(count - i);
      float* at = head.weights + n + i;
      const __m512 difference = _mm512_sub_ps(head.largest_score, _mm512_maskz_loadu_ps(mask, at));
      const __m512i p = _mm512_maskz_mov_epi32(mask, Exp2NegQ30(Exp2ArgumentQ16(difference)));
      const __m512i even = _mm512_and_si512(p, _mm512_set1_epi64(0xFFFFFFFF));
      total = _mm512_add_epi64(total, _mm512_add_epi64(even, _mm512_srli_epi64(p, 32)));
      const __m512 w = _mm512_mul_ps(_mm512_cvtepi32_ps(p), LoadScales(scales + i));
      max_bits = _mm512_max_epu32(max_bits, AbsBits(w));
      _mm512_mask_storeu_ps(at, mask, w);
    }
    head.total = total;
    head.max_bits = max_bits;
  }

  // Four heads share what is done once for a chunk: there are more lanes than that needs.
  static void RoundWeights(const Head* heads, int64_t n_heads, int64_t count, int64_t n,
                           ChunkWeights* out) {
    for (int64_t first = 0; first < n_heads; first += 4) {
      RoundFour(heads + first, Min(4, n_heads - first), count, n, out + first);
    }
  }

  static void RoundFour(const Head* heads, int64_t n_heads, int64_t count, int64_t n,
                        ChunkWeights* out) {
    __m512 w[4][2];
    __m512i max_bits[4];
    float inverse_of_all[4] = {};
    for (int64_t i = 0; i < 4; ++i) {
      const Head& head = heads[Min(i, n_heads - 1)];
      const float* weights = head.weights + n;
      w[i][0] = _mm512_maskz_loadu_ps(FirstLanes(count), weights);
      w[i][1] = _mm512_maskz_loadu_ps(FirstLanes(count - 16), weights + 16);
      max_bits[i] = _mm512_max_epu32(AbsBits(w[i][0]), AbsBits(w[i][1]));
      inverse_of_all[i] = head.inverse;
    }
    const __m128 largest = _mm_castsi128_ps(LargestOfFour(max_bits));
    // ChunkFactor
    const __m128 scaled = _mm_mul_ps(largest, _mm_loadu_ps(inverse_of_all));
    const __mmask8 is_number = _mm_cmp_ps_mask(scaled, _mm_setzero_ps(), _CMP_GE_OQ);
    const __m128i factors = _mm_maskz_cvtps_epi32(is_number, scaled);
    const __m128 inverses = _mm_div_ps(_mm_set1_ps(kMaxSlotWeight), largest);
    alignas(16) int32_t factor[4];
    alignas(16) float inverse[4];
    _mm_store_si128(reinterpret_cast<__m128i*>(factor), factors);
    _mm_store_ps(inverse, inverses);
    for (int64_t i = 0; i < n_heads; ++i) {
      out[i].factor = factor[i];
      const __m512 by = _mm512_set1_ps(inverse[i]);
      for (int half = 0; half < 2; ++half) {
        const __m512 weight = _mm512_mul_ps(w[i][half], by);
        const __m512i rounded = _mm512_cvtps_epi32(_mm512_max_ps(weight, _mm512_setzero_ps()));
        _mm256_store_si256(reinterpret_cast<__m256i*>(out[i].n) + half,
                           _mm512_cvtepi32_epi16(rounded));
      }
    }
  }

  // Lane i: the largest lane of v[i].
  static __m128i LargestOfFour(const __m512i* v /*[4]*/) {
    const auto larger = [](__m512i a, __m512i b) { return _mm512_max_epu32(a, b); };
    const __m512i first =
        larger(_mm512_unpacklo_epi32(v[0], v[1]), _mm512_unpackhi_epi32(v[0], v[1]));
    const __m512i second =
        larger(_mm512_unpacklo_epi32(v[2], v[3]), _mm512_unpackhi_epi32(v[2], v[3]));
    // Every four lanes are of v[0] to v[3].
    const __m512i fours =
        larger(_mm512_unpacklo_epi64(first, second), _mm512_unpackhi_epi64(first, second));
    const __m256i by8 =
        _mm256_max_epu32(_mm512_castsi512_si256(fours), _mm512_extracti64x4_epi64(fours, 1));
    return _mm_max_epu32(_mm256_castsi256_si128(by8), _mm256_extracti128_si256(by8, 1));
  }

  // groups: the byte of each slot, [32].
  static Levels LevelsOf(const ChunkWeights& weights, const uint8_t* groups) {
    const __m512i both =
        _mm512_cvtepu8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(groups)));
    const __m512i products = _mm512_mullo_epi16(_mm512_load_si512(weights.n), LowNibbles(both));
    const __m512i words = _mm512_srli_epi16(
        _mm512_add_epi16(products, _mm512_set1_epi16(1 << (kLevelShift - 1))), kLevelShift);
    Levels out;
    _mm256_store_si256(reinterpret_cast<__m256i*>(out.of_slots), _mm512_cvtepi16_epi8(words));
    return out;
  }

  // Adds the values of one group to sums [32].
  static void AddValues(const __m512i (*codes)[2] /*[n_quads]*/, int64_t n_quads,
                        const Levels& levels, int32_t factor, int64_t* sums) {
    __m512i dwords[2] = {_mm512_setzero_si512(), _mm512_setzero_si512()};
    const auto add_quad = [&](int64_t g) {
      const __m512i quad = BroadcastDword(levels.of_slots + 4 * g);
      for (int i = 0; i < 2; ++i) dwords[i] = _mm512_dpbusd_epi32(dwords[i], quad, codes[g][i]);
    };
    if (n_quads == kQuads) {
#pragma GCC unroll 8
      for (int64_t g = 0; g < kQuads; ++g) add_quad(g);
    } else {
      for (int64_t g = 0; g < n_quads; ++g) add_quad(g);
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
