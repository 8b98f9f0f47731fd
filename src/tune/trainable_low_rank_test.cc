#include "tune/trainable_low_rank.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tune/block.h"
#include "tune/testing/small_block.h"

namespace accllm::tune {
namespace {

using testing::RandomValues;

constexpr int64_t kRows = 9;
constexpr int64_t kCols = 14;

LowRank RandomLowRank(int64_t rank, uint32_t seed) {
  return {*RoundToInt8(rank, kCols, RandomValues(rank * kCols, seed, 0.3F)),
          *RoundToInt8(rank, kRows, RandomValues(rank * kRows, seed + 1, 0.3F))};
}

std::vector<float> Product(const TrainableLowRank& low_rank, ThreadPool& pool) {
  std::vector<float> w(kRows * kCols);
  low_rank.AddTo(w, pool);
  return w;
}

// Squared distance from a target after gradient descent.
double Descend(int64_t n_steps, TrainableLowRank& low_rank, const std::vector<float>& target,
               ThreadPool& pool) {
  const LearningRates rates = {.levels = 0.02F, .scales = 0, .norms = 0};
  for (int64_t step = 1;; ++step) {
    std::vector<float> w = Product(low_rank, pool);
    double sum = 0;
    for (size_t i = 0; i < w.size(); ++i) {
      w[i] -= target[i];
      sum += static_cast<double>(w[i] * w[i]);
    }
    if (step > n_steps) return sum;
    low_rank.Step(w, rates, step, pool);
  }
}

void ExpectSame(const LowRank& a, const LowRank& b) {
  EXPECT_EQ(a.a.levels, b.a.levels);
  EXPECT_EQ(a.a.row_scales, b.a.row_scales);
  EXPECT_EQ(a.b.levels, b.b.levels);
  EXPECT_EQ(a.b.row_scales, b.b.row_scales);
}

TEST(TrainableLowRank, StartsWhereItWasGiven) {
  ThreadPool pool(2);
  const LowRank start = RandomLowRank(3, 1);
  TrainableLowRank low_rank(start);
  low_rank.Round();
  ExpectSame(low_rank.quantized(), start);
  std::vector<float> expected(kRows * kCols);
  Dequantize(start).AddTo(0, kRows, expected);
  EXPECT_EQ(Product(low_rank, pool), expected);
}

TEST(TrainableLowRank, DescendsToAMatrixOfItsRank) {
  ThreadPool pool(2);
  std::vector<float> target(kRows * kCols);
  Dequantize(RandomLowRank(3, 5)).AddTo(0, kRows, target);
  for (float& value : target) value *= 4.0F;  // beyond the start's scales
  TrainableLowRank low_rank(RandomLowRank(3, 1));
  const double before = Descend(0, low_rank, target, pool);
  EXPECT_LT(Descend(2000, low_rank, target, pool), 0.01 * before);
  const LowRank end = low_rank.quantized();
  EXPECT_TRUE(PackInt8(end.a));
  EXPECT_TRUE(PackInt8(end.b));
}

TEST(TrainableLowRank, ARestoredStateRoundsToTheSame) {
  ThreadPool pool(2);
  const std::vector<float> target = RandomValues(kRows * kCols, 9);
  TrainableLowRank a(RandomLowRank(2, 1));
  Descend(30, a, target, pool);
  // Made from what was stored, as a resumed run is.
  TrainableLowRank b(a.quantized());
  const auto from = a.State();
  const auto to = b.State();
  ASSERT_EQ(from.size(), to.size());
  for (size_t i = 0; i < from.size(); ++i) *to[i] = *from[i];
  b.Round();
  ExpectSame(a.quantized(), b.quantized());
}

TEST(TrainableBlock, LowRankPartsAreWeightsAndAreTrained) {
  ThreadPool pool(2);
  const ModelConfig config = testing::SmallConfig();
  const FloatLayer w = testing::RandomLayer(config);
  TrainableBlock::LowRanks low_ranks;
  const LowRank start = {*RoundToInt8(2, 8, RandomValues(16, 3)),
                         *RoundToInt8(2, 12, RandomValues(24, 4))};
  low_ranks[static_cast<size_t>(LinearKind::kUp)].emplace(start);
  TrainableBlock block = testing::QuantizedBlock(config, w, pool, std::move(low_ranks));
  std::vector<float> expected = Dequantize(*block.quantized(LinearKind::kUp));
  Dequantize(start).AddTo(0, 12, expected);
  EXPECT_EQ(block.weights().linear(LinearKind::kUp), expected);
  EXPECT_FALSE(block.low_rank(LinearKind::kGate));
  FloatLayer dw = ZerosLike(block.weights());
  dw.linear(LinearKind::kUp) = RandomValues(8 * 12, 5);
  block.Step(dw, {.levels = 0.1F, .scales = 0.01F, .norms = 0.01F}, 1, pool);
  EXPECT_NE(block.low_rank(LinearKind::kUp)->a.levels, start.a.levels);
  EXPECT_NE(block.low_rank(LinearKind::kUp)->b.levels, start.b.levels);
}

}  // namespace
}  // namespace accllm::tune
