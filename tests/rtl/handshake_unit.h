// Runs vectors through a unit with valid and ready on both sides.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>

#include "tests/rtl/bench.h"
#include "tests/rtl/stream.h"

namespace accllm::rtl {

// drive(model, i) sets the inputs of vector i, or any where none is offered; check(model, i) looks
// at its result and returns whether it is right, in every cycle in which it is offered. Both sides
// stall at random. Stops at the first wrong result, or if a vector takes more than `most_cycles`.
template <class Model, class Drive, class Check>
void RunHandshake(Bench<Model>& dut, int64_t n, int64_t most_cycles, Drive drive, Check check) {
  Stall source(1);
  Stall sink(2);
  dut->valid_i = 0;
  dut->ready_i = 0;
  dut.Reset();
  int64_t sent = 0;
  int64_t received = 0;
  bool is_offered = false;
  bool is_waiting = false;
  int64_t last = dut.cycles();
  while (received < n) {
    is_offered = sent < n && (is_offered || !source());
    dut->valid_i = is_offered;
    drive(dut.model(), is_offered ? sent : sent ^ 5);
    dut->ready_i = !sink();
    dut.Settle();
    if (is_offered && dut->ready_o) {
      ++sent;
      is_offered = false;
    }
    ASSERT_TRUE(dut->valid_o || !is_waiting) << "vector " << received << " was taken back";
    is_waiting = dut->valid_o;
    if (dut->valid_o) {
      ASSERT_LT(received, sent) << "a result that nobody asked for";
      ASSERT_TRUE(check(dut.model(), received)) << "vector " << received;
      if (dut->ready_i) {
        ++received;
        is_waiting = false;
        last = dut.cycles();
      }
    }
    // Phases of a stall last up to 64 cycles, and a few may follow each other.
    ASSERT_LT(dut.cycles() - last, most_cycles + 1000) << "vector " << received << " does not come";
    dut.Edge();
  }
}

}  // namespace accllm::rtl
