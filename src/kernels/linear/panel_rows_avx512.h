// Four rows of a block, decoded for a panel on AVX-512, and their products with a few tokens. Only
// *_avx512 files may include it.
//
// Activations of a block are four vectors (FoursOf). Vector v has two fours of each of the 8 groups
// whose weights share a multiplier; in qword g those of group g. Any row's products with one of
// them stay in lanes of one multiplier, and the sums of all four fit 16 bits there: packed with
// another row's they are scaled by one 16-bit product.
//
// Dot products are what limits this. Rows of 2:4 spend none on zeros: a shuffle of bytes (vpermb),
// for which there are other units than for products, takes what two rows' survivors meet out of a
// vector of 64 activations. On Zen 5 that is 0.8 cycles for two rows of 64 weights and a token;
// dense rows take 1.08.
#pragma once

#include <array>

#include "kernels/linear/decode_avx512.h"
#include "kernels/linear/linear.h"

namespace accllm::kernels::avx512 {

inline constexpr int kVectors = 4;  // of a block's activations, and of a row's levels
inline constexpr int kFourRows = 4;

struct Vectors {
  __m512i of[kVectors];
};

// Planes, byte i of plane j position j of four i, as vectors of whole fours. Qword g of vector v
// has fours 8 g + 2 v and 8 g + 2 v + 1: position j of them in its bytes 2 j and 2 j + 1.
inline Vectors FoursOf(const __m512i (&planes)[kVectors]) {
  __m512i of_groups[2][2];  // [even and odd ones][fours 8 g .. 8 g + 3 and the others], as qwords
  const __m512i low[2] = {_mm512_unpacklo_epi16(planes[0], planes[1]),
                          _mm512_unpackhi_epi16(planes[0], planes[1])};
  const __m512i high[2] = {_mm512_unpacklo_epi16(planes[2], planes[3]),
                           _mm512_unpackhi_epi16(planes[2], planes[3])};
  for (int odd = 0; odd < 2; ++odd) {
    of_groups[odd][0] = _mm512_unpacklo_epi32(low[odd], high[odd]);
    of_groups[odd][1] = _mm512_unpackhi_epi32(low[odd], high[odd]);
  }
  Vectors out;
  for (int half = 0; half < 2; ++half) {
    out.of[2 * half] = _mm512_unpacklo_epi64(of_groups[0][half], of_groups[1][half]);
    out.of[2 * half + 1] = _mm512_unpackhi_epi64(of_groups[0][half], of_groups[1][half]);
  }
  return out;
}

// A value that stays in a register: the compiler would read memory anew with each use.
inline __m512i InRegister(__m512i v) {
  asm("" : "+v"(v));
  return v;
}

// A class of rows has
//   kType, Decoder                   what it decodes
//   Expand(decoder, tile_block, row) sets four rows from `row` on
//   Sums<kTokens>                    of several blocks
//   Add(activations, sums)           sums += the products with kTokens tokens; activations:
//                                    [kVectors][kPanelTokens][64]
//   ByRow(sums, token)               dword i of each 128-bit lane is a part of row i's sum

// Rows of any type whose sums of 16 weights fit 16 bits.
template <class DecoderOfType>
class DenseRows {
 public:
  using Decoder = DecoderOfType;
  static constexpr format::TensorType kType = Decoder::kType;

  template <int kTokens>
  struct Sums {
    __m512i of[2][kTokens] = {};  // [pair of rows]
  };

  void Expand(const Decoder& decoder, const uint8_t* tile_block, int64_t row) {
    __m512i multipliers[kFourRows];
    for (int i = 0; i < kFourRows; ++i) {
      const DecodedRow decoded = decoder.Decode(tile_block, row + i);
      const Vectors levels = FoursOf(decoded.levels);
      for (int v = 0; v < kVectors; ++v) levels_[v][i] = levels.of[v];
      multipliers[i] = decoded.multipliers;
    }
    for (int pair = 0; pair < 2; ++pair) {
      multipliers_[pair] = _mm512_packs_epi32(multipliers[2 * pair], multipliers[2 * pair + 1]);
    }
  }

