#include "tune/block_tuner.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <set>

#include "tune/testing/small_block.h"

namespace accllm::tune {
namespace {

using testing::QuantizedBlock;
using testing::RandomLayer;
using testing::RandomMatrix;
using testing::SmallConfig;

TEST(BatchOf, EveryEpochTakesEachSequenceOnce) {
  std::vector<int64_t> first;
  std::vector<int64_t> second;
  for (int64_t step = 1; step <= 10; ++step) {  // batches of 4 out of 20: 5 steps an epoch
    const std::vector<int64_t> batch = BatchOf(step, 4, 20);
    auto& epoch = step <= 5 ? first : second;
    epoch.insert(epoch.end(), batch.begin(), batch.end());
  }
  EXPECT_EQ(std::set(first.begin(), first.end()).size(), 20U);
  EXPECT_EQ(std::set(second.begin(), second.end()).size(), 20U);
  EXPECT_NE(first, second);
}

TEST(BatchOf, MayExceedTheSequences) { EXPECT_EQ(BatchOf(3, 5, 2).size(), 5U); }

TEST(ScheduleShare, RisesThenFallsToNothing) {
  EXPECT_NEAR(ScheduleShare(1, 200), 0.1F, 1e-6F);
  EXPECT_FLOAT_EQ(ScheduleShare(10, 200), 1.0F);
  for (int64_t step = 11; step <= 200; ++step) {
    EXPECT_LT(ScheduleShare(step, 200), ScheduleShare(step - 1, 200));
  }
  EXPECT_GT(ScheduleShare(200, 200), 0.0F);
  EXPECT_LT(ScheduleShare(200, 200), 0.01F);
  EXPECT_FLOAT_EQ(ScheduleShare(1, 1), 1.0F);
}

class BlockTunerTest : public ::testing::Test {
 protected:
  static constexpr int64_t kTokens = 16;

  BlockTunerTest() {
    const Block block(config_, kTokens, {});
    for (uint32_t i = 0; i < 24; ++i) {
      inputs_.push_back(RandomMatrix(kTokens, config_.hidden_size, 100 + i));
      targets_.push_back(block.Forward(inputs_.back(), original_, nullptr, pool_));
    }
    for (const Matrix& input : inputs_) samples_.inputs.push_back(&input);
    for (const Matrix& target : targets_) samples_.targets.push_back(&target);
    options_.rates = {.levels = 2e-2F, .scales = 1e-2F, .norms = 1e-2F};
    options_.n_steps = 150;
    options_.batch_sequences = 8;
    options_.precision = {.a8 = true, .kv4 = true};
  }

  // Losses of all steps.
  std::vector<double> Tune(TrainableBlock& block) {
    std::vector<double> losses;
    const Status status =
        TuneBlock(config_, samples_, options_, block, pool_, [&](int64_t step, double loss) {
          losses.push_back(loss);
          return step < stop_after_;
        });
    if (stop_after_ > options_.n_steps) {
      EXPECT_TRUE(status) << status.error().ToString();
    } else {
      EXPECT_EQ(status.error().code, ErrorCode::kInterrupted);
    }
    return losses;
  }

  ThreadPool pool_{2};
  const ModelConfig config_ = SmallConfig();
  const FloatLayer original_ = RandomLayer(config_);
  std::vector<Matrix> inputs_;
  std::vector<Matrix> targets_;
  BlockSamples samples_;
  TuneOptions options_;
  int64_t stop_after_ = 1'000'000;
};

TEST_F(BlockTunerTest, TheLossFallsSmoothly) {
  TrainableBlock block = QuantizedBlock(config_, original_, pool_);
  const std::vector<double> losses = Tune(block);
  ASSERT_EQ(losses.size(), 150U);
  // Means over 30 steps: ten epochs.
  std::vector<double> means;
  for (size_t first = 0; first < losses.size(); first += 30) {
    means.push_back(std::accumulate(&losses[first], &losses[first] + 30, 0.0) / 30);
  }
  EXPECT_TRUE(std::is_sorted(means.rbegin(), means.rend()));
  EXPECT_LT(means.back(), 0.6 * losses.front());
}

TEST_F(BlockTunerTest, GivesTheSameBitsForEveryNumberOfThreads) {
  options_.n_steps = 10;
  TrainableBlock a = QuantizedBlock(config_, original_, pool_);
  TrainableBlock b = QuantizedBlock(config_, original_, pool_);
  const std::vector<double> losses = Tune(a);
  ThreadPool other(3);
  std::vector<double> others;
  ASSERT_TRUE(TuneBlock(config_, samples_, options_, b, other, [&](int64_t, double loss) {
    others.push_back(loss);
    return true;
  }));
  EXPECT_EQ(losses, others);
  EXPECT_EQ(a.weights().weights, b.weights().weights);
}

// The metric says which errors count.
TEST_F(BlockTunerTest, FollowsTheMetric) {
  const int64_t hidden = config_.hidden_size;
  const auto error_after = [&](const std::vector<float>& metric) {
    options_.metric = metric;
    TrainableBlock block = QuantizedBlock(config_, original_, pool_);
    Tune(block);
    const Block function(config_, kTokens, options_.precision);
    double error = 0;  // in the first half of the stream
    for (size_t i = 0; i < inputs_.size(); ++i) {
      const Matrix y = function.Forward(inputs_[i], block.weights(), nullptr, pool_);
      error += (y - targets_[i]).leftCols(hidden / 2).squaredNorm();
    }
    return error;
  };
  std::vector<float> first_half(static_cast<size_t>(hidden * hidden));
  for (int64_t i = 0; i < hidden / 2; ++i) first_half[static_cast<size_t>(i * hidden + i)] = 1.0F;
  EXPECT_LT(error_after(first_half), 0.9 * error_after({}));
}

TEST_F(BlockTunerTest, StopsWhenAsked) {
  stop_after_ = 3;
  TrainableBlock block = QuantizedBlock(config_, original_, pool_);
  EXPECT_EQ(Tune(block).size(), 3U);
}

TEST_F(BlockTunerTest, ALossThatIsNotFiniteIsAnError) {
  targets_[5](0, 0) = std::numeric_limits<float>::infinity();
  TrainableBlock block = QuantizedBlock(config_, original_, pool_);
  const Status status =
      TuneBlock(config_, samples_, options_, block, pool_, [](int64_t, double) { return true; });
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kNumeric);
}

}  // namespace
}  // namespace accllm::tune
