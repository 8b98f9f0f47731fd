// The packed blocks of linear.h on AVX2: one class per type, as tile_walk.h wants it. Only *_avx2
// files may include it. A row's block has two parts, weights 128 h .. 128 h + 127, so that one part
// and the sums of 8 tokens fit in 16 registers.
#pragma once

#include <immintrin.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <iterator>

#include "base/block_codec.h"
#include "kernels/linear/tile_walk.h"
#include "kernels/simd/lanes_avx2.h"

namespace accllm::kernels::avx2 {

using Table16 = std::array<int8_t, 16>;

// The same look-up table in both lanes.
inline __m256i LoadTable(const Table16& table) {
  return _mm256_broadcastsi128_si256(
      _mm_loadu_si128(reinterpret_cast<const __m128i*>(table.data())));
}

inline void StoreSums(const __m256i* rows /*[8]*/, int32_t* raw) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(raw), SumLanesOf8(rows));
}

// Spreads 4 of a row's 8 multipliers: word l is the multiplier of weights 8 l .. 8 l + 7 of the
// part.
class SpreadMultipliers {
 public:
  SpreadMultipliers() : spread_(Load32(kSpread.data())) {}

  __m256i operator()(const uint8_t* multipliers, int64_t part) const {
    int32_t bytes;
    std::memcpy(&bytes, multipliers + 4 * part, sizeof(bytes));
    return _mm256_shuffle_epi8(_mm256_set1_epi32(bytes), spread_);
  }

 private:
  static constexpr std::array<uint8_t, 32> kSpread = [] {
    std::array<uint8_t, 32> index = {};
    for (size_t l = 0; l < 16; ++l) {
      index[2 * l] = static_cast<uint8_t>(l / 4);
      index[2 * l + 1] = 0x80;  // zero
    }
    return index;
  }();

  __m256i spread_;
};

// Types whose levels are at most 8 in magnitude, damaged files included. Nothing saturates or
// wraps in 16 bits: a product of byte pairs is at most 2 * 255 * 8, and a word takes four of
// them, 16320.
class NarrowLevels : public StartFromZero {
 public:
  static constexpr int64_t kParts = 2;
  using Sums = __m256i;

  struct Activations {
    __m256i positions[4];  // byte g of [j] is activation 4 g + j of the part
  };

  struct Row {
    __m256i levels[4];  // byte g of [j] is the level of weight 4 g + j of the part
    __m256i multipliers;
  };

  static Activations Load(const uint8_t* codes, Start /*from*/, int64_t part) {
    Activations a;
    for (int64_t j = 0; j < 4; ++j) a.positions[j] = Load32(codes + 64 * j + 32 * part);
    return a;
  }

  static Sums Add(Sums acc, const Row& row, const Activations& a) {
    __m256i words = _mm256_maddubs_epi16(a.positions[0], row.levels[0]);
    for (int j = 1; j < 4; ++j) {
      words = _mm256_add_epi16(words, _mm256_maddubs_epi16(a.positions[j], row.levels[j]));
    }
    return _mm256_add_epi32(acc, _mm256_madd_epi16(words, row.multipliers));
  }

  static void Store(const Sums* rows, int32_t* raw) { StoreSums(rows, raw); }
};

// The two bytes that hold code 2 i + odd of a lane, as word i.
constexpr std::array<uint8_t, 32> CodeBytes(size_t odd) {
  std::array<uint8_t, 32> index = {};
  for (size_t i = 0; i < 32; ++i) {
    const size_t code = i % 16 / 2 * 2 + odd;
    index[i] = static_cast<uint8_t>(code * format::kCodeBits / 8 + i % 2);
  }
  return index;
}

// The factor that moves the code of word i from its bit up to bit `to`.
constexpr std::array<uint16_t, 16> CodeShifts(size_t odd, size_t to) {
  std::array<uint16_t, 16> factors = {};
  for (size_t i = 0; i < 16; ++i) {
    const size_t code = i % 8 * 2 + odd;
    factors[i] = static_cast<uint16_t>(1U << (to - code * format::kCodeBits % 8));
  }
  return factors;
}

