// What the cycle model is told of an accelerator.
#pragma once

#include <cstdint>
#include <optional>

#include "accel/timing/hbm_timing.h"

namespace accllm::accel {

// A matrix engine that multiplies in DSPs, as published designs have. This project's lanes need no
// such description: what they cost follows from the formats of their streams.
struct DspArray {
  int64_t channels = 32;        // of memory, shared out evenly among the cores
  int64_t cores = 1;            // each works on rows, or on heads, of its own
  int64_t rows_together = 128;  // that a core computes at once; fewer take as long
  int64_t vector_lanes = 32;    // floats that its special function units take a cycle
  double macs_per_cycle = 0;    // of all cores, a matrix times a vector
  double multiplied_share = 1;  // of the weights; the rest is pruned
  double weight_bits = 8;       // a weight as stored, pruned ones and indices included
  double cached_bits = 8;       // a value of the cache as stored
};

// Memory, buffers, and what of a machine a program does not say. This project's lanes take as many
// cycles as the RTL, rtl_stages.h.
struct MachineTiming {
  HbmTiming hbm;
  int64_t stream_beats = 512;  // of a lane's stream buffer: 8 BRAMs

  // Of this project's lanes: parameters of accllm_top.
  int64_t read_burst_beats = 64;
  int64_t lanes_per_silu = 4;
  int64_t head_queries = 0;  // 0: all queries of a KV head in the largest pass
  int64_t cache_bits = 4;    // of cached codes: 4, or for estimates alone 8 or 16

  // Of published machines. How long their units take is not published: assumed.
  std::optional<DspArray> dsp_array;  // instead of this project's lanes
  int64_t burst_beats = 0;       // of a request; 0: each beat is one, and as many as have room wait
  int64_t bursts_in_flight = 0;  // of one channel, if there are bursts
  int64_t heads_ahead = 2;       // whose keys are read before the first values
  // From the end of an instruction to the start of the next; nothing: they overlap where data and
  // units allow it.
  std::optional<int64_t> barrier_cycles;
  int64_t sum_lanes = 16;  // partial sums of squares
  int64_t float_add = 4;   // latency
  int64_t float_divide = 28;
  int64_t float_root = 28;
  int64_t vector_pipeline = 16;   // a pass of the vector unit, from read to write
  int64_t lane_pipeline = 24;     // a beat's way through select, adders, multipliers, sum
  int64_t softmax_pipeline = 40;  // score to weight
  int64_t kv4_pipeline = 150;     // rotation, transform and choice of codes of one head
  int64_t query_pipeline = 120;   // two rotations, transform and quantisation of one head
};

}  // namespace accllm::accel
