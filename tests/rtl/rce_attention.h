#pragma once

#include "tests/rtl/rce_linear.h"

namespace accllm::rtl {

// Keys of random codes and groups times queries: for each beat Σ_g m_g Σ q (code - zero). Queries
// change now and then; some beats hold two tokens of 64 dimensions.
struct RceKeys {
  int slots = 4;
  int beats = 100;
  bool split = false;
  RceData data = RceData::kRandom;
};
RceCase MakeKeys(const RceKeys& keys, uint32_t seed);

// Values of random codes: for each of four dimensions Σ_chunks factor Σ level (code - 8), and the
// next head after them.
struct RceValues {
  int slots = 4;
  int heads = 3;
  int chunks = 20;
  RceData data = RceData::kRandom;
};
RceCase MakeValues(const RceValues& values, uint32_t seed);

}  // namespace accllm::rtl
