#include "tune/block_tuner.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <set>

#include "base/testing/unique_path.h"
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

  std::vector<TrainableBlock> OneBlock() {
    std::vector<TrainableBlock> blocks;
    blocks.push_back(QuantizedBlock(config_, original_, pool_));
    return blocks;
  }

  // Takes steps until `last`; returns their losses.
  static std::vector<double> Run(BlockTuner& tuner, int64_t last) {
    std::vector<double> losses;
    while (tuner.step() < last) {
      const auto loss = tuner.Step();
      EXPECT_TRUE(loss) << loss.error().ToString();
      losses.push_back(*loss);
    }
    return losses;
  }

  // Losses of all steps.
  std::vector<double> Tune(std::vector<TrainableBlock>& blocks, ThreadPool& pool) const {
    BlockTuner tuner(config_, samples_, options_, blocks, pool);
    return Run(tuner, options_.n_steps);
  }

  ThreadPool pool_{2};
  const ModelConfig config_ = SmallConfig();
  const FloatLayer original_ = RandomLayer(config_);
  std::vector<Matrix> inputs_;
  std::vector<Matrix> targets_;
  BlockSamples samples_;
  TuneOptions options_;
};

TEST_F(BlockTunerTest, TheLossFallsSmoothly) {
  std::vector<TrainableBlock> blocks = OneBlock();
  const std::vector<double> losses = Tune(blocks, pool_);
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
  std::vector<TrainableBlock> a = OneBlock();
  std::vector<TrainableBlock> b = OneBlock();
  ThreadPool other(3);
  EXPECT_EQ(Tune(a, pool_), Tune(b, other));
  EXPECT_EQ(a[0].weights().weights, b[0].weights().weights);
}

// The metric says which errors count.
TEST_F(BlockTunerTest, FollowsTheMetric) {
  const int64_t hidden = config_.hidden_size;
  const auto error_after = [&](const std::vector<float>& metric) {
    options_.metric = metric;
    std::vector<TrainableBlock> blocks = OneBlock();
    Tune(blocks, pool_);
    const Block function(config_, kTokens, options_.precision);
    double error = 0;  // in the first half of the stream
    for (size_t i = 0; i < inputs_.size(); ++i) {
      const Matrix y = function.Forward(inputs_[i], blocks[0].weights(), nullptr, pool_);
      error += (y - targets_[i]).leftCols(hidden / 2).squaredNorm();
    }
    return error;
  };
  std::vector<float> first_half(static_cast<size_t>(hidden * hidden));
  for (int64_t i = 0; i < hidden / 2; ++i) first_half[static_cast<size_t>(i * hidden + i)] = 1.0F;
  EXPECT_LT(error_after(first_half), 0.9 * error_after({}));
}

// What two blocks should give together is known, what the first should give is not.
TEST_F(BlockTunerTest, TrainsBlocksTogether) {
  const FloatLayer second = RandomLayer(config_, 50);
  const Block exact(config_, kTokens, {});
  for (Matrix& target : targets_) target = exact.Forward(target, second, nullptr, pool_);
  std::vector<TrainableBlock> blocks = OneBlock();
  blocks.push_back(QuantizedBlock(config_, second, pool_));
  const std::vector<std::vector<float>> start = {blocks[0].weights().weights[0],
                                                 blocks[1].weights().weights[0]};
  const std::vector<double> losses = Tune(blocks, pool_);
  EXPECT_LT(losses.back(), 0.6 * losses.front());
  const Block rounding(config_, kTokens, options_.precision);
  double error = 0;
  double change = 0;
  for (size_t i = 0; i < inputs_.size(); ++i) {
    const Matrix middle = rounding.Forward(inputs_[i], blocks[0].weights(), nullptr, pool_);
    const Matrix y = rounding.Forward(middle, blocks[1].weights(), nullptr, pool_);
    error += (y - targets_[i]).squaredNorm();
    change += (targets_[i] - inputs_[i]).squaredNorm();
  }
  EXPECT_NEAR(error / change, losses.back(), 0.2 * losses.back());
  for (size_t i = 0; i < 2; ++i) EXPECT_NE(blocks[i].weights().weights[0], start[i]);
}

TEST_F(BlockTunerTest, ARestoredRunGoesOnBitForBit) {
  options_.n_steps = 12;
  const std::string path = accllm::testing::UniquePath("block_tuner_state");
  std::vector<TrainableBlock> whole = OneBlock();
  const std::vector<double> losses = Tune(whole, pool_);
  {
    std::vector<TrainableBlock> blocks = OneBlock();
    BlockTuner tuner(config_, samples_, options_, blocks, pool_);
    Run(tuner, 5);
    ASSERT_TRUE(tuner.Save(path));
  }
  std::vector<TrainableBlock> blocks = OneBlock();
  BlockTuner tuner(config_, samples_, options_, blocks, pool_);
  ASSERT_TRUE(tuner.Load(path));
  EXPECT_EQ(tuner.step(), 5);
  const std::vector<double> rest = Run(tuner, options_.n_steps);
  EXPECT_TRUE(std::equal(rest.begin(), rest.end(), losses.begin() + 5, losses.end()));
  EXPECT_EQ(blocks[0].weights().weights, whole[0].weights().weights);
  EXPECT_EQ(tuner.losses()[0], static_cast<float>(losses[0]));  // of the run before
  std::remove(path.c_str());
}

TEST_F(BlockTunerTest, ALossThatIsNotFiniteIsAnError) {
  targets_[5](0, 0) = std::numeric_limits<float>::infinity();
  std::vector<TrainableBlock> blocks = OneBlock();
  options_.batch_sequences = 24;
  BlockTuner tuner(config_, samples_, options_, blocks, pool_);
  const auto loss = tuner.Step();
  ASSERT_FALSE(loss);
  EXPECT_EQ(loss.error().code, ErrorCode::kNumeric);
}

}  // namespace
}  // namespace accllm::tune
