// What this machine could do at most, measured beside what it does: reading memory, which bounds
// decoding, and products of 8-bit integers, which bound prefill.
#pragma once

#include <cstdint>
#include <utility>

#include "base/huge_buffer.h"
#include "base/isa.h"
#include "base/result.h"
#include "base/thread_pool.h"

namespace accllm {

class ReadBandwidth {
 public:
  // A buffer of `bytes`, far more than any cache, in huge pages; each thread of `pool`, which must
  // outlive this, reads its own contiguous part. Errors: kOutOfMemory, kInvalidArgument (too few
  // bytes).
  static Result<ReadBandwidth> Create(ThreadPool& pool, Isa isa, int64_t bytes);

  // Reads the buffer once: bytes per second. Errors: kNumeric, if it is not what was written.
  Result<double> Measure() const;

 private:
  ReadBandwidth(ThreadPool& pool, Isa isa, HugeBuffer buffer)
      : pool_(&pool), isa_(isa), buffer_(std::move(buffer)) {}

  ThreadPool* pool_;
  Isa isa_;
  HugeBuffer buffer_;
};

// Multiply-adds of 8-bit integers per second on all threads of `pool`: dot-product instructions of
// `isa` that depend on nothing but their sums, for some milliseconds. 0 on an ISA without them.
double MeasureDotPeak(ThreadPool& pool, Isa isa);

}  // namespace accllm