// Spreads 28 bytes to the 32 codes that they hold, a byte each: 16 codes a lane. The product with a
// power of two moves a code to the top of its word (even ones) or to bits 8 .. 14 (odd ones).
class SpreadCodes {
 public:
  SpreadCodes()
      : even_bytes_(Load32(kEvenBytes.data())),
        odd_bytes_(Load32(kOddBytes.data())),
        even_shifts_(Load32(kEvenShifts.data())),
        odd_shifts_(Load32(kOddShifts.data())) {}

  __m256i operator()(const uint8_t* bytes) const {
    const __m256i both = _mm256_inserti128_si256(
        _mm256_castsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes))),
        _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes + 14)), 1);
    const __m256i even = _mm256_mullo_epi16(_mm256_shuffle_epi8(both, even_bytes_), even_shifts_);
    const __m256i odd = _mm256_mullo_epi16(_mm256_shuffle_epi8(both, odd_bytes_), odd_shifts_);
    return _mm256_or_si256(_mm256_srli_epi16(even, 9),
                           _mm256_and_si256(odd, _mm256_set1_epi16(0x7F00)));
  }

 private:
  static constexpr auto kEvenBytes = CodeBytes(0);
  static constexpr auto kOddBytes = CodeBytes(1);
  static constexpr auto kEvenShifts = CodeShifts(0, 9);
  static constexpr auto kOddShifts = CodeShifts(1, 8);

  __m256i even_bytes_;
  __m256i odd_bytes_;
  __m256i even_shifts_;
  __m256i odd_shifts_;
};

class Simd24 : public NarrowLevels {
 public:
  static constexpr format::TensorType kType = format::TensorType::kW2S24;

  Simd24() : levels_(LoadTable(kLevelOf)) {
    for (size_t j = 0; j < 4; ++j) masks_[j] = LoadTable(kMasks[j]);
  }

  Row Decode(const uint8_t* tile_block, int64_t row, int64_t part) const {
    const uint8_t* block = tile_block + kBlockBytesCoded * row;
    Row out;
    const __m256i codes = spread_codes_(block + 28 * part);
    const __m256i patterns = _mm256_and_si256(_mm256_srli_epi16(codes, 4), _mm256_set1_epi8(7));
    for (int j = 0; j < 4; ++j) {
      // The complement keeps bit 7, which makes the look-up give 0, for the places of zeros.
      const __m256i index = _mm256_andnot_si256(codes, _mm256_shuffle_epi8(masks_[j], patterns));
      out.levels[j] = _mm256_shuffle_epi8(levels_, index);
    }
    out.multipliers = spread_(block + format::kCodeBytes, part);
    return out;
  }

 private:
  // kMasks[j][pattern]: the two bits of a code that choose the level of weight j, or only bit 7.
  static constexpr std::array<Table16, 4> kMasks = [] {
    std::array<Table16, 4> masks = {};
    for (Table16& mask : masks) mask.fill(-128);
    for (size_t pattern = 0; pattern < std::size(format::kPatterns); ++pattern) {
      masks[format::kPatterns[pattern][0]][pattern] = 0x3;
      masks[format::kPatterns[pattern][1]][pattern] = 0xC;
    }
    return masks;
  }();
  // The level that two complemented bits choose, be they bits 0 and 1 or bits 2 and 3.
  static constexpr Table16 kLevelOf = [] {
    Table16 levels = {};
    for (size_t bits = 0; bits < 4; ++bits) {
      levels[bits] = levels[4 * bits] = format::kLevels[3 - bits];
    }
    return levels;
  }();

  SpreadCodes spread_codes_;
  __m256i levels_;
  __m256i masks_[4];
  SpreadMultipliers spread_;
};

// A look-up among 128 levels is eight among 16, seven of which give zero.
class SimdFree : public NarrowLevels {
 public:
  static constexpr format::TensorType kType = format::TensorType::kW2Free;

  explicit SimdFree(const Codebook& codebook) : codebook_(codebook) {}

