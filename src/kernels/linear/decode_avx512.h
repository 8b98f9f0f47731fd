// The packed blocks of linear.h on AVX-512: one decoder per type. Only *_avx512 files may include
// it. A decoder is built once per call, so that its tables stay in registers.
#pragma once

#include <immintrin.h>

#include <array>
#include <cstdint>
#include <cstring>

#include "base/block_codec.h"

namespace accllm::kernels {

// One row of one block.
struct DecodedRow {
  __m512i levels[4];    // byte g of vector j is the level of weight 4 g + j
  __m512i multipliers;  // dword l is the multiplier of weights 16 l .. 16 l + 15
};

inline __m512i Load64(const void* bytes) { return _mm512_loadu_si512(bytes); }

// Byte indices that put byte first + l / 2 into the low byte of dword l.
constexpr std::array<uint8_t, 64> SpreadMultipliers(int64_t first) {
  std::array<uint8_t, 64> index = {};
  for (size_t l = 0; l < 16; ++l) index[4 * l] = static_cast<uint8_t>(first + l / 2);
  return index;
}
inline constexpr __mmask64 kLowBytesOfDwords = 0x1111111111111111U;

// Lane sums of one block fit 16 bits with every level up to 8 in magnitude (16 * 8 * 255 < 2^15),
// so the 16-bit product takes them as they are.
struct NarrowSums {
  static __m512i AddScaled(__m512i acc, __m512i sums, __m512i multipliers) {
    return _mm512_dpwssd_epi32(acc, sums, multipliers);
  }
};

// Takes the codes out of a row of a block.
class CodeReader {
 public:
  CodeReader()
      : spread_(Load64(kSpread.data())),
        shifts_(_mm512_set1_epi64(0x312A231C150E0700)) {}  // 7 q for q = 7 .. 0

  // Bit 7 of a byte is the next code's first; CodeTable ignores it.
  __m512i Read(__m512i row) const {
    return _mm512_multishift_epi64_epi8(shifts_, _mm512_permutexvar_epi8(spread_, row));
  }

 private:
  // Qword q takes the 7 bytes of codes 8 q .. 8 q + 7.
  static constexpr std::array<uint8_t, 64> kSpread = [] {
    std::array<uint8_t, 64> index = {};
    for (size_t i = 0; i < 64; ++i) index[i] = static_cast<uint8_t>(i / 8 * 7 + i % 8);
    return index;
  }();

  __m512i spread_;
  __m512i shifts_;
};

// A byte for each code.
class CodeTable {
 public:
  CodeTable() = default;
  explicit CodeTable(const void* bytes /*[128]*/)
      : low_(Load64(bytes)), high_(Load64(static_cast<const uint8_t*>(bytes) + 64)) {}

  __m512i Of(__m512i codes) const { return _mm512_permutex2var_epi8(low_, codes, high_); }

 private:
  __m512i low_ = {};
  __m512i high_ = {};
};

// The coded blocks. A code is an index into four tables of 128 levels, one for each of its weights:
// whatever the codebook, the work is the same.
template <format::TensorType kCoded>
class CodeDecoder : public NarrowSums {
 public:
  static constexpr format::TensorType kType = kCoded;

  explicit CodeDecoder(const Codebook& codebook) : spread_multipliers_(Load64(kSpread.data())) {
    for (size_t j = 0; j < 4; ++j) tables_[j] = CodeTable(codebook.levels[j].data());
  }

  DecodedRow Decode(const uint8_t* tile_block, int64_t row) const {
    const __m512i block = Load64(tile_block + 64 * row);
    const __m512i codes = reader_.Read(block);
    DecodedRow out;
    for (int j = 0; j < 4; ++j) out.levels[j] = tables_[j].Of(codes);
    out.multipliers = _mm512_maskz_permutexvar_epi8(kLowBytesOfDwords, spread_multipliers_, block);
    return out;
  }

 private:
  static constexpr auto kSpread = SpreadMultipliers(format::kCodeBytes);

  CodeReader reader_;
  CodeTable tables_[4];
  __m512i spread_multipliers_;
};

// What the dense types share: the scale beat before the rows.
class DenseMultipliers {
 public:
  DenseMultipliers() : spread_(Load64(kSpread.data())) {}

  __m512i Decode(const uint8_t* tile_block, int64_t row) const {
    const auto* multipliers = reinterpret_cast<const __m128i*>(tile_block + 8 * row);
    return _mm512_maskz_permutexvar_epi8(kLowBytesOfDwords, spread_,
                                         _mm512_castsi128_si512(_mm_loadl_epi64(multipliers)));
  }

