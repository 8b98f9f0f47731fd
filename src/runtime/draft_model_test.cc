#include "runtime/draft_model.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>

#include "packed/testing/tiny_model.h"
#include "runtime/engine.h"
#include "runtime/generate.h"
#include "runtime/testing/counting_model.h"

namespace accllm {
namespace {

// Counts what passes over the weights of a model cost: `pass` each and `token` for each token.
class CountedModel final : public LanguageModel {
 public:
  CountedModel(LanguageModel& model, double pass, double token)
      : model_(model), pass_(pass), token_(token) {}

  int64_t vocab_size() const override { return model_.vocab_size(); }
  int64_t position() const override { return model_.position(); }
  void Reset() override { model_.Reset(); }
  int64_t max_rewind() const override { return model_.max_rewind(); }
  void Rewind(int64_t n_tokens) override { model_.Rewind(n_tokens); }
  Status Append(std::span<const int32_t> tokens, int64_t n_logits, float* logits) override {
    cost_ += pass_ + token_ * static_cast<double>(tokens.size());
    return model_.Append(tokens, n_logits, logits);
  }

  double cost() const { return cost_; }

 private:
  LanguageModel& model_;
  double pass_;
  double token_;
  double cost_ = 0;
};

// Expects a token that depends on all those before it, so that a cache which was not taken back to
// the text shows.
class HistoryModel final : public LanguageModel {
 public:
  // Every `period`th guess differs from that of a model without (0).
  explicit HistoryModel(int64_t period, int64_t max_tokens = INT64_MAX)
      : period_(period), max_tokens_(max_tokens) {}

  int64_t vocab_size() const override { return 50; }
  int64_t position() const override { return std::ssize(text_); }
  void Reset() override { text_.clear(); }
  int64_t max_rewind() const override { return 64; }
  void Rewind(int64_t n_tokens) override {
    text_.resize(text_.size() - static_cast<size_t>(n_tokens));
  }

  Status Append(std::span<const int32_t> tokens, int64_t n_logits, float* logits) override {
    ACCLLM_RETURN_IF_ERROR(CheckTokens(tokens, n_logits));
    if (position() + std::ssize(tokens) > max_tokens_) {
      return Fail(ErrorCode::kInvalidArgument, "full");
    }
    const int64_t first = std::ssize(tokens) - n_logits;
    for (int64_t i = 0; i < std::ssize(tokens); ++i) {
      text_.push_back(tokens[static_cast<size_t>(i)]);
      if (i < first) continue;
      std::fill_n(logits, vocab_size(), 0.0F);
      logits[Expected()] = 5.0F;
      logits += vocab_size();
    }
    return {};
  }

  const std::vector<int32_t>& text() const { return text_; }

 private:
  int64_t Expected() const {
    uint64_t hash = 1;
    for (const int32_t token : text_) hash = (hash ^ static_cast<uint64_t>(token)) * 1099511628211U;
    const bool is_wrong = period_ > 0 && position() % period_ == 0;
    return static_cast<int64_t>(((hash >> 32) + (is_wrong ? 1 : 0)) % 50);
  }

