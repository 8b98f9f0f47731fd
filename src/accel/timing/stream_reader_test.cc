#include "accel/timing/stream_reader.h"

#include <gtest/gtest.h>

#include "spec/accelerator.h"

namespace accllm::accel {
namespace {

constexpr KernelClock kClock = {225'000};
constexpr int64_t kBeats = 40'000;

// The share of the channels' peak that a long stream gets.
double Efficiency(const MachineTiming& timing, int64_t n_lanes) {
  StreamReader reader(timing, kClock, n_lanes);
  int64_t cycle = 0;
  for (int64_t beat = 0; beat < kBeats; ++beat) cycle = reader.Take(beat, n_lanes, 0);
  return static_cast<double>(kBeats) / static_cast<double>(cycle);
}

MachineTiming WithBursts(int64_t beats, int64_t in_flight) {
  MachineTiming timing;
  timing.burst_beats = beats;
  timing.bursts_in_flight = in_flight;
  return timing;
}

TEST(StreamReader, BurstsInFlightBoundTheStream) {
  const double unbounded = Efficiency({}, 4);
  EXPECT_NEAR(unbounded, 0.924, 0.01);  // 425 of 460.8 GB/s
  double last = 0;
  for (int64_t in_flight = 1; in_flight <= 4; ++in_flight) {
    const double efficiency = Efficiency(WithBursts(8, in_flight), 4);
    EXPECT_GT(efficiency, last);
    // Bursts of 8 beats, each some 32 cycles on its way.
    EXPECT_LT(efficiency, static_cast<double>(8 * in_flight) / 31);
    last = efficiency;
  }
  EXPECT_NEAR(Efficiency(WithBursts(8, 8), 4), unbounded, 0.01);
}

// What spec/accelerator/baselines/flightllm.toml is calibrated to.
TEST(StreamReader, ThreeBurstsComeClosestToSeventyPercent) {
  const double two = Efficiency(WithBursts(8, 2), 24);
  const double three = Efficiency(WithBursts(8, 3), 24);
  const double four = Efficiency(WithBursts(8, 4), 24);
  EXPECT_NEAR(three, 0.66, 0.01);
  EXPECT_LT(0.7 - three, 0.7 - two);
  EXPECT_LT(0.7 - three, four - 0.7);
}

TEST(StreamReader, LanesThatTakeNothingReadNothing) {
  StreamReader reader({}, kClock, 8);
  for (int64_t beat = 0; beat < 100; ++beat) reader.Take(beat, beat < 60 ? 8 : 3, 0);
  EXPECT_EQ(reader.traffic().read_bytes, (60 * 8 + 40 * 3) * isa::kBeatBytes);
  EXPECT_EQ(reader.traffic().written_bytes, 0);
}

TEST(StreamReader, NothingIsAskedForBeforeTheHold) {
  StreamReader ahead({}, kClock, 2);
  StreamReader held({}, kClock, 2);
  held.HoldUntil(1000);
  const int64_t latency = ahead.Take(0, 2, 0);
  EXPECT_EQ(held.Take(0, 2, 0), 1000 + latency);
  // What is there is taken when the engine is ready.
  EXPECT_EQ(ahead.Take(1, 2, 1000), 1000);
}

}  // namespace
}  // namespace accllm::accel
