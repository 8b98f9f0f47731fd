#include <immintrin.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "kernels/linear/interleave24.h"
#include "kernels/linear/linear.h"
#include "kernels/linear/tile_walk.h"
#include "kernels/simd/lanes_avx2.h"

namespace accllm::kernels {
namespace {

constexpr int kFours = 8;  // of a group
constexpr int kPairs = kFours / 2;
// Vectors h = 0 and 1 of a pair, in words: rows 0 .. 7 and 16 .. 23; 8 .. 15 and 24 .. 31.
constexpr int kHalves = 2;
constexpr int kSurvivors = 2;
// Groups whose activations stay in the first cache while the tiles of a run use them.
constexpr int64_t kGroupsAtOnce = 64;

using Table16 = std::array<uint8_t, 16>;

__m256i LoadTable(const uint8_t* table) {
  return _mm256_broadcastsi128_si256(_mm_load_si128(reinterpret_cast<const __m128i*>(table)));
}

// Codes of two fours of 16 rows, a byte each, the row's first four in the even ones.
struct Weights {
  __m256i patterns;            // + 8 in odd bytes
  __m256i levels[kSurvivors];  // that of a four's first, and of its second survivor
};

class Decoder {
 public:
  Decoder() : levels_{LoadTable(kLevels[0].data()), LoadTable(kLevels[1].data())} {}

  // codes: bits 0-6 of each byte.
  Weights Decode(__m256i codes) const {
    const __m256i patterns = _mm256_and_si256(_mm256_srli_epi16(codes, 4), _mm256_set1_epi8(7));
    const __m256i level_bits = _mm256_and_si256(codes, _mm256_set1_epi8(0xF));
    return {
        _mm256_or_si256(patterns, _mm256_set1_epi16(0x0800)),
        {_mm256_shuffle_epi8(levels_[0], level_bits), _mm256_shuffle_epi8(levels_[1], level_bits)}};
  }

 private:
  // [survivor]: by the low four bits of a code, two for each survivor.
  alignas(16) static constexpr auto kLevels = [] {
    std::array<Table16, kSurvivors> levels = {};
    for (size_t bits = 0; bits < 16; ++bits) {
      levels[0][bits] = static_cast<uint8_t>(format::kLevels[bits & 3U]);
      levels[1][bits] = static_cast<uint8_t>(format::kLevels[bits >> 2U]);
    }
    return levels;
  }();

  __m256i levels_[kSurvivors];
};

// Codes of the last four of a group: the top bits of the others, lowest first.
__m256i LastCodes(const uint8_t* group) {
  const __m256i zero = _mm256_setzero_si256();
  __m256i last = zero;
  for (int v = 0; v < kFours - 1; ++v) {
    // The average of an even number and 0 is its half; with 255, 128 more.
    last = _mm256_avg_epu8(last, _mm256_cmpgt_epi8(zero, Load32(group + kInterleavedRows * v)));
  }
  return _mm256_avg_epu8(last, zero);
}

// A group of a tile: weights by pair and half.
class Group {
 public:
  Group(const Decoder& decoder, const uint8_t* bytes) : decoder_(decoder), bytes_(bytes) {
    const __m256i six = Load32(bytes + kInterleavedRows * (kFours - 2));
    const __m256i last = LastCodes(bytes);
    last_pair_[0] = _mm256_unpacklo_epi8(six, last);
    last_pair_[1] = _mm256_unpackhi_epi8(six, last);
  }

  Weights Decode(int pair, int half) const {
    return decoder_.Decode(pair == kPairs - 1
                               ? last_pair_[half]
                               : Load32(bytes_ + kInterleavedRows * (kHalves * pair + half)));
  }

 private:
  const Decoder& decoder_;
  const uint8_t* bytes_;
  __m256i last_pair_[kHalves];
};

// One token's activations of some groups, by what a code's pattern meets: made once, used by all
// rows.
struct alignas(32) Meetings {
  // Byte p of the 16: what a survivor of the pair's first four meets if its pattern is p, and from
  // 8 on of its second four; 0 where there is no such pattern.
  uint8_t of[kGroupsAtOnce][kPairs][kSurvivors][16];

  // codes: of the first group, which begins a block: its bytes in the block's first plane of four.
  void Set(const uint8_t* codes, int64_t n_groups) {
    for (int64_t group = 0; group < n_groups; ++group) {
      const uint8_t* planes = codes + group / format::kGroupsPerBlock * format::kBlockWeights +
                              group % format::kGroupsPerBlock * kFours;
      const auto plane = [planes](int j) {
        return _mm_loadl_epi64(reinterpret_cast<const __m128i*>(planes + 64 * j));
      };
      const __m128i even = _mm_unpacklo_epi8(plane(0), plane(1));
      const __m128i odd = _mm_unpacklo_epi8(plane(2), plane(3));
      SetPairs(group, 0, _mm_unpacklo_epi16(even, odd));
      SetPairs(group, 2, _mm_unpackhi_epi16(even, odd));
    }
  }