  int64_t period_;
  int64_t max_tokens_;
  std::vector<int32_t> text_;
};

TEST(DraftModel, GuessesOnlyBehindAText) {
  testing::CountingModel model(20, 5.0F);
  DraftModel draft(model, model.vocab_size());
  EXPECT_TRUE(draft.Draft(3).empty());
  draft.Append(4);
  EXPECT_EQ(draft.Draft(3), (std::vector<int32_t>{5, 6, 7}));
  EXPECT_TRUE(draft.Draft(0).empty());
}

TEST(DraftModel, KeepsWhatWasRightAndTakesBackTheRest) {
  HistoryModel model(0);
  DraftModel draft(model, model.vocab_size());
  draft.Append(4);
  const std::vector<int32_t> guess = draft.Draft(5);
  ASSERT_EQ(guess.size(), 5U);
  draft.Append(guess[0]);
  const int32_t other = (guess[1] + 1) % 50;
  draft.Append(other);
  draft.CatchUp();
  EXPECT_EQ(model.text(), (std::vector<int32_t>{4, guess[0], other}));
}

TEST(DraftModel, GivesUpAfterAnErrorUntilItCatchesUp) {
  HistoryModel model(0, 3);
  DraftModel draft(model, model.vocab_size());
  draft.Append(1);
  EXPECT_EQ(draft.Draft(6).size(), 3U);
  draft.Append(2);
  EXPECT_TRUE(draft.Draft(6).empty());
  draft.CatchUp();
  EXPECT_EQ(model.text(), std::vector<int32_t>{2});
  EXPECT_EQ(draft.Draft(2).size(), 2U);
}

// With every kind of draft model and temperature, the text and the place of plain decoding.
TEST(DraftModel, ChangesNoToken) {
  const std::vector<int32_t> prompt = {3, 1, 4};
  for (const float temperature : {0.0F, 0.8F}) {
    for (const int64_t period : {0, 1, 2, 3, 7}) {  // 0: always right; 1: always wrong
      SamplerOptions sampling;
      sampling.temperature = temperature;
      sampling.seed = 7;
      HistoryModel plain_model(0);
      Sampler plain_sampler(sampling);
      const auto plain =
          Generate(plain_model, prompt, {300, {}}, plain_sampler, nullptr, testing::kContinue);
      HistoryModel small(period);
      HistoryModel model(0);
      DraftModel draft(small, model.vocab_size());
      CountedModel counted(model, 1, 0);
      Sampler sampler(sampling);
      Speculation speculation(
          7, [&] { return counted.cost(); }, &draft);
      const auto drafted =
          Generate(counted, prompt, {300, {}}, sampler, &speculation, testing::kContinue);
      ASSERT_TRUE(plain);
      ASSERT_TRUE(drafted);
      EXPECT_EQ(drafted->tokens, plain->tokens) << temperature << " " << period;
      EXPECT_EQ(model.text(), plain_model.text()) << temperature << " " << period;
      EXPECT_GT(speculation.n_drafted(), 0) << temperature << " " << period;
      if (temperature > 0.0F) continue;
      if (period == 0) {
        EXPECT_GT(speculation.n_accepted(), 200);
      }
      if (period == 1) {
        EXPECT_LT(speculation.n_accepted(), 10);
      }
    }
  }
}

// Where every token costs the same and drafts as much or more, right half the time or never.
TEST(DraftModel, IsLeftAloneWhereItDoesNotPay) {
  const std::vector<int32_t> prompt = {3, 1, 4};
  for (const double cost : {1.0, 4.0}) {
    for (const int64_t period : {1, 2}) {
      HistoryModel small(period);
      HistoryModel large(0);
      CountedModel draft_model(small, 0, cost);
      CountedModel model(large, 0, 1);
      DraftModel draft(draft_model, model.vocab_size());
      Sampler sampler({});
      Speculation speculation(
          7, [&] { return model.cost() + draft_model.cost(); }, &draft);
      constexpr int64_t kTokens = 5000;
      ASSERT_TRUE(
          Generate(model, prompt, {kTokens, {}}, sampler, &speculation, testing::kContinue));
      // What n-grams and the model may lose, and the draft that goes beyond it.
      const double prompts = 3 * (1 + cost);
      EXPECT_LT(model.cost() + draft_model.cost(),
                prompts + 1.02 * kTokens + 2 * 3 + 2 * 7 * (1 + cost))
          << cost << " " << period;
      EXPECT_GT(speculation.n_drafted(), 0) << cost << " " << period;
    }
  }
}

TEST(DraftModel, KeepsTheEndOfALongTextThatItDidNotRead) {
  HistoryModel model(0);
  DraftModel draft(model, model.vocab_size());
  for (int64_t i = 0; i < 3 * DraftModel::kMaxUnread; ++i) {
    draft.Append(static_cast<int32_t>(i % 50));
  }
  draft.CatchUp();
  const std::vector<int32_t>& text = model.text();
  ASSERT_LE(std::ssize(text), DraftModel::kMaxUnread);
  ASSERT_GE(std::ssize(text), DraftModel::kMaxUnread / 2);
  for (int64_t i = 1; i <= std::ssize(text); ++i) {
    ASSERT_EQ(text[text.size() - static_cast<size_t>(i)], (3 * DraftModel::kMaxUnread - i) % 50);
  }
}

// Families of models pad their vocabularies differently.
TEST(DraftModel, GuessesWithinTheVocabularyOfTheText) {
  testing::CountingModel model(20, 5.0F);
  DraftModel draft(model, 10);
  draft.Append(8);
  const std::vector<int32_t> guess = draft.Draft(4);
  ASSERT_EQ(guess.size(), 4U);
  EXPECT_EQ(guess.front(), 9);
  for (const int32_t token : guess) EXPECT_LT(token, 10);
  draft.Append(20);
  EXPECT_TRUE(draft.Draft(4).empty());
}

// Two engines on the same threads, with windows that both leave behind; the second is the first
// itself, another model of that vocabulary, or one with a shorter memory.
TEST(DraftModel, ChangesNoTokenOfAnEngine) {
  const std::string path = testing::UniquePath("draft_model.acc");
  const std::string other_path = testing::UniquePath("draft_model_other.acc");
  ASSERT_TRUE(testing::WriteTinyModel(testing::TinyPackedConfig(), path, 21));
  ASSERT_TRUE(testing::WriteTinyModel(testing::TinyPackedConfig(), other_path, 22));
  const auto packed = PackedFile::Open(path);
  const auto other = PackedFile::Open(other_path);
  ASSERT_TRUE(packed && other);
  const std::vector<int32_t> prompt = {3, 1, 4, 1, 5};
  const EngineOptions options = {{4, 20}, 0, 2, *SelectIsa(), 8, 0};
  const auto run = [&](LanguageModel& model, DraftModel* draft, int64_t* n_accepted) {
    SamplerOptions sampling;
    sampling.temperature = 0.7F;
    sampling.seed = 11;
    Sampler sampler(sampling);
    CountedModel counted(model, 1, 0);
    Speculation speculation(
        7, [&] { return counted.cost(); }, draft);
    const auto text =
        Generate(counted, prompt, {200, {}}, sampler, &speculation, testing::kContinue);
    EXPECT_TRUE(text);
    *n_accepted = speculation.n_accepted();
    return text ? text->tokens : std::vector<int32_t>();
  };
  int64_t n_accepted = 0;
  const auto plain = run(**Engine::Load(*packed, options), nullptr, &n_accepted);
  const int64_t n_without = n_accepted;
  const std::pair<const PackedFile*, AttentionWindow> smalls[] = {
      {&*packed, {4, 20}}, {&*other, {4, 20}}, {&*packed, {0, 7}}};
  for (const auto& [file, window] : smalls) {
    auto engine = Engine::Load(*packed, options);
    ASSERT_TRUE(engine);
    EngineOptions small_options = options;
    small_options.window = window;
    auto small = Engine::Load(*file, small_options, (*engine)->threads());
    ASSERT_TRUE(small);
    DraftModel draft(**small, (*engine)->vocab_size());
    EXPECT_EQ(run(**engine, &draft, &n_accepted), plain);
    EXPECT_EQ((*engine)->position(), std::ssize(prompt) + 199);
    if (file == &*packed) {
      EXPECT_GT(n_accepted, n_without);
    }
  }
  std::filesystem::remove(path);
  std::filesystem::remove(other_path);
}

}  // namespace
}  // namespace accllm
