#pragma once

#include <verilated.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <random>

namespace accllm::rtl {

// Signals of more than 64 bits are arrays of 32-bit words in a model. These copy them to and from
// arrays, which can be compared and stored.
template <size_t N>
std::array<uint32_t, N> Words(const VlWide<N>& signal) {
  std::array<uint32_t, N> words;
  for (size_t i = 0; i < N; ++i) words[i] = signal[i];
  return words;
}

template <size_t N>
void Assign(VlWide<N>& signal, const std::array<uint32_t, N>& words) {
  for (size_t i = 0; i < N; ++i) signal[i] = words[i];
}

template <size_t N>
std::array<uint32_t, N> RandomWords(std::mt19937& random) {
  std::array<uint32_t, N> words;
  for (uint32_t& word : words) word = random();
  return words;
}

// At most 64 bits of a wide signal, from bit `lsb` on.
template <size_t N>
uint64_t Bits(const VlWide<N>& signal, size_t lsb, size_t width) {
  uint64_t bits = 0;
  for (size_t i = 0; i < width; ++i) {
    const size_t bit = lsb + i;
    bits |= static_cast<uint64_t>(signal[bit / 32] >> bit % 32 & 1) << i;
  }
  return bits;
}

template <size_t N>
void SetBits(VlWide<N>& signal, size_t lsb, size_t width, uint64_t bits) {
  for (size_t i = 0; i < width; ++i) {
    const size_t bit = lsb + i;
    const uint32_t mask = uint32_t{1} << bit % 32;
    signal[bit / 32] = (signal[bit / 32] & ~mask) | (bits >> i & 1 ? mask : 0);
  }
}

}  // namespace accllm::rtl
