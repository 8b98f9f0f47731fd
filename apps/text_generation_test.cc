#include "text_generation.h"

#include <gtest/gtest.h>

#include <csignal>

#include "console.h"
#include "runtime/testing/counting_model.h"

namespace accllm::cli {
namespace {

// The user interrupts during the second call.
class InterruptedModel final : public LanguageModel {
 public:
  int64_t vocab_size() const override { return model_.vocab_size(); }
  int64_t position() const override { return model_.position(); }
  void Reset() override { model_.Reset(); }
  Status Append(std::span<const int32_t> tokens, int64_t n_logits, float* logits) override {
    if (++n_calls_ == 2) std::raise(SIGINT);
    return model_.Append(tokens, n_logits, logits);
  }

 private:
  testing::CountingModel model_{100, 5.0F};
  int n_calls_ = 0;
};

class GenerateTextTest : public ::testing::Test {
 protected:
  GenerateTextTest() {
    KeepRunningOnInterrupt();
    ClearInterrupted();
  }
  ~GenerateTextTest() override { ClearInterrupted(); }

  Result<Generation> Run(int64_t n_prompt, int64_t piece) {
    const std::vector<int32_t> prompt(static_cast<size_t>(n_prompt), 3);
    TokenOutput output(nullptr, prompt, true);
    Speculation speculation(0);
    return GenerateText(model_, prompt, {8, {}}, {}, speculation, output, piece);
  }

  InterruptedModel model_;
};

TEST_F(GenerateTextTest, AShortPromptStopsBetweenItsPieces) {
  const auto result = Run(20, 4);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kInterrupted);
  EXPECT_EQ(model_.position(), 8);
}

TEST_F(GenerateTextTest, ATextThatHasBegunIsKept) {
  const auto result = Run(4, 4);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->tokens, (std::vector<int32_t>{4, 5}));
  EXPECT_EQ(model_.position(), 5);
}

}  // namespace
}  // namespace accllm::cli
