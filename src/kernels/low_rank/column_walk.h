// How a vector kernel walks over B's columns, a few of its rows at a time; the same for every ISA.
// `Simd` has
//   kColumns, kRows                      of one step
//   Sums AddRows(sums, row, stride, u)   sums + row * u[0] + (row + stride) * u[1] + ...
//   AddTo(sums, scale, y)                y + float(sums) * scale
#pragma once

#include "kernels/low_rank/low_rank.h"
#include "kernels/simd/first_values.h"

namespace accllm::kernels {

// Two int16 factors in one int32, as x86 multiplies them.
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
    for (; i + Simd::kRows <= b.rank; i += Simd::kRows) {
      sums = Simd::AddRows(sums, row, b.stride, u.u + i);
      row += Simd::kRows * b.stride;
    }
    for (; i < b.rank; ++i) {
      const FirstValues<int8_t, Simd::kRows> one(u.u + i, 1);
      sums = Simd::AddRows(sums, row, 0, one.data());
      row += b.stride;
    }
    Simd::AddTo(sums, u.scale, y + r);
  }
  AddLowRankScalar({b.b + r, b.stride, b.rank}, u, n - r, y + r);
}

}  // namespace accllm::kernels
