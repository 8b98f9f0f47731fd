// What an accelerator costs in cycles, beside its memory.
#pragma once

#include <cstdint>

#include "accel/timing/hbm_timing.h"

namespace accllm::accel {

// Widths and latencies. The latencies are those that the RTL is to have: a float adder of 4 stages,
// dividers and roots of a stage a bit and rounding.
struct MachineTiming {
  HbmTiming hbm;
  int64_t vector_lanes = 32;   // floats that the vector unit takes a cycle
  int64_t stream_beats = 512;  // of a lane's stream buffer: 8 BRAMs
  int64_t sum_lanes = 16;      // partial sums of squares, as docs/numerics.md has them
  int64_t float_add = 4;       // latency
  int64_t float_divide = 28;
  int64_t float_root = 28;
  int64_t vector_pipeline = 16;   // a pass of the vector unit, from read to write
  int64_t lane_pipeline = 24;     // a beat's way through select, adders, multipliers, sum
  int64_t softmax_pipeline = 40;  // score to weight
  int64_t kv4_pipeline = 150;     // rotation, transform and choice of codes of one head
  int64_t query_pipeline = 120;   // two rotations, transform and quantisation of one head
};

}  // namespace accllm::accel