  Row Decode(const uint8_t* tile_block, int64_t row, int64_t part) const {
    const uint8_t* block = tile_block + kBlockBytesCoded * row;
    Row out;
    const __m256i codes = spread_codes_(block + 28 * part);
    for (__m256i& levels : out.levels) levels = _mm256_setzero_si256();
    for (size_t first = 0; first < format::kCodes; first += 16) {
      // Below 16 for these 16 codes; the sum gives all others bit 7, and so a zero.
      const __m256i among_these =
          _mm256_xor_si256(codes, _mm256_set1_epi8(static_cast<int8_t>(first)));
      const __m256i index = _mm256_adds_epu8(among_these, _mm256_set1_epi8(0x70));
      for (size_t j = 0; j < 4; ++j) {
        const auto* these = reinterpret_cast<const __m128i*>(codebook_.levels[j].data() + first);
        const __m256i table = _mm256_broadcastsi128_si256(_mm_loadu_si128(these));
        out.levels[j] = _mm256_or_si256(out.levels[j], _mm256_shuffle_epi8(table, index));
      }
    }
    out.multipliers = spread_(block + format::kCodeBytes, part);
    return out;
  }

 private:
  const Codebook& codebook_;
  SpreadCodes spread_codes_;
  SpreadMultipliers spread_;
};

// The level 2 c - max of the code in bits `shift` and `shift` + 1 of a nibble.
constexpr Table16 LevelsAt(size_t shift, int max) {
  Table16 levels = {};
  for (size_t bits = 0; bits < 16; ++bits) {
    levels[bits] = static_cast<int8_t>(2 * static_cast<int>((bits >> shift) & 3U) - max);
  }
  return levels;
}

// 32 bytes of four 2-bit codes as four vectors of levels 2 c - kMax.
template <int kMax>
class TwoBitLevels {
 public:
  TwoBitLevels() : first_(LoadTable(kFirst)), second_(LoadTable(kSecond)) {}

  void Decode(const uint8_t* bytes, __m256i levels[4]) const {
    const __m256i low_nibbles = _mm256_set1_epi8(0xF);
    const __m256i codes = Load32(bytes);
    const __m256i low = _mm256_and_si256(codes, low_nibbles);
    const __m256i high = _mm256_and_si256(_mm256_srli_epi16(codes, 4), low_nibbles);
    levels[0] = _mm256_shuffle_epi8(first_, low);
    levels[1] = _mm256_shuffle_epi8(second_, low);
    levels[2] = _mm256_shuffle_epi8(first_, high);
    levels[3] = _mm256_shuffle_epi8(second_, high);
  }

 private:
  static constexpr Table16 kFirst = LevelsAt(0, kMax);
  static constexpr Table16 kSecond = LevelsAt(2, kMax);

  __m256i first_;
  __m256i second_;
};

class Simd2 : public NarrowLevels {
 public:
  static constexpr format::TensorType kType = format::TensorType::kW2;

  Row Decode(const uint8_t* tile_block, int64_t row, int64_t part) const {
    Row out;
    levels_.Decode(tile_block + format::kAlignment + 64 * row + 32 * part, out.levels);
    out.multipliers = spread_(tile_block + format::kGroupsPerBlock * row, part);
    return out;
  }

 private:
  SpreadMultipliers spread_;
  TwoBitLevels<format::kW2Max> levels_;
};

class Simd3 : public NarrowLevels {
 public:
  static constexpr format::TensorType kType = format::TensorType::kW3;

  Row Decode(const uint8_t* tile_block, int64_t row, int64_t part) const {
    const uint8_t* bytes = tile_block + format::kAlignment + 96 * row;
    Row out;
    levels_.Decode(bytes + 32 * part, out.levels);
    // A set high bit makes the level 8 more.
    for (int64_t j = 0; j < 4; ++j) {
      const __m256i more =
          _mm256_and_si256(SetBits(bytes + 64 + 8 * j + 4 * part), _mm256_set1_epi8(8));
      out.levels[j] = _mm256_add_epi8(out.levels[j], more);
    }
    out.multipliers = spread_(tile_block + format::kGroupsPerBlock * row, part);
    return out;
  }

 private:
  // Byte g is all ones if bit g of the 32 bits is set.
  static __m256i SetBits(const uint8_t* bytes) {
    int32_t bits;
    std::memcpy(&bits, bytes, sizeof(bits));
    const __m256i byte_of =
        _mm256_setr_epi64x(0, 0x0101010101010101, 0x0202020202020202, 0x0303030303030303);
    const __m256i bit_of = _mm256_set1_epi64x(static_cast<int64_t>(0x8040201008040201U));
    const __m256i spread = _mm256_shuffle_epi8(_mm256_set1_epi32(bits), byte_of);
    return _mm256_cmpeq_epi8(_mm256_and_si256(spread, bit_of), bit_of);
  }

