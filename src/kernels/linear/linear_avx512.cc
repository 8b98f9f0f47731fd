#include <immintrin.h>

#include "kernels/linear/decode_avx512.h"
#include "kernels/linear/linear.h"
#include "kernels/linear/panel_avx512.h"
#include "kernels/linear/tile_walk.h"
#include "kernels/simd/lanes_avx512.h"

namespace accllm::kernels {
namespace {

using format::TensorType;

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

// A decoder as the walk wants it.
template <class Decoder>
class Simd : public Decoder, public StartFromZero {
 public:
  using Decoder::Decoder;
  using Sums = __m512i;

  static constexpr int64_t kParts = 1;

  struct Activations {
    __m512i positions[4];  // byte g of vector j is a[4 g + j] + 128
  };

  static Activations Load(const uint8_t* codes, Start /*from*/) {
    return {{Load64(codes), Load64(codes + 64), Load64(codes + 128), Load64(codes + 192)}};
  }

  static Sums Add(Sums acc, const DecodedRow& row, const Activations& a) {
    __m512i sums = _mm512_setzero_si512();
    for (int j = 0; j < 4; ++j) sums = _mm512_dpbusd_epi32(sums, a.positions[j], row.levels[j]);
    return Decoder::AddScaled(acc, sums, row.multipliers);
  }

  static void Store(const Sums* rows /*[8]*/, int32_t* raw) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(raw), SumLanesOf8(rows));
  }
};

// A FinishRows, of tiles as they are in the file: two of them fill a vector.
void FinishTiles(const PackedMatrix& w, const RawSums& raw, int64_t n_tokens, const float* a_scales,
                 float* y, int64_t y_stride) {
  constexpr int64_t kLanes = 2 * format::kTileRows;
  const auto load_tile = [](const int32_t* sums) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(sums));
  };
  // A token's rows of all tiles at once: results of different tokens may share a set of the cache,
  // where a line that is written in parts is fetched for each of them.
  for (int64_t t = 0; t < n_tokens; ++t) {
    const __m512 a_scale = _mm512_set1_ps(a_scales[t]);
    for (int64_t i = 0; i < raw.n_rows; i += kLanes) {
      // Of one token, a run's sums follow each other like those of tiles.
      const int32_t* tile = raw.sums + i * n_tokens + t * format::kTileRows;
      __m512i sums = _mm512_castsi256_si512(load_tile(tile));
      if (i + format::kTileRows < raw.n_rows) {
        sums = _mm512_inserti64x4(sums, load_tile(tile + n_tokens * format::kTileRows), 1);
      }
      const int64_t row = raw.row + i;
      const __mmask16 mask = FirstLanes(raw.n_rows - i);
      const __m512i row_sums = _mm512_maskz_loadu_epi32(mask, w.row_sums + row);
      const __m512 scales = _mm512_mul_ps(_mm512_maskz_loadu_ps(mask, w.row_scales + row), a_scale);
      const __m512i acc = _mm512_sub_epi32(sums, _mm512_slli_epi32(row_sums, 7));
      _mm512_mask_storeu_ps(y + t * y_stride + i, mask,
                            _mm512_mul_ps(_mm512_cvtepi32_ps(acc), scales));
    }
  }
}

// Tokens that follow the stream of weights.
constexpr int kFew = 3;

template <class Decoder>
void Set(TileKernel KernelsOfTypes::*of_type, TileKernels& kernels) {
  kernels.*of_type = WalkTiles<Simd<Decoder>, kFew>;
  kernels.panel.*of_type = avx512::AddPanel<avx512::DenseRows<Decoder>>;
}

}  // namespace

TileKernels Avx512TileKernels() {
  TileKernels kernels;
  kernels.w2s24 = WalkTiles<Simd<CodeDecoder<TensorType::kW2S24>>, kFew>;
  kernels.panel.w2s24 = avx512::AddPanel<avx512::SurvivorRows>;
  Set<CodeDecoder<TensorType::kW2Free>>(&KernelsOfTypes::w2free, kernels);
  Set<Decoder2>(&KernelsOfTypes::w2, kernels);
  Set<Decoder3>(&KernelsOfTypes::w3, kernels);
  Set<Decoder4>(&KernelsOfTypes::w4, kernels);
  kernels.w8 = WalkTiles<Simd<Decoder8>, kFew>;
  kernels.arrange = avx512::ArrangeForPanel;
  kernels.min_panel_tokens = kFew + 1;
  kernels.finish = FinishTiles;
  kernels.tokens_at_once = kMaxTileTokens;
  return kernels;
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
