#include "tune/block.h"

#include <gtest/gtest.h>

#include "base/testing/unique_path.h"
#include "checkpoint/testing/checkpoint_writer.h"
#include "tune/testing/small_block.h"

namespace accllm::tune {
namespace {

using testing::ExpectGradient;
using testing::RandomLayer;
using testing::RandomMatrix;
using testing::SmallConfig;
using testing::ValuesOf;
using testing::WeightedSum;

constexpr int64_t kTokens = 5;

class BlockTest : public ::testing::Test {
 protected:
  ThreadPool pool_{2};
};

TEST_F(BlockTest, GradientsOfEveryWeightAndTheInput) {
  ModelConfig biased = SmallConfig();
  biased.has_qkv_bias = biased.has_o_bias = biased.has_mlp_bias = true;
  ModelConfig normed = SmallConfig();
  normed.has_qk_norm = true;
  normed.sliding_window = 3;
  for (const ModelConfig& config : {biased, normed}) {
    const Block block(config, kTokens, {});
    FloatLayer w = RandomLayer(config);
    Matrix x = RandomMatrix(2 * kTokens, config.hidden_size, 1);
    const WeightedSum loss(2 * kTokens, config.hidden_size, 2);
    BlockTape tape;
    block.Forward(x, w, &tape, pool_);
    FloatLayer dw = ZerosLike(w);
    Matrix dx = block.Backward(loss.gradient(), w, tape, dw, pool_);
    const auto f = [&] { return loss(block.Forward(x, w, nullptr, pool_)); };
    ExpectGradient(ValuesOf(x), ValuesOf(dx), f, "x");
    for (const VectorKind kind : kVectorKinds) {
      if (w.vector(kind).empty()) continue;
      ExpectGradient(w.vector(kind), dw.vector(kind), f, std::string(VectorName(kind)));
    }
    for (const LinearKind kind : kLinearKinds) {
      ExpectGradient(w.linear(kind), dw.linear(kind), f, std::string(LinearName(kind)));
    }
  }
}

// The gradient of a bias is that of the output, summed over tokens.
TEST_F(BlockTest, OutputGradientsAreWatched) {
  ModelConfig config = SmallConfig();
  config.has_qkv_bias = config.has_o_bias = config.has_mlp_bias = true;
  const Block block(config, kTokens, {});
  const FloatLayer w = RandomLayer(config);
  BlockTape tape;
  block.Forward(RandomMatrix(2 * kTokens, config.hidden_size, 1), w, &tape, pool_);
  FloatLayer dw = ZerosLike(w);
  FloatLayer seen = ZerosLike(w);
  block.Backward(RandomMatrix(2 * kTokens, config.hidden_size, 2), w, tape, dw, pool_,
                 [&](LinearKind kind, const Matrix& dy) {
                   for (int64_t r = 0; r < dy.cols(); ++r) {
                     seen.bias(kind)[static_cast<size_t>(r)] += dy.col(r).sum();
                   }
                 });
  for (const LinearKind kind : kLinearKinds) {
    for (size_t r = 0; r < dw.bias(kind).size(); ++r) {
      EXPECT_NEAR(seen.bias(kind)[r], dw.bias(kind)[r], 1e-4F) << LinearName(kind) << " " << r;
    }
  }
}

TEST_F(BlockTest, ThreadsChangeNoBit) {
  const ModelConfig config = SmallConfig();
  const Block block(config, kTokens, {.a8 = true, .kv4 = true});
  const FloatLayer w = RandomLayer(config);
  const Matrix x = RandomMatrix(4 * kTokens, config.hidden_size, 1);
  const Matrix dy = RandomMatrix(4 * kTokens, config.hidden_size, 2);
  const auto run = [&](int n_threads) {
    ThreadPool pool(n_threads);
    BlockTape tape;
    block.Forward(x, w, &tape, pool);
    FloatLayer dw = ZerosLike(w);
    block.Backward(dy, w, tape, dw, pool);
    return dw;
  };
  const FloatLayer one = run(1);
  const FloatLayer three = run(3);
  EXPECT_EQ(one.weights, three.weights);
  EXPECT_EQ(one.vectors.values, three.vectors.values);
}

// The stack of blocks with its embedding is the reference's float model, roundings included.
TEST_F(BlockTest, EqualsTheReferencePass) {
  const ModelConfig config = accllm::testing::TinyConfig();
  const std::string folder = accllm::testing::UniquePath("block_test_model");
  ASSERT_TRUE(accllm::testing::WriteCheckpoint(folder, config));
  const auto checkpoint = Checkpoint::Open(folder);
  ASSERT_TRUE(checkpoint) << checkpoint.error().ToString();
  const auto weights = *reference::WeightsOf(*checkpoint);
  const std::vector<int32_t> tokens = {1, 5, 3, 2, 7, 4, 6, 0, 9};
  const auto n = std::ssize(tokens);
  for (const bool is_rounded : {false, true}) {
    const reference::SimulatedPrecision precision = {.a8 = is_rounded, .kv4 = is_rounded};
    Matrix x(n, config.hidden_size);
    for (int64_t t = 0; t < n; ++t) {
      std::copy_n(
          weights->embedding().begin() + tokens[static_cast<size_t>(t)] * config.hidden_size,
          config.hidden_size, x.row(t).data());
    }
    const Block block(config, n, precision);
    for (int64_t layer = 0; layer < config.n_layers; ++layer) {
      x = block.Forward(x, **weights->Layer(layer), nullptr, pool_);
    }
    x = RmsNorm(x, weights->final_norm(), config.rms_norm_eps, pool_);
    if (is_rounded) RoundToA8(x, pool_);
    const Matrix logits = Linear(x, weights->lm_head(), {}, pool_);
    reference::FloatModel model(*weights, {.window = AttentionWindow::kAll}, precision);
    Matrix expected(n, config.vocab_size);
    ASSERT_TRUE(model.Append(tokens, n, expected.data()));
    EXPECT_LT((logits - expected).norm(), 1e-4F * expected.norm()) << is_rounded;
  }
}

}  // namespace
}  // namespace accllm::tune