 private:
  // [pair of two][survivor]: where among the activations of four fours the survivors are.
  alignas(32) static constexpr auto kPlaces = [] {
    std::array<std::array<Table16, kSurvivors>, 2> places = {};
    for (size_t pair = 0; pair < 2; ++pair) {
      for (size_t survivor = 0; survivor < kSurvivors; ++survivor) {
        Table16& table = places[pair][survivor];
        table.fill(0x80);
        for (size_t i = 0; i < std::size(format::kPatterns); ++i) {
          const size_t place = 8 * pair + format::kPatterns[i][survivor];
          table[i] = static_cast<uint8_t>(place);
          table[8 + i] = static_cast<uint8_t>(place + 4);
        }
      }
    }
    return places;
  }();

  // fours: activations of two pairs.
  void SetPairs(int64_t group, int first, __m128i fours) {
    for (size_t i = 0; i < 2; ++i) {
      const __m256i places = Load32(kPlaces[i][0].data());
      _mm256_store_si256(reinterpret_cast<__m256i*>(of[group][static_cast<size_t>(first) + i]),
                         _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(fours), places));
    }
  }
};

// Sums of one token: words of a group, at most 8 * 2 * 255 * 2 in magnitude, and of all groups.
struct Words {
  __m256i words[kHalves] = {};

  void Add(int half, const Weights& w, const uint8_t (&meetings)[kSurvivors][16]) {
    for (int survivor = 0; survivor < kSurvivors; ++survivor) {
      const __m256i met = _mm256_shuffle_epi8(LoadTable(meetings[survivor]), w.patterns);
      words[half] = _mm256_add_epi16(words[half], _mm256_maddubs_epi16(met, w.levels[survivor]));
    }
  }
};

// Those of two groups that follow each other, side by side for each row, as words.
struct Multipliers {
  __m256i words[kHalves][2];

  explicit Multipliers(const uint8_t* groups) {
    constexpr int kPlace = kInterleavedRows * (kFours - 1);
    const __m256i first = Load32(groups + kPlace);
    const __m256i second = Load32(groups + kInterleavedGroupBytes + kPlace);
    const __m256i bytes[kHalves] = {_mm256_unpacklo_epi8(first, second),
                                    _mm256_unpackhi_epi8(first, second)};
    for (int h = 0; h < kHalves; ++h) {
      words[h][0] = _mm256_unpacklo_epi8(bytes[h], _mm256_setzero_si256());
      words[h][1] = _mm256_unpackhi_epi8(bytes[h], _mm256_setzero_si256());
    }
  }
};

struct Sums {
  __m256i dwords[2 * kHalves];

  // Lane i of vector v holds rows 4 v .. 4 v + 3 + 16 i.
  explicit Sums(const int32_t* raw /*[32]*/) {
    for (int v = 0; v < 2 * kHalves; ++v) {
      const auto at = [raw](int row) { return reinterpret_cast<const __m128i*>(raw + row); };
      dwords[v] = _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128(at(4 * v))),
                                          _mm_loadu_si128(at(4 * v + 16)), 1);
    }
  }

  // Two groups that follow each other.
  void Add(const Words& first, const Words& second, const Multipliers& multipliers) {
    for (int h = 0; h < kHalves; ++h) {
      const __m256i* by = multipliers.words[h];
      __m256i* to = dwords + 2 * h;
      const __m256i low = _mm256_unpacklo_epi16(first.words[h], second.words[h]);
      const __m256i high = _mm256_unpackhi_epi16(first.words[h], second.words[h]);
      to[0] = _mm256_add_epi32(to[0], _mm256_madd_epi16(low, by[0]));
      to[1] = _mm256_add_epi32(to[1], _mm256_madd_epi16(high, by[1]));
    }
  }

  void Store(int32_t* raw /*[32]*/) const {
    for (int v = 0; v < 2 * kHalves; ++v) {
      const auto at = [raw](int row) { return reinterpret_cast<__m128i*>(raw + row); };
      _mm_storeu_si128(at(4 * v), _mm256_castsi256_si128(dwords[v]));
      _mm_storeu_si128(at(4 * v + 16), _mm256_extracti128_si256(dwords[v], 1));
    }
  }
};

// Groups of a tile that follow each other, and what is read after them.
struct GroupRun {
  const uint8_t* bytes;
  int64_t n_groups;
  const uint8_t* next;
};

