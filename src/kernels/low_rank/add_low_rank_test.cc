#include <gtest/gtest.h>

#include "kernels/kernel_table.h"
#include "kernels/low_rank/low_rank.h"
#include "kernels/testing/test_data.h"

namespace accllm::kernels {
namespace {

using testing::FirstDifference;
using testing::Random;
using testing::SupportedIsas;

struct Problem {
  std::vector<int8_t> b;  // [rank, stride]
  std::vector<int8_t> u;  // [rank]
  int64_t stride = 0;
  float scale = 0;
};

// With `extreme` every product is as large as it can be.
Problem RandomProblem(Random& random, int64_t rank, int64_t stride, bool extreme) {
  const auto value = [&] { return static_cast<int8_t>(extreme ? 127 : random.Integer(-127, 127)); };
  Problem p = {{}, {}, stride, 0.013F};
  for (int64_t i = 0; i < rank * stride; ++i) p.b.push_back(value());
  for (int64_t i = 0; i < rank; ++i) p.u.push_back(value());
  return p;
}

std::vector<float> RunKernel(AddLowRank kernel, const Problem& p, int64_t first, int64_t n,
                             const std::vector<float>& start) {
  std::vector<float> y(start.begin(), start.begin() + n);
  y.push_back(99.0F);
  const auto rank = static_cast<int64_t>(p.u.size());
  kernel({p.b.data() + first, p.stride, rank}, {p.u.data(), p.scale}, n, y.data());
  EXPECT_EQ(y.back(), 99.0F);
  y.pop_back();
  return y;
}

TEST(AddLowRank, ScalarEqualsTheDefinition) {
  const Problem p = {{1, 2, 3, -4, 5, -6}, {10, -20}, 3, 0.5F};
  const std::vector<float> y = RunKernel(AddLowRankScalar, p, 0, 3, {1.0F, 2.0F, 3.0F});
  EXPECT_EQ(y, (std::vector<float>{1.0F + 45.0F, 2.0F - 40.0F, 3.0F + 75.0F}));
}

TEST(AddLowRank, EveryIsaEqualsScalar) {
  Random random(1);
  for (const Isa isa : SupportedIsas()) {
    for (const int64_t rank : {1, 2, 3, 4, 7, 8, 16, 33, 300}) {
      for (const int64_t n : {0, 1, 8, 15, 16, 17, 40, 256, 300}) {
        const Problem p = RandomProblem(random, rank, n + 5, rank == 300);
        const std::vector<float> start = random.Floats(n);
        EXPECT_EQ(FirstDifference(RunKernel(KernelsFor(isa).add_low_rank, p, 5, n, start),
                                  RunKernel(AddLowRankScalar, p, 5, n, start)),
                  -1)
            << IsaName(isa) << ", rank " << rank << ", " << n << " columns";
      }
    }
  }
}

TEST(AddLowRank, AScaleThatIsNotANumberReachesEveryColumn) {
  Random random(2);
  Problem p = RandomProblem(random, 4, 20, false);
  p.u.assign(4, 0);
  p.scale = std::nanf("");
  for (const Isa isa : SupportedIsas()) {
    for (const float y : RunKernel(KernelsFor(isa).add_low_rank, p, 0, 20, random.Floats(20))) {
      EXPECT_TRUE(std::isnan(y)) << IsaName(isa);
    }
  }
}

}  // namespace
}  // namespace accllm::kernels
