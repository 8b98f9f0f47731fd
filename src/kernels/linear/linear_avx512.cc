#include <immintrin.h>

#include <array>
#include <utility>

#include "kernels/linear/decode_avx512.h"
#include "kernels/linear/linear.h"
#include "kernels/simd/lanes_avx512.h"

namespace accllm::kernels {
namespace {

constexpr int64_t kRows = format::kTileRows;
constexpr int64_t kPrefetchBytes = 4096;
// Blocks whose activations (8 tokens: 32 KiB) stay in the first cache while 8 rows use them.
constexpr int64_t kBlocksAtOnce = 16;

struct Activations {
  __m512i positions[4];  // byte g of vector j is a[4 g + j] + 128
};

inline Activations LoadActivations(const uint8_t* codes) {
  return {{Load64(codes), Load64(codes + 64), Load64(codes + 128), Load64(codes + 192)}};
}

inline __m512i Dot(const DecodedRow& row, const Activations& a) {
  __m512i sums = _mm512_setzero_si512();
  for (int j = 0; j < 4; ++j) sums = _mm512_dpbusd_epi32(sums, a.positions[j], row.levels[j]);
  return sums;
}

// The sums of the lanes of each of 8 vectors.
inline __m256i SumLanesOf8(const __m512i* v) {
  __m512i by4[2];  // per 128-bit lane: one dword for each of 4 vectors
  for (int i = 0; i < 2; ++i) {
    const __m512i* u = v + 4 * i;
    const __m512i s01 =
        _mm512_add_epi32(_mm512_unpacklo_epi32(u[0], u[1]), _mm512_unpackhi_epi32(u[0], u[1]));
    const __m512i s23 =
        _mm512_add_epi32(_mm512_unpacklo_epi32(u[2], u[3]), _mm512_unpackhi_epi32(u[2], u[3]));
    by4[i] = _mm512_add_epi32(_mm512_unpacklo_epi64(s01, s23), _mm512_unpackhi_epi64(s01, s23));
  }
  const __m512i halves = _mm512_add_epi32(_mm512_shuffle_i32x4(by4[0], by4[1], 0x44),
                                          _mm512_shuffle_i32x4(by4[0], by4[1], 0xEE));
  const __m512i even = _mm512_shuffle_i32x4(halves, halves, 0x08);
  const __m512i odd = _mm512_shuffle_i32x4(halves, halves, 0x0D);
  return _mm256_add_epi32(_mm512_castsi512_si256(even), _mm512_castsi512_si256(odd));
}

inline void StoreRow(__m256i sums, int32_t* raw) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(raw), sums);
}

// Asks for the row's bytes of a later block; `row` may lie beyond the matrix then.
template <class Decoder>
inline void PrefetchRow(const uint8_t* tile_block, int64_t row) {
  const auto* bytes = reinterpret_cast<const char*>(tile_block) + kPrefetchBytes;
  constexpr int64_t kRowBytes = BlockRowBytes(Decoder::kType);
  constexpr int64_t kBeatBytes = TileBlockBytes(Decoder::kType) - kRowBytes * kRows;
  if (kBeatBytes != 0 && row == 0) _mm_prefetch(bytes, _MM_HINT_T0);
  for (int64_t at = 0; at < kRowBytes; at += 64) {
    _mm_prefetch(bytes + kBeatBytes + row * kRowBytes + at, _MM_HINT_T0);
  }
}

// One token: a block's activations stay in registers for all rows, weights are one stream.
template <class Decoder>
void OneToken(const uint8_t* tile, int64_t n_blocks, const uint8_t* codes, int32_t* raw) {
  const Decoder decoder;
  __m512i acc[kRows] = {};
  for (int64_t block = 0; block < n_blocks; ++block) {
    const Activations a = LoadActivations(codes + block * format::kBlockWeights);
#pragma GCC unroll 8
    for (int64_t row = 0; row < kRows; ++row) {
      PrefetchRow<Decoder>(tile, row);
      const DecodedRow w = decoder.Decode(tile, row);
      acc[row] = Decoder::AddScaled(acc[row], Dot(w, a), w.multipliers);
    }
    tile += TileBlockBytes(Decoder::kType);
  }
  StoreRow(SumLanesOf8(acc), raw);
}