 private:
  static constexpr auto kSpread = SpreadMultipliers(0);
  __m512i spread_;
};

// Bytes of four 2-bit codes as four vectors of levels 2 c - kMax. A look-up takes six bits of a
// byte, so only the last of the four codes needs a shift; what else the six bits hold does not
// matter.
template <int kMax>
class TwoBitLevels {
 public:
  TwoBitLevels() {
    for (size_t j = 0; j < 3; ++j) tables_[j] = Load64(kTables[j].data());
  }

  void Decode(__m512i bytes, __m512i levels[4]) const {
    const __m512i shifted = _mm512_srli_epi16(bytes, 2);
    for (int j = 0; j < 3; ++j) levels[j] = _mm512_permutexvar_epi8(bytes, tables_[j]);
    levels[3] = _mm512_permutexvar_epi8(shifted, tables_[2]);
  }

 private:
  // kTables[j][six bits]: level of the code in bits 2 j and 2 j + 1.
  static constexpr std::array<std::array<int8_t, 64>, 3> kTables = [] {
    std::array<std::array<int8_t, 64>, 3> tables = {};
    for (size_t j = 0; j < 3; ++j) {
      for (size_t bits = 0; bits < 64; ++bits) {
        tables[j][bits] = static_cast<int8_t>(2 * static_cast<int>((bits >> (2 * j)) & 3U) - kMax);
      }
    }
    return tables;
  }();

  __m512i tables_[3];
};

class Decoder2 : public NarrowSums {
 public:
  static constexpr format::TensorType kType = format::TensorType::kW2;

  DecodedRow Decode(const uint8_t* tile_block, int64_t row) const {
    DecodedRow out;
    levels_.Decode(Load64(tile_block + format::kAlignment + 64 * row), out.levels);
    out.multipliers = multipliers_.Decode(tile_block, row);
    return out;
  }

 private:
  DenseMultipliers multipliers_;
  TwoBitLevels<format::kW2Max> levels_;
};

class Decoder3 : public NarrowSums {
 public:
  static constexpr format::TensorType kType = format::TensorType::kW3;

  DecodedRow Decode(const uint8_t* tile_block, int64_t row) const {
    const uint8_t* bytes = tile_block + format::kAlignment + 96 * row;
    DecodedRow out;
    levels_.Decode(Load64(bytes), out.levels);
    // The high bits are the masks of the bytes whose level is 8 more.
    for (int j = 0; j < 4; ++j) {
      uint64_t high = 0;
      std::memcpy(&high, bytes + 64 + 8 * j, sizeof(high));
      out.levels[j] = _mm512_mask_add_epi8(out.levels[j], high, out.levels[j], eight_);
    }
    out.multipliers = multipliers_.Decode(tile_block, row);
    return out;
  }

 private:
  DenseMultipliers multipliers_;
  TwoBitLevels<format::kW3Max> levels_;
  __m512i eight_ = _mm512_set1_epi8(8);
};

class Decoder4 : public NarrowSums {
 public:
  static constexpr format::TensorType kType = format::TensorType::kW4;

  DecodedRow Decode(const uint8_t* tile_block, int64_t row) const {
    const uint8_t* bytes = tile_block + format::kAlignment + 128 * row;
    DecodedRow out;
    for (int half = 0; half < 2; ++half) {
      const __m512i pair = Load64(bytes + 64 * half);
      out.levels[2 * half] = Signed(pair);
      out.levels[2 * half + 1] = Signed(_mm512_srli_epi16(pair, 4));
    }
    out.multipliers = multipliers_.Decode(tile_block, row);
    return out;
  }

 private:
  // The low nibbles as two's complement numbers.
  __m512i Signed(__m512i bytes) const {
    return _mm512_shuffle_epi8(levels_, _mm512_and_si512(bytes, low_nibbles_));
  }

  DenseMultipliers multipliers_;
  __m512i low_nibbles_ = _mm512_set1_epi8(0xF);
  __m512i levels_ =
      _mm512_broadcast_i32x4(_mm_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, -8, -7, -6, -5, -4, -3, -2, -1));
};

class Decoder8 {
 public:
  static constexpr format::TensorType kType = format::TensorType::kW8;

  DecodedRow Decode(const uint8_t* tile_block, int64_t row) const {
    const uint8_t* bytes = tile_block + format::kAlignment + 256 * row;
    DecodedRow out;
    for (int j = 0; j < 4; ++j) out.levels[j] = Load64(bytes + 64 * j);
    out.multipliers = multipliers_.Decode(tile_block, row);
    return out;
  }

  // Lane sums need 20 bits here.
  static __m512i AddScaled(__m512i acc, __m512i sums, __m512i multipliers) {
    return _mm512_add_epi32(acc, _mm512_mullo_epi32(sums, multipliers));
  }

 private:
  DenseMultipliers multipliers_;
};

}  // namespace accllm::kernels
