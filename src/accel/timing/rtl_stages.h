// Cycles of the kernel's parts, under the names that rtl/ has for them. tests/rtl/cycles_bench.cc
// holds the cycle model to the RTL.
#pragma once

#include <cstdint>

namespace accllm::accel::rtl {

// fp_pkg
inline constexpr int64_t kAddLatency = 4;
inline constexpr int64_t kMulLatency = 6;
inline constexpr int64_t kDivLatency = 29;
inline constexpr int64_t kFromIntLatency = 3;
inline constexpr int64_t kSiluMulLatency = 66;

// rce_pkg: from a beat's control to its sums.
inline constexpr int64_t kLaneStages = 23;

// vector_pkg: after an operation.
inline constexpr int64_t kReadStage = 1;
inline constexpr int64_t kProductStage = 9;
inline constexpr int64_t kBiasStage = 15;
inline constexpr int64_t kAddStage = 19;
inline constexpr int64_t kWriteStage = 23;

// kv_pkg
inline constexpr int64_t kHeadsAhead = 2;
inline constexpr int64_t kStepStage = 19;
inline constexpr int64_t kScoreStages = 14;
inline constexpr int64_t kWeightStages = 32;
inline constexpr int64_t kHeadScalarStages = 39;
inline constexpr int64_t kLevelStages = 15;
inline constexpr int64_t kZeroSumStages = 4;

// operand_feed, level_feed: places, and until one that was used is written again.
inline constexpr int64_t kOperandPlaces = 8;
inline constexpr int64_t kLevelPlaces = 16;
inline constexpr int64_t kFreeDelay = 10;

}  // namespace accllm::accel::rtl