// Several tokens: a row's block is decoded once for all of them.
template <class Decoder, int kTokens>
inline void AddRow(const Decoder& decoder, const uint8_t* tile, int64_t row, int64_t n_blocks,
                   const uint8_t* codes, int64_t token_stride, __m512i* sums /*[kTokens]*/) {
  __m512i acc[kTokens];
  for (int t = 0; t < kTokens; ++t) acc[t] = sums[t];
  for (int64_t block = 0; block < n_blocks; ++block) {
    PrefetchRow<Decoder>(tile, row);
    const DecodedRow w = decoder.Decode(tile, row);
#pragma GCC unroll 8
    for (int t = 0; t < kTokens; ++t) {
      const Activations a = LoadActivations(codes + t * token_stride);
      acc[t] = Decoder::AddScaled(acc[t], Dot(w, a), w.multipliers);
    }
    tile += TileBlockBytes(Decoder::kType);
    codes += format::kBlockWeights;
  }
  for (int t = 0; t < kTokens; ++t) sums[t] = acc[t];
}

template <class Decoder, int kTokens>
void ManyTokens(const uint8_t* tile, int64_t n_blocks, const uint8_t* codes, int32_t* raw) {
  const Decoder decoder;
  const int64_t token_stride = n_blocks * format::kBlockWeights;
  __m512i sums[kRows][kTokens] = {};
  for (int64_t block = 0; block < n_blocks; block += kBlocksAtOnce) {
    const int64_t n = n_blocks - block < kBlocksAtOnce ? n_blocks - block : kBlocksAtOnce;
    for (int64_t row = 0; row < kRows; ++row) {
      AddRow<Decoder, kTokens>(decoder, tile + block * TileBlockBytes(Decoder::kType), row, n,
                               codes + block * format::kBlockWeights, token_stride, sums[row]);
    }
  }
  for (int t = 0; t < kTokens; ++t) {
    __m512i rows[kRows];
    for (int64_t row = 0; row < kRows; ++row) rows[row] = sums[row][t];
    StoreRow(SumLanesOf8(rows), raw + t * kRows);
  }
}

template <class Decoder>
void Tile(const uint8_t* tile, int64_t n_blocks, const uint8_t* codes, int64_t n_tokens,
          int32_t* raw) {
  using Kernel = void (*)(const uint8_t*, int64_t, const uint8_t*, int32_t*);
  static constexpr auto kByTokens = []<int... kMore>(std::integer_sequence<int, kMore...>) {
    return std::array<Kernel, kMaxTileTokens>{OneToken<Decoder>, ManyTokens<Decoder, kMore + 2>...};
  }
  (std::make_integer_sequence<int, kMaxTileTokens - 1>());
  kByTokens[static_cast<size_t>(n_tokens - 1)](tile, n_blocks, codes, raw);
}

}  // namespace

TileKernels Avx512TileKernels() {
  return {Tile<Decoder24>, Tile<Decoder2>, Tile<Decoder3>, Tile<Decoder4>, Tile<Decoder8>};
}

float DotF16Avx512(const uint16_t* row, const float* x, int64_t n) {
  __m512 lanes = _mm512_setzero_ps();
  const auto add = [&lanes](__m256i half, __m512 v) {
    lanes = _mm512_add_ps(lanes, _mm512_mul_ps(_mm512_cvtph_ps(half), v));
  };
  int64_t k = 0;
  for (; k + 16 <= n; k += 16) {
    add(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(row + k)), _mm512_loadu_ps(x + k));
  }
  if (k < n) {
    const __mmask16 mask = FirstLanes(n - k);
    add(_mm256_maskz_loadu_epi16(mask, row + k), _mm512_maskz_loadu_ps(mask, x + k));
  }
  return TreeSum(lanes);
}

}  // namespace accllm::kernels
