// How fast this machine reads memory: the bound of decoding, measured beside it.
#pragma once

#include <cstdint>

#include "base/huge_buffer.h"
#include "base/isa.h"
#include "base/result.h"
#include "base/thread_pool.h"

namespace accllm {

// Reads a buffer in huge pages, far larger than any cache, `passes` times with all threads of
// `pool`, each its own contiguous part. Returns the best pass in bytes per second.
// Errors: kOutOfMemory, kInvalidArgument (bytes or passes below 1).
Result<double> MeasureReadBandwidth(ThreadPool& pool, Isa isa, int64_t bytes, int passes);

}  // namespace accllm