  template <int kTokens>
  void Add(const uint8_t* activations, Sums<kTokens>& to) const {
    __m512i sums[kFourRows][kTokens];
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      __m512i a[kTokens];
#pragma GCC unroll 4
      for (int t = 0; t < kTokens; ++t) a[t] = Load64(activations + 64 * (v * kPanelTokens + t));
#pragma GCC unroll 4
      for (int i = 0; i < kFourRows; ++i) {
#pragma GCC unroll 4
        for (int t = 0; t < kTokens; ++t) {
          const __m512i from = v == 0 ? _mm512_setzero_si512() : sums[i][t];
          sums[i][t] = _mm512_dpbusd_epi32(from, a[t], levels_[v][i]);
        }
      }
    }
#pragma GCC unroll 2
    for (int pair = 0; pair < 2; ++pair) {
#pragma GCC unroll 4
      for (int t = 0; t < kTokens; ++t) {
        to.of[pair][t] = _mm512_dpwssd_epi32(
            to.of[pair][t], _mm512_packs_epi32(sums[2 * pair][t], sums[2 * pair + 1][t]),
            multipliers_[pair]);
      }
    }
  }

  // Dwords 0 and 1 of a lane are the first row's of a pair, the other two its second's.
  template <int kTokens>
  static __m512i ByRow(const Sums<kTokens>& sums, int token) {
    const __m512 first = _mm512_castsi512_ps(sums.of[0][token]);
    const __m512 second = _mm512_castsi512_ps(sums.of[1][token]);
    return _mm512_add_epi32(_mm512_castps_si512(_mm512_shuffle_ps(first, second, 0x88)),
                            _mm512_castps_si512(_mm512_shuffle_ps(first, second, 0xDD)));
  }

 private:
  __m512i levels_[kVectors][kFourRows];
  __m512i multipliers_[2];  // words 8 i .. 8 i + 3 of dwords 4 i .. 4 i + 3 of a pair's first row
};

// The survivors that 2:4 codes stand for: levels, and where in a vector of FoursOf they meet their
// activations.
class SurvivorDecoder {
 public:
  static constexpr format::TensorType kType = format::TensorType::kW2S24;

  SurvivorDecoder()
      : order_{Load64(kOrder[0].data()), Load64(kOrder[1].data())},
        places_{CodeTable(kTables.places[0].data()), CodeTable(kTables.places[1].data())},
        levels_{CodeTable(kTables.levels[0].data()), CodeTable(kTables.levels[1].data())} {}

  // Of two rows. Dwords of lane i of vector v: fours 2 v and 2 v + 1 of groups 2 i and 2 i + 1 of
  // the first row, then of the second; two survivors each.
  struct Pair {
    Vectors places;
    Vectors levels;
  };

  Pair Decode(const uint8_t* rows) const {
    const __m512i offsets = Load64(kOffsets.data());
    const __m512i first = reader_.Read(Load64(rows));
    const __m512i second = reader_.Read(Load64(rows + kBlockBytesCoded));
    Pair out;
    for (int half = 0; half < 2; ++half) {
      const __m512i codes = _mm512_permutex2var_epi16(first, order_[half], second);
      Interleave(_mm512_or_si512(places_[0].Of(codes), offsets),
                 _mm512_or_si512(places_[1].Of(codes), offsets), out.places.of + 2 * half);
      Interleave(levels_[0].Of(codes), levels_[1].Of(codes), out.levels.of + 2 * half);
    }
    return out;
  }

 private:
  struct Tables {
    std::array<std::array<uint8_t, format::kCodes>, 2> places;  // [survivor][code]
    std::array<std::array<uint8_t, format::kCodes>, 2> levels;
  };
  // Codes without a pattern have levels of 0.
  static constexpr Tables kTables = [] {
    Tables tables = {};
    for (size_t code = 0; code < format::kCodes; ++code) {
      const size_t pattern = code >> 4U;
      if (pattern >= std::size(format::kPatterns)) continue;
      const std::array<int8_t, 4> four = kCodebook24.Decode(static_cast<uint8_t>(code));
      for (size_t s = 0; s < 2; ++s) {
        const uint8_t position = format::kPatterns[pattern][s];
        tables.places[s][code] = static_cast<uint8_t>(2 * position);
        tables.levels[s][code] = static_cast<uint8_t>(four[position]);
      }
    }
    return tables;
  }();
  // [half][i]: which two codes of two rows, one behind the other, come i-th.
  static constexpr auto kOrder = [] {
    std::array<std::array<uint16_t, 32>, 2> order = {};
    for (size_t half = 0; half < 2; ++half) {
      for (size_t i = 0; i < 32; ++i) {
        const size_t group = i / 8 * 2 + i % 2;
        order[half][i] = static_cast<uint16_t>(i / 2 % 2 * 32 + 4 * group + 2 * half + i / 4 % 2);
      }
    }
    return order;
  }();
  // What the group and the four of a code in that order add to its positions' places.
  static constexpr std::array<uint8_t, 64> kOffsets = [] {
    std::array<uint8_t, 64> offsets = {};
    for (size_t i = 0; i < 64; ++i) {
      offsets[i] = static_cast<uint8_t>(8 * (i / 16 * 2 + i / 2 % 2) + i % 2);
    }
    return offsets;
  }();

