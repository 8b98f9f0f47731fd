#include "tune/distiller.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <numeric>

#include "base/testing/unique_path.h"
#include "checkpoint/testing/checkpoint_writer.h"
#include "tune/loss.h"
#include "tune/testing/small_block.h"

namespace accllm::tune {
namespace {

using testing::ExpectGradient;
using testing::QuantizedBlock;
using testing::RandomMatrix;
using testing::RandomValues;
using testing::ValuesOf;

// The divergence alone.
double LossOf(const Head& student, const Head& teacher, ThreadPool& pool) {
  std::vector<float> dweights(student.weights.size());
  return Divergence(student, teacher, dweights, pool).loss;
}

TEST(Divergence, GradientsAndValue) {
  ThreadPool pool(2);
  Matrix x = RandomMatrix(6, 5, 1);
  const Matrix y = RandomMatrix(6, 5, 2);
  std::vector<float> head = RandomValues(9 * 5, 3);
  const std::vector<float> other = RandomValues(9 * 5, 4);
  std::vector<float> dhead(head.size());
  const HeadLoss loss = Divergence({x, head}, {y, other}, dhead, pool);
  EXPECT_GT(loss.loss, 0.1);
  EXPECT_NEAR(LossOf({y, other}, {y, other}, pool), 0, 1e-6);
  Matrix dx = loss.dx;
  const auto value = [&] { return LossOf({x, head}, {y, other}, pool); };
  ExpectGradient(ValuesOf(x), ValuesOf(dx), value, "x");
  ExpectGradient(head, dhead, value, "weights");
}

TEST(Divergence, ChunksOfTokensAddUp) {
  ThreadPool pool(2);
  const Matrix x = RandomMatrix(1300, 5, 1);
  const Matrix y = RandomMatrix(1300, 5, 2);
  const std::vector<float> head = RandomValues(9 * 5, 3);
  std::vector<float> dall(head.size());
  const HeadLoss all = Divergence({x, head}, {y, head}, dall, pool);
  std::vector<float> dhalves(head.size());  // both halves' gradients are added to it
  double sum = 0;
  for (const int64_t first : {0, 650}) {
    const Matrix a = x.middleRows(first, 650);
    const Matrix b = y.middleRows(first, 650);
    const HeadLoss half = Divergence({a, head}, {b, head}, dhalves, pool);
    sum += half.loss / 2;
    EXPECT_LT((all.dx.middleRows(first, 650) - half.dx / 2).norm(), 1e-6F);
  }
  EXPECT_NEAR(all.loss, sum, 1e-6);
  for (size_t i = 0; i < dall.size(); ++i) EXPECT_NEAR(dall[i], dhalves[i] / 2, 1e-6F);
}

// Half the score's second moment over a small step is the divergence that the step causes.
TEST(SampledScore, SecondMomentIsTheFisherInformation) {
  ThreadPool pool(2);
  constexpr int64_t kDraws = 20000;
  const std::vector<float> head = RandomValues(9 * 5, 3);
  const Matrix x = RandomMatrix(1, 5, 1).replicate(kDraws, 1);
  const Matrix step = 0.02F * RandomMatrix(1, 5, 2);
  const Matrix moved = x + step.replicate(kDraws, 1);
  const Matrix score = SampledScore({x, head}, 7, pool);
  const double moment = (score * step.transpose()).cast<double>().squaredNorm() / kDraws;
  const double divergence = LossOf({moved, head}, {x, head}, pool);
  EXPECT_NEAR(moment / 2, divergence, 0.06 * divergence);
  EXPECT_LT(score.colwise().mean().norm(), 0.05F * score.row(0).norm());
  EXPECT_EQ(score, SampledScore({x, head}, 7, pool));
  EXPECT_NE(score, SampledScore({x, head}, 8, pool));
}

class DistillerTest : public ::testing::Test {
 protected:
  static constexpr int64_t kTokens = 12;

