#include <immintrin.h>

#include <array>
#include <utility>

#include "kernels/linear/interleave24.h"
#include "kernels/linear/linear.h"
#include "kernels/linear/tile_walk.h"
#include "kernels/simd/lanes_avx2.h"

namespace accllm::kernels {
namespace {

constexpr int kFours = 8;  // of a group
// Vectors h = 0 and 1 of byte pairs or words: rows 0 .. 7 and 16 .. 23; 8 .. 15 and 24 .. 31.
constexpr int kHalves = 2;

using Table16 = std::array<uint8_t, 16>;

__m256i LoadTable(const Table16& table) {
  return _mm256_broadcastsi128_si256(
      _mm_loadu_si128(reinterpret_cast<const __m128i*>(table.data())));
}

// What 32 codes of one four are to a product: byte pairs, one for each survivor.
struct Weights {
  __m256i places[kHalves];  // of the survivors among the activations of four fours; bit 7: none
  __m256i levels[kHalves];
};

class Decoder {
 public:
  Decoder() : first_level_(LoadTable(kLevels[0])), second_level_(LoadTable(kLevels[1])) {}

  // codes: bits 0-6 of each byte; `four` is its number in the group.
  Weights Decode(__m256i codes, int four) const {
    const __m256i patterns = _mm256_and_si256(_mm256_srli_epi16(codes, 4), _mm256_set1_epi8(7));
    const auto part = static_cast<size_t>(four % 4);
    const __m256i first = _mm256_shuffle_epi8(LoadTable(kPlaces[0][part]), patterns);
    const __m256i second = _mm256_shuffle_epi8(LoadTable(kPlaces[1][part]), patterns);
    codes = _mm256_and_si256(codes, _mm256_set1_epi8(0x7F));
    const __m256i first_level = _mm256_shuffle_epi8(first_level_, codes);
    const __m256i second_level = _mm256_shuffle_epi8(second_level_, codes);
    return {{_mm256_unpacklo_epi8(first, second), _mm256_unpackhi_epi8(first, second)},
            {_mm256_unpacklo_epi8(first_level, second_level),
             _mm256_unpackhi_epi8(first_level, second_level)}};
  }

 private:
  // [survivor][four % 4]: by pattern, where the survivor is among the activations of four fours.
  static constexpr auto kPlaces = [] {
    std::array<std::array<Table16, 4>, 2> places = {};
    for (size_t survivor = 0; survivor < 2; ++survivor) {
      for (size_t part = 0; part < 4; ++part) {
        places[survivor][part].fill(0x80);
        for (size_t pattern = 0; pattern < std::size(format::kPatterns); ++pattern) {
          places[survivor][part][pattern] =
              static_cast<uint8_t>(4 * part + format::kPatterns[pattern][survivor]);
        }
      }
    }
    return places;
  }();

  // [survivor]: by the low four bits of a code, two for each survivor.
  static constexpr auto kLevels = [] {
    std::array<Table16, 2> levels = {};
    for (size_t bits = 0; bits < 16; ++bits) {
      levels[0][bits] = static_cast<uint8_t>(format::kLevels[bits & 3U]);
      levels[1][bits] = static_cast<uint8_t>(format::kLevels[bits >> 2U]);
    }
    return levels;
  }();

  __m256i first_level_;
  __m256i second_level_;
};

// Codes of the last four of a group: the top bits of the others.
__m256i LastCodes(const uint8_t* group) {
  const __m256i top = _mm256_set1_epi8(static_cast<int8_t>(0x80));
  __m256i last = _mm256_setzero_si256();
  for (int v = 0; v < kFours - 1; ++v) {
    // Word shifts move bits from byte to byte only where they are 0 yet.
    last = _mm256_or_si256(_mm256_srli_epi16(last, 1),
                           _mm256_and_si256(Load32(group + kInterleavedRows * v), top));
  }
  return _mm256_srli_epi16(last, 1);
}

// One token's activations of a group, in the order of the columns: 16 of them, in both lanes.
struct GroupActivations {
  __m256i parts[2];

  // codes: where the group's bytes start in the first of a block's four planes.
  explicit GroupActivations(const uint8_t* codes) {
    const auto plane = [codes](int j) {
      return _mm_loadl_epi64(reinterpret_cast<const __m128i*>(codes + 64 * j));
    };
    const __m128i even = _mm_unpacklo_epi8(plane(0), plane(1));
    const __m128i odd = _mm_unpacklo_epi8(plane(2), plane(3));
    parts[0] = _mm256_broadcastsi128_si256(_mm_unpacklo_epi16(even, odd));
    parts[1] = _mm256_broadcastsi128_si256(_mm_unpackhi_epi16(even, odd));
  }
};

// Sums of one token: words of a group, at most 8 * 2 * 255 * 2 in magnitude, and of all groups.
struct Words {
  __m256i words[kHalves] = {};

  void Add(const Weights& w, __m256i activations) {
    for (int h = 0; h < kHalves; ++h) {
      const __m256i met = _mm256_shuffle_epi8(activations, w.places[h]);
      words[h] = _mm256_add_epi16(words[h], _mm256_maddubs_epi16(met, w.levels[h]));
    }
  }
};

struct Sums {
  __m256i dwords[2 * kHalves] = {};