  static void Interleave(__m512i first, __m512i second, __m512i* out /*[2]*/) {
    out[0] = _mm512_unpacklo_epi8(first, second);
    out[1] = _mm512_unpackhi_epi8(first, second);
  }

  CodeReader reader_;
  __m512i order_[2];
  CodeTable places_[2];
  CodeTable levels_[2];
};

class SurvivorRows {
 public:
  using Decoder = SurvivorDecoder;
  static constexpr format::TensorType kType = Decoder::kType;

  template <int kTokens>
  struct Sums {
    __m512i of[kTokens] = {};
  };

  void Expand(const Decoder& decoder, const uint8_t* tile_block, int64_t row) {
    const uint8_t* rows = tile_block + kBlockBytesCoded * row;
    for (int pair = 0; pair < 2; ++pair) {
      const Decoder::Pair decoded = decoder.Decode(rows + 2 * kBlockBytesCoded * pair);
      for (int v = 0; v < kVectors; ++v) {
        places_[v][pair] = decoded.places.of[v];
        levels_[v][pair] = decoded.levels.of[v];
      }
    }
    multipliers_ = Multipliers(rows + format::kCodeBytes);
  }

  template <int kTokens>
  void Add(const uint8_t* activations, Sums<kTokens>& to) const {
    __m512i sums[2][kTokens];
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      __m512i a[kTokens];
#pragma GCC unroll 4
      for (int t = 0; t < kTokens; ++t) {
        a[t] = InRegister(Load64(activations + 64 * (v * kPanelTokens + t)));
      }
#pragma GCC unroll 2
      for (int pair = 0; pair < 2; ++pair) {
        const __m512i places = InRegister(places_[v][pair]);
        const __m512i levels = InRegister(levels_[v][pair]);
#pragma GCC unroll 4
        for (int t = 0; t < kTokens; ++t) {
          const __m512i from = v == 0 ? _mm512_setzero_si512() : sums[pair][t];
          sums[pair][t] = _mm512_dpbusd_epi32(from, _mm512_permutexvar_epi8(places, a[t]), levels);
        }
      }
    }
#pragma GCC unroll 4
    for (int t = 0; t < kTokens; ++t) {
      to.of[t] =
          _mm512_dpwssd_epi32(to.of[t], _mm512_packs_epi32(sums[0][t], sums[1][t]), multipliers_);
    }
  }

  template <int kTokens>
  static __m512i ByRow(const Sums<kTokens>& sums, int token) {
    return sums.of[token];
  }

 private:
  // Words 2 r and 2 r + 1 of lane i: of groups 2 i and 2 i + 1 of row r. first: the first row's.
  static __m512i Multipliers(const uint8_t* first) {
    const auto row = [first](int i) {
      return _mm_loadl_epi64(reinterpret_cast<const __m128i*>(first + kBlockBytesCoded * i));
    };
    const __m128i low = _mm_unpacklo_epi16(row(0), row(1));
    const __m128i high = _mm_unpacklo_epi16(row(2), row(3));
    return _mm512_cvtepu8_epi16(
        _mm256_set_m128i(_mm_unpackhi_epi32(low, high), _mm_unpacklo_epi32(low, high)));
  }

  __m512i places_[kVectors][2];  // [v][pair of rows]
  __m512i levels_[kVectors][2];
  __m512i multipliers_;
};

}  // namespace accllm::kernels::avx512
