#include "tune/trainer.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <numeric>

#include "base/testing/unique_path.h"
#include "tune/block_tuner.h"
#include "tune/loss.h"
#include "tune/testing/small_block.h"

namespace accllm::tune {
namespace {

using testing::ExpectGradient;
using testing::RandomMatrix;
using testing::RandomValues;
using testing::SmallConfig;
using testing::ValuesOf;

TEST(CrossEntropy, ValueAndGradients) {
  ThreadPool pool(2);
  Matrix x = RandomMatrix(6, 5, 1);
  std::vector<float> weights = RandomValues(9 * 5, 3);
  const std::vector<int32_t> targets = {3, 0, kNoTarget, 8, 8, 1};
  const auto loss_of = [&] {
    std::vector<float> ignored(weights.size());
    return CrossEntropy({x, weights}, targets, ignored, pool).loss;
  };
  std::vector<float> dweights(weights.size());
  HeadLoss loss = CrossEntropy({x, weights}, targets, dweights, pool);
  double expected = 0;
  for (int64_t t = 0; t < 6; ++t) {
    if (targets[static_cast<size_t>(t)] == kNoTarget) continue;
    double sum = 0;
    double chosen = 0;
    for (int64_t v = 0; v < 9; ++v) {
      double logit = 0;
      for (int64_t k = 0; k < 5; ++k) {
        logit += static_cast<double>(x(t, k)) *
                 static_cast<double>(weights[static_cast<size_t>(5 * v + k)]);
      }
      sum += std::exp(logit);
      if (v == targets[static_cast<size_t>(t)]) chosen = logit;
    }
    expected += (std::log(sum) - chosen) / 5;
  }
  EXPECT_NEAR(loss.loss, expected, 1e-5);
  ExpectGradient(ValuesOf(x), ValuesOf(loss.dx), loss_of, "x");
  ExpectGradient(weights, dweights, loss_of, "weights");
}

TEST(Embed, GradientAddsUpWhereATokenComesTwice) {
  const std::vector<int32_t> tokens = {2, 0, 2, 1};
  const Sequences sequences = {std::span(tokens).first(2), std::span(tokens).last(2)};
  std::vector<float> embedding = RandomValues(3 * 4, 1);
  const Matrix x = Embed(embedding, sequences, 4);
  EXPECT_EQ(x(2, 3), embedding[11]);
  const Matrix dy = RandomMatrix(4, 4, 2);
  std::vector<float> gradient(embedding.size());
  EmbedBackward(dy, sequences, gradient);
  for (size_t k = 0; k < 4; ++k) {
    const auto col = static_cast<int64_t>(k);
    EXPECT_EQ(gradient[k], dy(1, col));
    EXPECT_EQ(gradient[4 + k], dy(3, col));
    EXPECT_EQ(gradient[8 + k], dy(0, col) + dy(2, col));
  }
}

class TrainerTest : public ::testing::TestWithParam<bool> {
 protected:
  static constexpr int64_t kTokens = 8;
  static constexpr int64_t kSequences = 12;

  void SetUp() override {
    config_ = SmallConfig();
    config_.n_layers = 2;
    config_.vocab_size = 11;
    config_.tie_word_embeddings = GetParam();
    for (int32_t i = 0; i < kSequences * kTokens; ++i) text_.push_back(i * i % 11);
  }

  std::vector<double> Run(Trainer& trainer, int64_t last) {
    std::vector<double> losses;
    while (trainer.step() < last) {
      Sequences batch;
      for (const int64_t i : BatchOf(trainer.step() + 1, 4, kSequences)) {
        batch.push_back(std::span(text_).subspan(static_cast<size_t>(i * kTokens), kTokens));
      }
      const auto loss = trainer.Step(batch);
      EXPECT_TRUE(loss) << loss.error().ToString();
      losses.push_back(*loss);
    }
    return losses;
  }

  ModelConfig config_;
  std::vector<int32_t> text_;
  TrainOptions options_ = {3e-2F, 0.01F, 120, kTokens, 4};
};

INSTANTIATE_TEST_SUITE_P(Heads, TrainerTest, ::testing::Bool(),
                         [](const auto& test) { return test.param ? "Tied" : "Untied"; });

TEST_P(TrainerTest, LearnsAPattern) {
  ThreadPool pool(2);
  FloatParameters model = RandomParameters(config_, 1);
  Trainer trainer(config_, model, options_, pool);
  const std::vector<double> losses = Run(trainer, 120);
  EXPECT_NEAR(losses.front(), std::log(11.0), 0.1);
  EXPECT_LT(std::accumulate(losses.end() - 8, losses.end(), 0.0) / 8, 0.5);
}

TEST_P(TrainerTest, GivesTheSameBitsForEveryNumberOfThreadsAndAfterALoad) {
  const std::string path = accllm::testing::UniquePath("trainer_test.state");
  ThreadPool one(1);
  FloatParameters whole = RandomParameters(config_, 1);
  Trainer uninterrupted(config_, whole, options_, one);
  Run(uninterrupted, 12);
  ThreadPool three(3);
  {
    FloatParameters model = RandomParameters(config_, 1);
    Trainer trainer(config_, model, options_, three);
    Run(trainer, 5);
    ASSERT_TRUE(trainer.Save(path));
  }
  FloatParameters model = RandomParameters(config_, 2);
  Trainer trainer(config_, model, options_, three);
  ASSERT_TRUE(trainer.Load(path));
  Run(trainer, 12);
  std::filesystem::remove(path);
  const auto expected = whole.arrays();
  const auto actual = model.arrays();
  for (size_t i = 0; i < expected.size(); ++i) EXPECT_EQ(*actual[i], *expected[i]) << i;
}

}  // namespace
}  // namespace accllm::tune
