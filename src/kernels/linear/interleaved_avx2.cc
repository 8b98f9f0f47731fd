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

constexpr int kPairs = 4;   // of fours of a group
constexpr int kHalves = 2;  // of a tile's rows: 16 of them in the words of a vector
constexpr int kSurvivors = 2;
// Groups whose activations stay in the first cache while the tiles of a run use them.
constexpr int64_t kGroupsAtOnce = 64;
// How far ahead the first cache is to have codes, which the second has kPrefetchBytes ahead.
constexpr int64_t kNearBytes = 2048;

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

  // patterns: bits 0-2 of each byte, bit 7 is 0. level_bits: up to 15.
  Weights Decode(__m256i patterns, __m256i level_bits) const {
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

// Sixteen rows of a group.
class HalfGroup {
 public:
  explicit HalfGroup(const uint8_t* bytes) : bytes_(bytes) {}

  Weights Decode(const Decoder& decoder, int pair) const {
    const __m256i low_nibbles = _mm256_set1_epi8(0xF);
    const __m256i levels = Load32(bytes_ + kInterleavedVector * (pair / 2));
    const __m256i patterns = _mm256_and_si256(Patterns(pair / 2), _mm256_set1_epi8(0x77));
    if (pair % 2 == 0) return decoder.Decode(patterns, _mm256_and_si256(levels, low_nibbles));
    return decoder.Decode(_mm256_srli_epi16(patterns, 4),
                          _mm256_and_si256(_mm256_srli_epi16(levels, 4), low_nibbles));
  }

  // Words, one a row.
  __m256i Multipliers() const {
    // A byte has bit i of the multiplier in bit 3 and bit i + 4 in bit 7.
    const auto part = [this](int k, int weights) {
      return _mm256_maddubs_epi16(
          _mm256_and_si256(Patterns(k), _mm256_set1_epi8(static_cast<char>(0x88))),
          _mm256_set1_epi16(static_cast<int16_t>(weights)));
    };
    return _mm256_srli_epi16(_mm256_add_epi16(part(0, 0x0201), part(1, 0x0804)), 3);
  }

 private:
  __m256i Patterns(int k) const { return Load32(bytes_ + kInterleavedVector * (kPairs / 2 + k)); }

  const uint8_t* bytes_;
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
                              group % format::kGroupsPerBlock * 2 * kPairs;
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

// Sums of one token over a group: a word for each of 16 rows, at most 8 * 2 * 255 * 2 in magnitude.
struct Words {
  __m256i words = {};

  void Add(const Weights& w, const uint8_t (&meetings)[kSurvivors][16]) {
    for (int survivor = 0; survivor < kSurvivors; ++survivor) {
      const __m256i met = _mm256_shuffle_epi8(LoadTable(meetings[survivor]), w.patterns);
      words = _mm256_add_epi16(words, _mm256_maddubs_epi16(met, w.levels[survivor]));
    }
  }
};

// Words of two groups that follow each other, side by side for each row.
struct SideBySide {
  __m256i words[2];

  SideBySide(__m256i first, __m256i second)
      : words{_mm256_unpacklo_epi16(first, second), _mm256_unpackhi_epi16(first, second)} {}
};

// Sums of 16 rows: lane i of vector v holds rows 4 v .. 4 v + 3 + 8 i.
struct Sums {
  __m256i dwords[2];

  static Sums Load(const int32_t* raw /*[16]*/) {
    Sums sums;
    for (int v = 0; v < 2; ++v) {
      const auto at = [raw](int row) { return reinterpret_cast<const __m128i*>(raw + row); };
      sums.dwords[v] = _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128(at(4 * v))),
                                               _mm_loadu_si128(at(4 * v + 8)), 1);
    }
    return sums;
  }

  // Two groups that follow each other.
  void Add(const SideBySide& words, const SideBySide& multipliers) {
    for (int v = 0; v < 2; ++v) {
      dwords[v] =
          _mm256_add_epi32(dwords[v], _mm256_madd_epi16(words.words[v], multipliers.words[v]));
    }
  }

  void Store(int32_t* raw /*[16]*/) const {
    for (int v = 0; v < 2; ++v) {
      const auto at = [raw](int row) { return reinterpret_cast<__m128i*>(raw + row); };
      _mm_storeu_si128(at(4 * v), _mm256_castsi256_si128(dwords[v]));
      _mm_storeu_si128(at(4 * v + 8), _mm256_extracti128_si256(dwords[v], 1));
    }
  }
};

