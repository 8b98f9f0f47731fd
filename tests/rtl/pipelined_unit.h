// Runs vectors through a unit that takes one in each cycle with en_i high.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>

#include "base/split_mix64.h"
#include "tests/rtl/bench.h"

namespace accllm::rtl {

// drive(model, i) sets the inputs of vector i; check(model, i) looks at its result, `latency`
// enabled cycles later, and returns whether it is right. In one of eight cycles en_i is low, and
// the inputs are those of some other vector. Stops at the first wrong result.
template <class Model, class Drive, class Check>
void RunPipelined(Bench<Model>& dut, int latency, int64_t n, Drive drive, Check check) {
  uint64_t random = 1;
  for (int64_t i = 0; i < n + latency; ++i) {
    while (SplitMix64(random) >> 61 == 0) {
      dut->en_i = 0;
      drive(dut.model(), i ^ 5);
      dut.Settle();
      dut.Edge();
    }
    dut->en_i = 1;
    drive(dut.model(), i);
    dut.Settle();
    dut.Edge();
    if (i + 1 >= latency && i + 1 - latency < n) {
      ASSERT_TRUE(check(dut.model(), i + 1 - latency)) << "vector " << i + 1 - latency;
    }
  }
}

}  // namespace accllm::rtl
