#include "compress/second_moment.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "linalg/linalg.h"

namespace accllm {

SecondMoment::SecondMoment(int64_t cols)
    : cols_(cols), sum_(static_cast<size_t>(cols * cols), 0.0F) {}

void SecondMoment::Add(std::span<const float> x, ThreadPool& pool) {
  const int64_t n_tokens = static_cast<int64_t>(x.size()) / cols_;
  assert(n_tokens * cols_ == static_cast<int64_t>(x.size()));
  AddTransposedProduct(x, x, n_tokens, cols_, cols_, true, sum_, pool);
  n_tokens_ += n_tokens;
}

std::vector<float> SecondMoment::Release() {
  constexpr int64_t kBlock = 64;  // mirrored block by block to stay within the cache
  for (int64_t i0 = 0; i0 < cols_; i0 += kBlock) {
    for (int64_t j0 = 0; j0 <= i0; j0 += kBlock) {
      for (int64_t i = i0; i < std::min(cols_, i0 + kBlock); ++i) {
        for (int64_t j = j0; j < std::min(i, j0 + kBlock); ++j) {
          sum_[static_cast<size_t>(j * cols_ + i)] = sum_[static_cast<size_t>(i * cols_ + j)];
        }
      }
    }
  }
  n_tokens_ = 0;
  return std::exchange(sum_, {});
}

CrossMoment::CrossMoment(int64_t rows, int64_t cols)
    : rows_(rows), cols_(cols), sum_(static_cast<size_t>(rows * cols), 0.0F) {}

void CrossMoment::Add(std::span<const float> a, std::span<const float> b, ThreadPool& pool) {
  const int64_t n_tokens = static_cast<int64_t>(a.size()) / rows_;
  assert(n_tokens * cols_ == static_cast<int64_t>(b.size()));
  AddTransposedProduct(a, b, n_tokens, rows_, cols_, false, sum_, pool);
}

}  // namespace accllm