  void SetUp() override {
    folder_ = accllm::testing::UniquePath("distiller_test");
    config_ = accllm::testing::TinyConfig();
    ASSERT_TRUE(accllm::testing::WriteCheckpoint(folder_, config_));
    auto checkpoint = Checkpoint::Open(folder_);
    ASSERT_TRUE(checkpoint) << checkpoint.error().ToString();
    checkpoint_ = std::make_unique<Checkpoint>(std::move(*checkpoint));
    teacher_ = *reference::WeightsOf(*checkpoint_);
    options_.rates = {.levels = 2e-2F, .scales = 1e-2F, .norms = 1e-2F, .head = 1e-2F};
    options_.n_steps = 60;
    options_.batch_sequences = 6;
    options_.precision = {.a8 = true, .kv4 = true};
    for (int32_t i = 0; i < 24 * kTokens; ++i) {
      text_.push_back(static_cast<int32_t>(i * 7919L % config_.vocab_size));
    }
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  Student MakeStudent(Trained trained = Trained::kAll) {
    Student student;
    student.embedding = teacher_->embedding();
    if (!config_.tie_word_embeddings) student.lm_head = teacher_->lm_head();
    student.final_norm = teacher_->final_norm();
    for (int64_t i = 0; i < config_.n_layers; ++i) {
      student.blocks.push_back(QuantizedBlock(config_, **teacher_->Layer(i), pool_, {}, trained));
    }
    return student;
  }

  // Takes steps until `last`; returns their losses.
  std::vector<double> Run(Distiller& distiller, int64_t last) {
    std::vector<double> losses;
    while (distiller.step() < last) {
      std::vector<std::span<const int32_t>> batch;
      for (const int64_t i : BatchOf(distiller.step() + 1, 6, 24)) {
        batch.push_back(std::span(text_).subspan(static_cast<size_t>(i * kTokens), kTokens));
      }
      const auto loss = distiller.Step(batch);
      EXPECT_TRUE(loss) << loss.error().ToString();
      losses.push_back(*loss);
    }
    return losses;
  }

  std::string folder_;
  ModelConfig config_;
  std::unique_ptr<Checkpoint> checkpoint_;
  std::unique_ptr<reference::FloatWeights> teacher_;
  TuneOptions options_;
  std::vector<int32_t> text_;
  ThreadPool pool_{2};
};

TEST_F(DistillerTest, TheDivergenceFalls) {
  Student student = MakeStudent();
  Distiller distiller(*teacher_, student, kTokens, options_, pool_);
  const std::vector<double> losses = Run(distiller, 60);
  const double first = std::accumulate(losses.begin(), losses.begin() + 8, 0.0);
  const double last = std::accumulate(losses.end() - 8, losses.end(), 0.0);
  EXPECT_LT(last, 0.7 * first);
}

TEST_F(DistillerTest, ScalesAloneLowerTheDivergence) {
  Student student = MakeStudent(Trained::kScales);
  const std::vector<int8_t> levels = student.blocks[0].quantized(LinearKind::kUp)->levels;
  for (TrainableBlock& block : student.blocks) block.Close();
  Distiller distiller(*teacher_, student, kTokens, options_, pool_);
  const std::vector<double> losses = Run(distiller, 60);
  const double first = std::accumulate(losses.begin(), losses.begin() + 8, 0.0);
  const double last = std::accumulate(losses.end() - 8, losses.end(), 0.0);
  EXPECT_LT(last, 0.8 * first);
  student.blocks[0].Open(pool_);
  EXPECT_EQ(student.blocks[0].quantized(LinearKind::kUp)->levels, levels);
}

// Of tied embeddings as of a head of its own.
TEST_F(DistillerTest, TheHeadAloneLowersTheDivergence) {
  options_.rates = {.head = 1e-2F};
  for (const bool is_tied : {true, false}) {
    Student student = MakeStudent(Trained::kScales);
    student.embedding = teacher_->embedding();
    student.lm_head = is_tied ? std::vector<float>() : teacher_->lm_head();
    const std::vector<float> norm = student.final_norm;
    Distiller distiller(*teacher_, student, kTokens, options_, pool_);
    const std::vector<double> losses = Run(distiller, 60);
    const double first = std::accumulate(losses.begin(), losses.begin() + 8, 0.0);
    const double last = std::accumulate(losses.end() - 8, losses.end(), 0.0);
    EXPECT_LT(last, 0.9 * first) << is_tied;
    EXPECT_EQ(student.final_norm, norm);
    EXPECT_EQ(student.embedding == teacher_->embedding(), !is_tied);
  }
}

TEST_F(DistillerTest, ARestoredRunGoesOnBitForBit) {
  Student whole = MakeStudent();
  Distiller uninterrupted(*teacher_, whole, kTokens, options_, pool_);
  const std::vector<double> losses = Run(uninterrupted, 20);
  const std::string path = folder_ + "/state";
  {
    Student student = MakeStudent();
    Distiller distiller(*teacher_, student, kTokens, options_, pool_);
    Run(distiller, 9);
    ASSERT_TRUE(distiller.Save(path));
  }
  Student student = MakeStudent();
  Distiller distiller(*teacher_, student, kTokens, options_, pool_);
  ASSERT_TRUE(distiller.Load(path));
  EXPECT_EQ(distiller.step(), 9);
  const std::vector<double> rest = Run(distiller, 20);
  EXPECT_TRUE(std::equal(rest.begin(), rest.end(), losses.begin() + 9, losses.end()));
  for (size_t i = 0; i < whole.blocks.size(); ++i) {
    EXPECT_EQ(student.blocks[i].weights().weights, whole.blocks[i].weights().weights);
    EXPECT_EQ(student.blocks[i].weights().vectors.values, whole.blocks[i].weights().vectors.values);
  }
  EXPECT_EQ(student.final_norm, whole.final_norm);
  EXPECT_EQ(student.head(), whole.head());
}

TEST_F(DistillerTest, AStateOfAnotherSizeIsRefused) {
  Student student = MakeStudent();
  Distiller distiller(*teacher_, student, kTokens, options_, pool_);
  const std::string path = folder_ + "/state";
  ASSERT_TRUE(distiller.Save(path));
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 4);
  const Status status = distiller.Load(path);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kCorrupt);
}

}  // namespace
}  // namespace accllm::tune
