#include "reference/float_model.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>

#include "packed/testing/tiny_model.h"

namespace accllm::reference {
namespace {

// The bundled model against logits computed independently in float32.
class GoldenTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::string source = ACCLLM_SOURCE_DIR;
    std::ifstream file(source + "/tests/golden/books-6m.json");
    ASSERT_TRUE(file) << "tests/golden/books-6m.json is missing";
    golden_ = nlohmann::json::parse(file);
    auto checkpoint = Checkpoint::Open(source + "/models/books-6m");
    ASSERT_TRUE(checkpoint) << checkpoint.error().ToString();
    checkpoint_ = std::make_unique<Checkpoint>(std::move(*checkpoint));
    auto weights = WeightsOf(*checkpoint_);
    ASSERT_TRUE(weights) << weights.error().ToString();
    weights_ = std::move(*weights);
  }

  nlohmann::json golden_;
  std::unique_ptr<Checkpoint> checkpoint_;
  std::unique_ptr<FloatWeights> weights_;
};

TEST_F(GoldenTest, LogitsAndArgmaxOfTheBundledModel) {
  const auto tokens = golden_["token_ids"].get<std::vector<int32_t>>();
  FloatModel model(*weights_, {4, AttentionWindow::kAll});
  const auto n = static_cast<int64_t>(tokens.size());
  const int64_t vocab = model.vocab_size();
  std::vector<float> logits(static_cast<size_t>(n * vocab));
  const Status status = model.Append(tokens, n, logits.data());
  ASSERT_TRUE(status) << status.error().ToString();
  for (const auto& position : golden_["positions"]) {
    const auto expected = golden_["logits"][std::to_string(position.get<int>())];
    for (int64_t i = 0; i < vocab; ++i) {
      ASSERT_NEAR(logits[static_cast<size_t>(position.get<int64_t>() * vocab + i)],
                  expected[static_cast<size_t>(i)].get<float>(), 2e-3)
          << "position " << position << ", token " << i;
    }
  }
  for (int64_t t = 0; t < n; ++t) {
    const auto row = logits.begin() + t * vocab;
    EXPECT_EQ(std::max_element(row, row + vocab) - row,
              golden_["argmax"][static_cast<size_t>(t)].get<int64_t>());
  }
}

// How a text is cut into calls must not matter, nor what was seen before a Reset.
TEST_F(GoldenTest, TokenByTokenEqualsAllAtOnce) {
  const auto tokens = golden_["token_ids"].get<std::vector<int32_t>>();
  FloatModel model(*weights_, {4, 20});
  const auto vocab = static_cast<size_t>(model.vocab_size());
  std::vector<float> once(vocab);
  ASSERT_TRUE(model.Append(tokens, 1, once.data()));
  model.Reset();
  std::vector<float> stepwise(vocab);
  for (const int32_t token : tokens) {
    ASSERT_TRUE(model.Append(std::span(&token, 1), 1, stepwise.data()));
  }
  for (size_t i = 0; i < vocab; ++i) ASSERT_NEAR(once[i], stepwise[i], 1e-3);
}

// With Λ-attention the sinks see the query as if the cache were contiguous: a one-layer model's
// next token after a long text equals that of the visible tokens alone.
TEST(FloatModel, WindowEqualsRecomputingFromVisibleTokens) {
  ModelConfig config = accllm::testing::TinyPackedConfig();
  config.n_layers = 1;  // with more layers the window's keys remember older tokens
  const std::string path = accllm::testing::UniquePath("float_window.acc");
  ASSERT_TRUE(accllm::testing::WriteTinyModel(config, path, 5));
  const PackedFile packed = *PackedFile::Open(path);
  const auto weights = *WeightsOf(packed);
  const AttentionWindow window = {3, 8};
  std::mt19937 rng(1);
  std::vector<int32_t> tokens(40);
  for (int32_t& token : tokens) token = static_cast<int32_t>(rng() % 61);
  FloatModel stream(*weights, window);
  FloatModel fresh(*weights, window);
  std::vector<float> a(61);
  std::vector<float> b(61);
  for (size_t t = 0; t < tokens.size(); ++t) {
    ASSERT_TRUE(stream.Append(std::span(tokens).subspan(t, 1), 1, a.data()));
    std::vector<int32_t> visible;
    for (size_t p = 0; p <= t; ++p) {
      if (p < 3 || t - p < 8) visible.push_back(tokens[p]);
    }
    fresh.Reset();
    ASSERT_TRUE(fresh.Append(visible, 1, b.data()));
    for (size_t i = 0; i < a.size(); ++i) ASSERT_NEAR(a[i], b[i], 1e-3) << t;
  }
  std::filesystem::remove(path);
}

TEST(FloatModel, RefusesTokensOutsideTheVocabulary) {
  const std::string path = accllm::testing::UniquePath("float_tokens.acc");
  ASSERT_TRUE(accllm::testing::WriteTinyModel(accllm::testing::TinyPackedConfig(), path, 5));
  const PackedFile packed = *PackedFile::Open(path);
  const auto weights = *WeightsOf(packed);
  FloatModel model(*weights, {4, 60});
  std::vector<float> logits(61);
  for (const int32_t token : {-1, 61}) {
    EXPECT_EQ(model.Append(std::span(&token, 1), 1, logits.data()).error().code,
              ErrorCode::kInvalidArgument);
  }
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace accllm::reference
