// Vector loads where an array ends inside the vector.
#pragma once

#include <algorithm>
#include <cstdint>

namespace accllm::kernels {

// values[0 .. kCount) where only `count` may be read: a copy with zeros behind unless all may.
template <class T, int64_t kCount>
class FirstValues {
 public:
  FirstValues(const T* values, int64_t count) : values_(values) {
    if (count >= kCount) return;
    std::fill(std::copy_n(values, count, copy_), copy_ + kCount, T{});
    values_ = copy_;
  }
  FirstValues(const FirstValues&) = delete;
  FirstValues& operator=(const FirstValues&) = delete;

  const T* data() const { return values_; }

 private:
  const T* values_;
  T copy_[kCount];
};

}  // namespace accllm::kernels
