#include "runtime/read_bandwidth.h"

#include <gtest/gtest.h>

namespace accllm {
namespace {

TEST(ReadBandwidth, EveryIsaReadsEveryByte) {
  ThreadPool pool(2);
  for (const Isa isa : kAllIsas) {
    if (!IsaSupported(isa)) continue;
    // Fails with kNumeric if the bytes read are not the bytes written.
    const auto bandwidth = MeasureReadBandwidth(pool, isa, 5 << 20, 2);
    ASSERT_TRUE(bandwidth) << bandwidth.error().ToString();
    EXPECT_GT(*bandwidth, 1e8) << IsaName(isa);
  }
}

TEST(ReadBandwidth, RefusesNothingToRead) {
  ThreadPool pool(1);
  EXPECT_EQ(MeasureReadBandwidth(pool, Isa::kScalar, 0, 1).error().code,
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(MeasureReadBandwidth(pool, Isa::kScalar, 1 << 20, 0).error().code,
            ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace accllm
