#pragma once

#include "tests/rtl/rce_program.h"

namespace accllm::rtl {

enum class RceData { kRandom, kExtreme, kOnes };

// Tiles of a matrix of random bytes times activations, as a lane gets them, and the sums of
// docs/numerics.md.
struct RceLinear {
  RceMode mode = RceMode::kSparse24;
  int slots = 4;
  int blocks = 1;
  int tiles = 1;
  RceData data = RceData::kRandom;

  // Tokens that fit: two digits a weight take two slots.
  int tokens() const { return mode == RceMode::kSparse24 ? slots : slots / 2; }
};

struct RceCase {
  RceProgram program;
  RceResults expected;
};

RceCase MakeLinear(const RceLinear& linear, uint32_t seed);

}  // namespace accllm::rtl
