#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "checkpoint/gguf_export.h"
#include "checkpoint/testing/checkpoint_writer.h"
#include "reference/float_model.h"

namespace accllm::reference {
namespace {

// Logits of some tokens, from a checkpoint folder and from its export.
class GgufModelTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = ::testing::TempDir() + "accllm_gguf_model_" +
              ::testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string Export(const std::string& source) {
    const auto checkpoint = Checkpoint::Open(source);
    EXPECT_TRUE(checkpoint) << checkpoint.error().message;
    std::string path = folder_ + "/model.gguf";
    const auto report =
        ExportGguf(*checkpoint, path, "test", [](double, std::string_view) { return true; });
    EXPECT_TRUE(report) << report.error().message;
    return path;
  }

  static std::vector<float> Logits(const std::string& path) {
    const auto checkpoint = Checkpoint::Open(path);
    EXPECT_TRUE(checkpoint) << checkpoint.error().message;
    const auto weights = WeightsOf(*checkpoint);
    EXPECT_TRUE(weights) << weights.error().message;
    FloatModel model(**weights, TrainedAttention(checkpoint->config()));
    std::vector<int32_t> tokens;
    for (int32_t i = 0; i < 20; ++i) tokens.push_back(i * 37 % 90);
    const auto n = static_cast<int64_t>(tokens.size());
    std::vector<float> logits(static_cast<size_t>(n * model.vocab_size()));
    const Status status = model.Append(tokens, n, logits.data());
    EXPECT_TRUE(status) << status.error().message;
    return logits;
  }

  std::string folder_;
};

TEST_F(GgufModelTest, AnF16CheckpointKeepsEveryBitOfItsLogits) {
  const std::string source = ACCLLM_SOURCE_DIR "/models/books-6m";
  EXPECT_EQ(Logits(source), Logits(Export(source)));
}

TEST_F(GgufModelTest, AnF32CheckpointDiffersByTheRoundingToF16) {
  for (const char* architecture :
       {"LlamaForCausalLM", "Qwen2ForCausalLM", "Qwen3ForCausalLM", "MistralForCausalLM"}) {
    ModelConfig config = testing::TinyConfig();
    config.architecture = architecture;
    config.has_qkv_bias = config.architecture == "Qwen2ForCausalLM";
    config.has_qk_norm = config.architecture == "Qwen3ForCausalLM";
    ASSERT_TRUE(testing::WriteCheckpoint(folder_, config, {.dtype = DType::kF32}));
    const std::vector<float> original = Logits(folder_);
    const std::vector<float> exported = Logits(Export(folder_));
    ASSERT_EQ(original.size(), exported.size());
    float largest = 0;
    for (size_t i = 0; i < original.size(); ++i) {
      largest = std::max(largest, std::abs(original[i] - exported[i]));
    }
    // Weights are rounded by at most 2^-11 of their size; logits are of the order of 1.
    EXPECT_LT(largest, 0.01F) << architecture;
    EXPECT_GT(largest, 0) << architecture;
  }
}

}  // namespace
}  // namespace accllm::reference
