#include "tune/stream_fisher.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <memory>

#include "base/split_mix64.h"
#include "base/testing/unique_path.h"
#include "checkpoint/testing/checkpoint_writer.h"
#include "tune/block.h"
#include "tune/loss.h"

namespace accllm::tune {
namespace {

constexpr int64_t kFisherTokens = 16;  // of a sequence
constexpr int64_t kFisherSequences = 256;

class StreamFisherTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = accllm::testing::UniquePath("stream_fisher_test");
    config_ = accllm::testing::TinyConfig();
    ASSERT_TRUE(accllm::testing::WriteCheckpoint(folder_, config_));
    checkpoint_ = std::make_unique<Checkpoint>(*Checkpoint::Open(folder_));
    model_ = *reference::WeightsOf(*checkpoint_);
    uint64_t state = 5;
    for (int64_t i = 0; i < kFisherTokens * kFisherSequences; ++i) {
      text_.push_back(
          static_cast<int32_t>(SplitMix64(state) % static_cast<uint64_t>(config_.vocab_size)));
    }
    for (int64_t i = 0; i < kFisherSequences; ++i) {
      sequences_.push_back(std::span(text_).subspan(static_cast<size_t>(i * kFisherTokens),
                                                    static_cast<size_t>(kFisherTokens)));
    }
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // Streams after the final norm, with `noise` added behind block `place`.
  Matrix Output(int64_t place, const Matrix& noise) {
    const Block block(config_, kFisherTokens, {});
    Matrix x = Embed(model_->embedding(), sequences_, config_.hidden_size);
    for (int64_t layer = 0; layer < config_.n_layers; ++layer) {
      x = block.Forward(x, **model_->Layer(layer), nullptr, pool_);
      if (layer == place) x += noise;
    }
    return RmsNorm(x, model_->final_norm(), config_.rms_norm_eps, pool_);
  }

  // Noise of deviation `size` in dimensions [begin, end), independent in all tokens.
  Matrix Noise(int64_t begin, int64_t end, float size) const {
    Matrix noise = Matrix::Zero(std::ssize(text_), config_.hidden_size);
    uint64_t state = 7;
    for (int64_t t = 0; t < noise.rows(); ++t) {
      for (int64_t i = begin; i < end; ++i) {
        noise(t, i) = (SplitMix64(state) >> 63) != 0 ? size : -size;
      }
    }
    return noise;
  }

  std::string folder_;
  ModelConfig config_;
  std::unique_ptr<Checkpoint> checkpoint_;
  std::unique_ptr<reference::FloatWeights> model_;
  std::vector<int32_t> text_;
  Sequences sequences_;
  ThreadPool pool_{2};
};

// Small noise in some dimensions of the stream costs half the sum of their diagonal entries.
TEST_F(StreamFisherTest, PredictsTheDivergenceThatNoiseCauses) {
  const auto fisher = StreamFisher(*model_, sequences_, pool_);
  ASSERT_TRUE(fisher) << fisher.error().ToString();
  ASSERT_EQ(std::ssize(*fisher), config_.n_layers);
  const int64_t hidden = config_.hidden_size;
  for (int64_t place = 0; place < config_.n_layers; ++place) {
    const std::vector<float>& f = (*fisher)[static_cast<size_t>(place)];
    const Matrix calm = Output(place, Noise(0, 0, 0.0F));
    for (const auto& [begin, end] : {std::pair{int64_t{0}, hidden / 2}, {hidden / 2, hidden}}) {
      double expected = 0;
      for (int64_t i = begin; i < end; ++i) expected += f[static_cast<size_t>(i * hidden + i)];
      const float size = std::sqrt(0.02F / static_cast<float>(expected));
      const Matrix noisy = Output(place, Noise(begin, end, size));
      std::vector<float> dhead(model_->lm_head().size());
      const double loss =
          Divergence({noisy, model_->lm_head()}, {calm, model_->lm_head()}, dhead, pool_).loss;
      EXPECT_NEAR(loss / 0.01, 1.0, 0.15) << place << " " << begin;
    }
  }
}

TEST_F(StreamFisherTest, DoesNotDependOnTheNumberOfThreads) {
  ThreadPool one(1);
  EXPECT_EQ(*StreamFisher(*model_, sequences_, pool_), *StreamFisher(*model_, sequences_, one));
}

}  // namespace
}  // namespace accllm::tune
