#include "runtime/machine_limits.h"

#include <gtest/gtest.h>

namespace accllm {
namespace {

TEST(ReadBandwidth, EveryIsaReadsEveryByte) {
  ThreadPool pool(2);
  for (const Isa isa : kAllIsas) {
    if (!IsaSupported(isa)) continue;
    const auto bandwidth = ReadBandwidth::Create(pool, isa, 5 << 20);
    ASSERT_TRUE(bandwidth) << bandwidth.error().ToString();
    for (int pass = 0; pass < 2; ++pass) {
      // Fails with kNumeric if the bytes read are not the bytes written.
      const auto measured = bandwidth->Measure();
      ASSERT_TRUE(measured) << measured.error().ToString();
      EXPECT_GT(*measured, 1e8) << IsaName(isa);
    }
  }
}

TEST(ReadBandwidth, RefusesNothingToRead) {
  ThreadPool pool(1);
  EXPECT_EQ(ReadBandwidth::Create(pool, Isa::kScalar, 0).error().code, ErrorCode::kInvalidArgument);
}

TEST(DotPeak, IsThatOfTheVectorIsas) {
  ThreadPool pool(2);
  for (const Isa isa : kAllIsas) {
    if (!IsaSupported(isa)) continue;
    EXPECT_EQ(MeasureDotPeak(pool, isa) > 1e8, isa != Isa::kScalar) << IsaName(isa);
  }
}

}  // namespace
}  // namespace accllm