  void Add(const Words& sums, const __m256i multipliers[kHalves]) {
    for (int h = 0; h < kHalves; ++h) {
      const __m256i low = _mm256_mullo_epi16(sums.words[h], multipliers[h]);
      const __m256i high = _mm256_mulhi_epi16(sums.words[h], multipliers[h]);
      __m256i* to = dwords + 2 * h;
      to[0] = _mm256_add_epi32(to[0], _mm256_unpacklo_epi16(low, high));
      to[1] = _mm256_add_epi32(to[1], _mm256_unpackhi_epi16(low, high));
    }
  }

  // Lane i of vector v holds rows 4 v .. 4 v + 3 + 16 i.
  void Store(int32_t* raw /*[32]*/) const {
    for (int v = 0; v < 2 * kHalves; ++v) {
      const auto at = [raw](int row) { return reinterpret_cast<__m128i*>(raw + row); };
      _mm_storeu_si128(at(4 * v), _mm256_castsi256_si128(dwords[v]));
      _mm_storeu_si128(at(4 * v + 16), _mm256_extracti128_si256(dwords[v], 1));
    }
  }
};

// Adds one group for kCount tokens; two share what they load of the weights. weights(v): of four v.
template <int kCount, class WeightsOf>
inline void AddTokens(const WeightsOf& weights, const __m256i* multipliers, const uint8_t* planes,
                      int64_t token_stride, Sums* sums /*[kCount]*/) {
  Words words[kCount];
#pragma GCC unroll 2
  for (int part = 0; part < 2; ++part) {
    __m256i activations[kCount];
    for (int t = 0; t < kCount; ++t) {
      activations[t] = GroupActivations(planes + t * token_stride).parts[part];
    }
#pragma GCC unroll 4
    for (int v = 4 * part; v < 4 * part + 4; ++v) {
      const Weights w = weights(v);
      for (int t = 0; t < kCount; ++t) words[t].Add(w, activations[t]);
    }
  }
  for (int t = 0; t < kCount; ++t) sums[t].Add(words[t], multipliers);
}

template <int kTokens>
void Walk(const uint8_t* tile, int64_t n_blocks, const uint8_t* codes, int32_t* raw) {
  const Decoder decoder;
  const int64_t token_stride = n_blocks * format::kBlockWeights;
  Sums sums[kTokens];
  for (int64_t group = 0; group < n_blocks * format::kGroupsPerBlock; ++group) {
    for (int64_t at = 0; at < kInterleavedGroupBytes; at += 64) {
      __builtin_prefetch(tile + kPrefetchBytes + at);
    }
    const uint8_t* planes = codes + group / format::kGroupsPerBlock * format::kBlockWeights +
                            group % format::kGroupsPerBlock * kFours;
    const __m256i last = LastCodes(tile);
    const auto decode = [&](int v) {
      return decoder.Decode(v == kFours - 1 ? last : Load32(tile + kInterleavedRows * v), v);
    };
    const __m256i bytes = Load32(tile + kInterleavedRows * (kFours - 1));
    const __m256i zero = _mm256_setzero_si256();
    const __m256i multipliers[kHalves] = {_mm256_unpacklo_epi8(bytes, zero),
                                          _mm256_unpackhi_epi8(bytes, zero)};
    if constexpr (kTokens == 1) {
      AddTokens<1>(decode, multipliers, planes, token_stride, sums);
    } else {
      Weights weights[kFours];
#pragma GCC unroll 8
      for (int v = 0; v < kFours; ++v) weights[v] = decode(v);
      const auto decoded = [&](int v) -> const Weights& { return weights[v]; };
      int t = 0;
      for (; t + 2 <= kTokens; t += 2) {
        AddTokens<2>(decoded, multipliers, planes + t * token_stride, token_stride, sums + t);
      }
      if (t < kTokens) {
        AddTokens<1>(decoded, multipliers, planes + t * token_stride, token_stride, sums + t);
      }
    }
    tile += kInterleavedGroupBytes;
  }
  for (int t = 0; t < kTokens; ++t) sums[t].Store(raw + t * kInterleavedRows);
}

}  // namespace

void Interleaved24Avx2(const TileRun& tiles, const Codebook& /*codebook*/, const uint8_t* codes,
                       int64_t n_tokens, int32_t* raw) {
  using Kernel = void (*)(const uint8_t*, int64_t, const uint8_t*, int32_t*);
  static constexpr auto kByTokens = []<int... kMore>(std::integer_sequence<int, kMore...>) {
    return std::array<Kernel, kWalkTokens>{Walk<kMore + 1>...};
  }
  (std::make_integer_sequence<int, kWalkTokens>());
  ForTilesAndTokens(tiles, InterleavedTileBytes(tiles.n_blocks), kInterleavedRows, codes, n_tokens,
                    raw, [&](const uint8_t* tile, const uint8_t* first, int64_t n, int32_t* out) {
                      kByTokens[static_cast<size_t>(n - 1)](tile, tiles.n_blocks, first, out);
                    });
}

}  // namespace accllm::kernels