  SpreadMultipliers spread_;
  TwoBitLevels<format::kW3Max> levels_;
};

class Simd4 : public NarrowLevels {
 public:
  static constexpr format::TensorType kType = format::TensorType::kW4;

  Row Decode(const uint8_t* tile_block, int64_t row, int64_t part) const {
    const uint8_t* bytes = tile_block + format::kAlignment + 128 * row;
    Row out;
    for (int64_t j = 0; j < 4; j += 2) {
      const __m256i pair = Load32(bytes + 32 * j + 32 * part);
      out.levels[j] = Signed(pair);
      out.levels[j + 1] = Signed(_mm256_srli_epi16(pair, 4));
    }
    out.multipliers = spread_(tile_block + format::kGroupsPerBlock * row, part);
    return out;
  }

 private:
  // The low nibbles as two's complement numbers.
  __m256i Signed(__m256i bytes) const {
    return _mm256_shuffle_epi8(levels_, _mm256_and_si256(bytes, _mm256_set1_epi8(0xF)));
  }

  SpreadMultipliers spread_;
  __m256i levels_ = LoadTable({0, 1, 2, 3, 4, 5, 6, 7, -8, -7, -6, -5, -4, -3, -2, -1});
};

// Levels of up to 128 in magnitude would saturate a product of byte pairs (2 * 255 * 128 > 2^15),
// so even and odd bytes go apart as words, levels times 256 for want of a shift of bytes. A dword
// sums 16 products, at most 16 * 255 * 128 * 256 < 2^31, and is divided by 256 without a rest.
class Simd8 : public StartFromZero {
 public:
  static constexpr format::TensorType kType = format::TensorType::kW8;

  static constexpr int64_t kParts = 2;
  using Sums = __m256i;

  struct Activations {
    __m256i even[4];  // word w of [j] is activation 4 (2 w) + j of the part
    __m256i odd[4];   // the same of 4 (2 w + 1) + j
  };

  struct Row {
    __m256i even[4];  // 256 * level, in the order of the activations
    __m256i odd[4];
    __m256i multipliers;  // dword l is the multiplier of weights 16 l .. 16 l + 15 of the part
  };

  static Activations Load(const uint8_t* codes, Start /*from*/, int64_t part) {
    Activations a;
    for (int64_t j = 0; j < 4; ++j) {
      const __m256i bytes = Load32(codes + 64 * j + 32 * part);
      a.even[j] = _mm256_and_si256(bytes, _mm256_set1_epi16(0xFF));
      a.odd[j] = _mm256_srli_epi16(bytes, 8);
    }
    return a;
  }

  Row Decode(const uint8_t* tile_block, int64_t row, int64_t part) const {
    const uint8_t* bytes = tile_block + format::kAlignment + 256 * row;
    Row out;
    for (int64_t j = 0; j < 4; ++j) {
      const __m256i levels = Load32(bytes + 64 * j + 32 * part);
      out.even[j] = _mm256_slli_epi16(levels, 8);
      out.odd[j] = _mm256_andnot_si256(_mm256_set1_epi16(0xFF), levels);
    }
    out.multipliers =
        _mm256_srli_epi32(spread_(tile_block + format::kGroupsPerBlock * row, part), 16);
    return out;
  }

  static Sums Add(Sums acc, const Row& row, const Activations& a) {
    __m256i dwords = _mm256_setzero_si256();
    for (int j = 0; j < 4; ++j) {
      dwords = _mm256_add_epi32(dwords, _mm256_madd_epi16(a.even[j], row.even[j]));
      dwords = _mm256_add_epi32(dwords, _mm256_madd_epi16(a.odd[j], row.odd[j]));
    }
    return _mm256_add_epi32(acc, _mm256_mullo_epi32(_mm256_srai_epi32(dwords, 8), row.multipliers));
  }

  static void Store(const Sums* rows, int32_t* raw) { StoreSums(rows, raw); }

 private:
  SpreadMultipliers spread_;
};

}  // namespace accllm::kernels::avx2
