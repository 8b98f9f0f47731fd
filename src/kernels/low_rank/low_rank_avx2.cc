#include <immintrin.h>

#include "kernels/low_rank/column_walk.h"

namespace accllm::kernels {
namespace {

struct ColumnsAvx2 {
  static constexpr int64_t kColumns = 16;
  static constexpr int64_t kRows = 2;
  struct Sums {
    __m256i low;   // columns 0..7
    __m256i high;  // columns 8..15
  };

  static Sums AddRows(const Sums& sums, const int8_t* row, int64_t stride, const int8_t* u) {
    const __m128i a = _mm_loadu_si128(reinterpret_cast<const __m128i*>(row));
    const __m128i b = _mm_loadu_si128(reinterpret_cast<const __m128i*>(row + stride));
    const __m256i f = _mm256_set1_epi32(PairOfFactors(u[0], u[1]));
    const __m256i low = _mm256_cvtepi8_epi16(_mm_unpacklo_epi8(a, b));
    const __m256i high = _mm256_cvtepi8_epi16(_mm_unpackhi_epi8(a, b));
    return {_mm256_add_epi32(sums.low, _mm256_madd_epi16(low, f)),
            _mm256_add_epi32(sums.high, _mm256_madd_epi16(high, f))};
  }

  static void AddTo(const Sums& sums, float scale, float* y) {
    const __m256 s = _mm256_set1_ps(scale);
    const __m256 low = _mm256_mul_ps(_mm256_cvtepi32_ps(sums.low), s);
    const __m256 high = _mm256_mul_ps(_mm256_cvtepi32_ps(sums.high), s);
    _mm256_storeu_ps(y, _mm256_add_ps(_mm256_loadu_ps(y), low));
    _mm256_storeu_ps(y + 8, _mm256_add_ps(_mm256_loadu_ps(y + 8), high));
  }
};

}  // namespace

void AddLowRankAvx2(const LowRankColumns& b, const LowRankInput& u, int64_t n, float* y) {
  WalkColumns<ColumnsAvx2>(b, u, n, y);
}

}  // namespace accllm::kernels