// Groups of a tile that follow each other, and what is read after them.
struct GroupRun {
  const uint8_t* bytes;
  int64_t n_groups;
  const uint8_t* next;
};

// Asks for groups that are read later; they may lie beyond the tiles.
template <int kLocality>
class ReadAhead {
 public:
  // distance: in bytes of the walk.
  ReadAhead(const GroupRun& run, int64_t distance)
      : n_inside_(std::max<int64_t>(0, run.n_groups - distance / kInterleavedGroupBytes)),
        next_(run.next),
        at_(n_inside_ > 0 ? run.bytes + distance
                          : run.next + distance - run.n_groups * kInterleavedGroupBytes) {}

  // At group i of the run, for one after the other.
  void Ask(int64_t i) {
    if (i == n_inside_ && i > 0) at_ = next_;
    for (int64_t line = 0; line < kInterleavedGroupBytes; line += 64) {
      __builtin_prefetch(at_ + line, 0, kLocality);
    }
    at_ += kInterleavedGroupBytes;
  }

 private:
  int64_t n_inside_;  // groups that ask for others of the run
  const uint8_t* next_;
  const uint8_t* at_;
};

// words[h][t] = those of group i of the tokens' meetings.
template <int kTokens>
inline void AddGroup(const Decoder& decoder, const HalfGroup (&halves)[kHalves], int64_t i,
                     const Meetings* meetings, Words (&words)[kHalves][kTokens]) {
#pragma GCC unroll 4
  for (int pair = 0; pair < kPairs; ++pair) {
#pragma GCC unroll 2
    for (int h = 0; h < kHalves; ++h) {
      const Weights w = halves[h].Decode(decoder, pair);
#pragma GCC unroll 8
      for (int t = 0; t < kTokens; ++t) words[h][t].Add(w, meetings[t].of[i][pair]);
    }
  }
}

// raw[t] += the sums of some groups of one tile, for kTokens tokens.
template <int kTokens>
void AddGroups(const GroupRun& run, const Meetings* meetings, int32_t* raw) {
  const Decoder decoder;
  Sums sums[kHalves][kTokens];
  for (int h = 0; h < kHalves; ++h) {
    for (int t = 0; t < kTokens; ++t) {
      sums[h][t] = Sums::Load(raw + t * kInterleavedRows + h * kInterleavedHalfRows);
    }
  }
  const uint8_t* bytes = run.bytes;
  // From memory to the second cache, and later to the first, which could not keep so many reads
  // waiting.
  ReadAhead<kReadIntoSecond> far(run, kPrefetchBytes);
  ReadAhead<kReadAgain> near(run, kNearBytes);
  static_assert(format::kGroupsPerBlock % 2 == 0);
  for (int64_t i = 0; i < run.n_groups; i += 2) {
    const HalfGroup groups[2][kHalves] = {
        {HalfGroup(bytes), HalfGroup(bytes + kInterleavedHalfBytes)},
        {HalfGroup(bytes + 2 * kInterleavedHalfBytes),
         HalfGroup(bytes + 3 * kInterleavedHalfBytes)}};
    Words words[2][kHalves][kTokens];
#pragma GCC unroll 2
    for (int64_t g = 0; g < 2; ++g) {
      far.Ask(i + g);
      near.Ask(i + g);
      AddGroup(decoder, groups[g], i + g, meetings, words[g]);
    }
#pragma GCC unroll 2
    for (int h = 0; h < kHalves; ++h) {
      const SideBySide multipliers(groups[0][h].Multipliers(), groups[1][h].Multipliers());
      for (int t = 0; t < kTokens; ++t) {
        sums[h][t].Add(SideBySide(words[0][h][t].words, words[1][h][t].words), multipliers);
      }
    }
    bytes += 2 * kInterleavedGroupBytes;
  }
  for (int h = 0; h < kHalves; ++h) {
    for (int t = 0; t < kTokens; ++t) {
      sums[h][t].Store(raw + t * kInterleavedRows + h * kInterleavedHalfRows);
    }
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
