#include <immintrin.h>

#include "kernels/low_rank/column_walk.h"

namespace accllm::kernels {
namespace {

struct ColumnsAvx512 {
  static constexpr int64_t kColumns = 16;
  static constexpr int64_t kRows = 2;
  using Sums = __m512i;

  static Sums AddRows(Sums sums, const int8_t* row, int64_t stride, const int8_t* u) {
    const __m128i a = _mm_loadu_si128(reinterpret_cast<const __m128i*>(row));
    const __m128i b = _mm_loadu_si128(reinterpret_cast<const __m128i*>(row + stride));
    const __m256i pairs = _mm256_set_m128i(_mm_unpackhi_epi8(a, b), _mm_unpacklo_epi8(a, b));
    const __m512i products = _mm512_madd_epi16(_mm512_cvtepi8_epi16(pairs),
                                               _mm512_set1_epi32(PairOfFactors(u[0], u[1])));
    return _mm512_add_epi32(sums, products);
  }

  static void AddTo(Sums sums, float scale, float* y) {
    const __m512 product = _mm512_mul_ps(_mm512_cvtepi32_ps(sums), _mm512_set1_ps(scale));
    _mm512_storeu_ps(y, _mm512_add_ps(_mm512_loadu_ps(y), product));
  }
};

}  // namespace

void AddLowRankAvx512(const LowRankColumns& b, const LowRankInput& u, int64_t n, float* y) {
  WalkColumns<ColumnsAvx512>(b, u, n, y);
}

}  // namespace accllm::kernels