// words[t] += those of group i of the tokens' meetings.
template <int kTokens>
inline void AddGroup(const Decoder& decoder, const uint8_t* bytes, int64_t i,
                     const Meetings* meetings, Words (&words)[kTokens]) {
  const Group group(decoder, bytes);
#pragma GCC unroll 4
  for (int pair = 0; pair < kPairs; ++pair) {
#pragma GCC unroll 2
    for (int half = 0; half < kHalves; ++half) {
      const Weights w = group.Decode(pair, half);
#pragma GCC unroll 8
      for (int t = 0; t < kTokens; ++t) words[t].Add(half, w, meetings[t].of[i][pair]);
    }
  }
}

// raw[t] += the sums of some groups of one tile, for kTokens tokens.
template <int kTokens>
void AddGroups(const GroupRun& run, const Meetings* meetings, int32_t* raw) {
  constexpr int64_t kAhead = kPrefetchBytes / kInterleavedGroupBytes;
  const Decoder decoder;
  const auto sums = [raw]<int... kT>(std::integer_sequence<int, kT...>) {
    return std::array<Sums, kTokens>{Sums(raw + kT * kInterleavedRows)...};
  };
  std::array<Sums, kTokens> all = sums(std::make_integer_sequence<int, kTokens>());
  const uint8_t* bytes = run.bytes;
  // Groups that ask for others of the run.
  const int64_t n_inside = std::max<int64_t>(0, run.n_groups - kAhead);
  const uint8_t* ahead = n_inside > 0
                             ? bytes + kPrefetchBytes
                             : run.next + kPrefetchBytes - run.n_groups * kInterleavedGroupBytes;
  static_assert(format::kGroupsPerBlock % 2 == 0);
  for (int64_t i = 0; i < run.n_groups; i += 2) {
    Words words[2][kTokens];
#pragma GCC unroll 2
    for (int64_t g = 0; g < 2; ++g) {
      if (i + g == n_inside && i + g > 0) ahead = run.next;
      for (int64_t at = 0; at < kInterleavedGroupBytes; at += 64) __builtin_prefetch(ahead + at);
      ahead += kInterleavedGroupBytes;
      AddGroup(decoder, bytes + g * kInterleavedGroupBytes, i + g, meetings, words[g]);
    }
    const Multipliers multipliers(bytes);
    for (int t = 0; t < kTokens; ++t) {
      all[static_cast<size_t>(t)].Add(words[0][t], words[1][t], multipliers);
    }
    bytes += 2 * kInterleavedGroupBytes;
  }
  for (int t = 0; t < kTokens; ++t) {
    all[static_cast<size_t>(t)].Store(raw + t * kInterleavedRows);
  }
}

constexpr int64_t kTokensAtOnce = 4;  // more have no registers for their sums

}  // namespace

void Interleaved24Avx2(const TileRun& tiles, const Codebook& /*codebook*/, const uint8_t* codes,
                       int64_t n_tokens, int32_t* raw) {
  using Kernel = void (*)(const GroupRun&, const Meetings*, int32_t*);
  static constexpr auto kByTokens = []<int... kMore>(std::integer_sequence<int, kMore...>) {
    return std::array<Kernel, kTokensAtOnce>{AddGroups<kMore + 1>...};
  }
  (std::make_integer_sequence<int, kTokensAtOnce>());
  const int64_t tile_sums = n_tokens * kInterleavedRows;
  std::memset(raw, 0, static_cast<size_t>(tiles.n_tiles * tile_sums) * sizeof(*raw));
  const int64_t n_groups = tiles.n_blocks * format::kGroupsPerBlock;
  const int64_t tile_bytes = InterleavedTileBytes(tiles.n_blocks);
  Meetings meetings[kTokensAtOnce];
  for (int64_t first = 0; first < n_groups; first += kGroupsAtOnce) {
    const int64_t n = std::min(kGroupsAtOnce, n_groups - first);
    const uint8_t* bytes = tiles.blocks + first * kInterleavedGroupBytes;
    const uint8_t* behind = first + n < n_groups ? bytes + n * kInterleavedGroupBytes
                                                 : tiles.blocks + tiles.n_tiles * tile_bytes;
    for (int64_t token = 0; token < n_tokens; token += kTokensAtOnce) {
      const int64_t together = std::min(kTokensAtOnce, n_tokens - token);
      for (int64_t t = 0; t < together; ++t) {
        meetings[t].Set(codes + (token + t) * tiles.n_blocks * format::kBlockWeights +
                            first * format::kGroupWeights,
                        n);
      }
      for (int64_t tile = 0; tile < tiles.n_tiles; ++tile) {
        const bool is_last = tile + 1 == tiles.n_tiles;
        const GroupRun run = {bytes + tile * tile_bytes, n,
                              is_last ? behind : bytes + (tile + 1) * tile_bytes};
        kByTokens[static_cast<size_t>(together - 1)](
            run, meetings, raw + tile * tile_sums + token * kInterleavedRows);
      }
    }
  }
}

}  // namespace accllm::kernels
