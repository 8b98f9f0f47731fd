#pragma once

#include <verilated.h>

#include <concepts>
#include <cstddef>
#include <cstdint>

namespace accllm::rtl {

// Fields of at most 64 bits of a model's signals, which are integers up to 64 bits and arrays of
// 32-bit words above.
template <std::integral T>
uint64_t Field(const T& signal, size_t lsb, size_t width) {
  return static_cast<uint64_t>(signal) >> lsb & (~uint64_t{0} >> (64 - width));
}

template <size_t N>
uint64_t Field(const VlWide<N>& signal, size_t lsb, size_t width) {
  uint64_t field = 0;
  for (size_t have = 0; have < width;) {
    const size_t bit = lsb + have;
    field |= static_cast<uint64_t>(signal[bit / 32] >> bit % 32) << have;
    have += 32 - bit % 32;
  }
  return Field(field, 0, width);
}

template <class Signal>
int64_t SignedField(const Signal& signal, size_t lsb, size_t width) {
  return static_cast<int64_t>(Field(signal, lsb, width) << (64 - width)) >> (64 - width);
}

template <std::integral T>
void SetField(T& signal, size_t lsb, size_t width, uint64_t value) {
  const uint64_t mask = (~uint64_t{0} >> (64 - width)) << lsb;
  signal = static_cast<T>((static_cast<uint64_t>(signal) & ~mask) | (value << lsb & mask));
}

template <size_t N>
void SetField(VlWide<N>& signal, size_t lsb, size_t width, uint64_t value) {
  while (width > 0) {
    const size_t here = lsb % 32 + width < 32 ? width : 32 - lsb % 32;
    SetField(signal[lsb / 32], lsb % 32, here, value);
    value >>= here;
    lsb += here;
    width -= here;
  }
}

// All `width` bits of a signal; those above must stay 0.
void Randomize(auto& signal, size_t width, auto& random) {
  for (size_t bit = 0; bit < width; bit += 32) {
    SetField(signal, bit, width - bit < 32 ? width - bit : 32, random());
  }
}

}  // namespace accllm::rtl
