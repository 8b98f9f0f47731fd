// How a vector kernel walks over B's columns, two of its rows at a time; the same for every ISA.
// `Simd` has
//   kColumns                                columns of one step
//   Sums AddPair(sums, row, next, factors)  sums + row * low half + next * high half of `factors`
//   AddTo(sums, scale, y)                   y + float(sums) * scale
#pragma once

#include "kernels/low_rank/low_rank.h"

namespace accllm::kernels {

// Two int16 factors in one int32.
inline int32_t PairOfFactors(int8_t low, int8_t high) {
  const auto bits = [](int8_t x) {
    return static_cast<uint32_t>(static_cast<uint16_t>(int16_t{x}));
  };
  return static_cast<int32_t>(bits(low) | bits(high) << 16);
}

template <class Simd>
void WalkColumns(const LowRankColumns& b, const LowRankInput& u, int64_t n, float* y) {
  int64_t r = 0;
  for (; r + Simd::kColumns <= n; r += Simd::kColumns) {
    typename Simd::Sums sums = {};
    const int8_t* row = b.b + r;
    int64_t i = 0;
    for (; i + 1 < b.rank; i += 2) {
      sums = Simd::AddPair(sums, row, row + b.stride, PairOfFactors(u.u[i], u.u[i + 1]));
      row += 2 * b.stride;
    }
    if (i < b.rank) sums = Simd::AddPair(sums, row, row, PairOfFactors(u.u[i], 0));
    Simd::AddTo(sums, u.scale, y + r);
  }
  AddLowRankScalar({b.b + r, b.stride, b.rank}, u, n - r, y + r);
}

}  // namespace accllm::kernels
