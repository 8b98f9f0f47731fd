#include <immintrin.h>

#include <cstring>

#include "kernels/linear/decode_avx2.h"
#include "kernels/linear/finish_loops.h"
#include "kernels/linear/linear.h"
#include "kernels/linear/tile_walk.h"
#include "kernels/simd/lanes_avx2.h"

namespace accllm::kernels {

TileKernels Avx2TileKernels() {
  TileKernels kernels({WalkTiles<avx2::Simd24>, WalkTiles<avx2::SimdFree>, WalkTiles<avx2::Simd2>,
                       WalkTiles<avx2::Simd3>, WalkTiles<avx2::Simd4>, WalkTiles<avx2::Simd8>});
  kernels.w2s24_interleaved = Interleaved24Avx2;
  kernels.finish = FinishRowsLoops;
  return kernels;
}

float DotF16Avx2(const uint16_t* row, const float* x, int64_t n) {
  __m256 lanes[2] = {_mm256_setzero_ps(), _mm256_setzero_ps()};
  const auto add = [&lanes](const uint16_t* halves, const float* floats) {
    for (int i = 0; i < 2; ++i) {
      const __m128i half = _mm_loadu_si128(reinterpret_cast<const __m128i*>(halves + 8 * i));
      const __m256 product = _mm256_mul_ps(_mm256_cvtph_ps(half), _mm256_loadu_ps(floats + 8 * i));
      lanes[i] = _mm256_add_ps(lanes[i], product);
    }
  };
  int64_t k = 0;
  for (; k + 16 <= n; k += 16) add(row + k, x + k);
  if (k < n) {
    uint16_t last_row[16] = {};
    float last_x[16] = {};
    std::memcpy(last_row, row + k, static_cast<size_t>(n - k) * sizeof(uint16_t));
    std::memcpy(last_x, x + k, static_cast<size_t>(n - k) * sizeof(float));
    add(last_row, last_x);
  }
  return TreeSum(lanes[0], lanes[1]);
}

}  // namespace accllm::kernels
