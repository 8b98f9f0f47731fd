// SplitMix64 (Steele, Lea, Flood 2014): small, well mixed, the same on every machine.
#pragma once

#include <cstdint>

namespace accllm {

// The next number of the sequence that `state` stands for; any state is a good seed.
inline uint64_t SplitMix64(uint64_t& state) {
  state += 0x9E3779B97F4A7C15ULL;
  uint64_t z = state;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31);
}

}  // namespace accllm
