#include "runtime/engine.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <random>

#include "packed/testing/tiny_model.h"
#include "reference/integer_model.h"

namespace accllm {
namespace {

std::vector<int32_t> RandomTokens(size_t n, int64_t vocab) {
  std::mt19937 rng(9);
  std::vector<int32_t> tokens(n);
  for (int32_t& token : tokens) token = static_cast<int32_t>(rng() % static_cast<unsigned>(vocab));
  return tokens;
}

class EngineTest : public ::testing::Test {
 protected:
  void SetUp() override {
    path_ = testing::UniquePath("engine_test.acc");
    Write(testing::TinyPackedConfig());
  }
  void Write(const ModelConfig& config) { Write(config, testing::TinyPlan(config)); }
  void Write(const ModelConfig& config, const std::vector<TensorPlan>& plan) {
    const Status written = testing::WriteTinyModel(config, path_, 21, plan);
    ASSERT_TRUE(written) << written.error().ToString();
    packed_ = std::make_unique<PackedFile>(*PackedFile::Open(path_));
  }
  void TearDown() override { std::filesystem::remove(path_); }

  std::vector<float> ReferenceLogits(AttentionWindow window, std::span<const int32_t> tokens) {
    auto model = reference::IntegerModel::Load(*packed_, window);
    EXPECT_TRUE(model);
    std::vector<float> logits(tokens.size() * 61);
    const Status status =
        (*model)->Append(tokens, static_cast<int64_t>(tokens.size()), logits.data());
    EXPECT_TRUE(status) << status.error().ToString();
    return logits;
  }

  std::string path_;
  std::unique_ptr<PackedFile> packed_;
};

// The heart of the contract: every ISA, thread count, chunk size and window gives the bits of the
// scalar reference. 150 tokens let the ring of the smaller windows wrap several times.
TEST_F(EngineTest, BitForBitTheIntegerReference) {
  const std::vector<int32_t> tokens = RandomTokens(150, 61);
  for (const AttentionWindow window :
       {AttentionWindow{4, 20}, AttentionWindow{0, 7}, AttentionWindow{33, 40},
        AttentionWindow{2, AttentionWindow::kAll}}) {
    const std::vector<float> expected = ReferenceLogits(window, tokens);
    for (const Isa isa : kAllIsas) {
      if (!IsaSupported(isa)) continue;
      for (const auto& [n_threads, chunk] : {std::pair{1, 64}, {3, 64}, {2, 1}, {2, 5}}) {
        auto engine = Engine::Load(*packed_, {window, 150, n_threads, isa, chunk, 0});
        ASSERT_TRUE(engine) << engine.error().ToString();
        std::vector<float> logits(expected.size());
        const Status status = (*engine)->Append(tokens, 150, logits.data());
        ASSERT_TRUE(status) << status.error().ToString();
        ASSERT_EQ(logits, expected) << IsaName(isa) << ", " << n_threads << " threads, chunk "
                                    << chunk << ", window " << window.window;
      }
    }
  }
}

// Rows of gate and up that are made and multiplied in several goes.
TEST_F(EngineTest, AWideMlpOfManyTokensIsBitForBitToo) {
  ModelConfig config = testing::TinyPackedConfig();
  config.intermediate_size = 300;
  Write(config);
  const std::vector<int32_t> tokens = RandomTokens(130, 61);
  const std::vector<float> expected = ReferenceLogits({4, 20}, tokens);
  for (const Isa isa : kAllIsas) {
    if (!IsaSupported(isa)) continue;
    for (const int n_threads : {1, 3}) {
      auto engine = *Engine::Load(*packed_, {{4, 20}, 130, n_threads, isa, 130, 0});
      std::vector<float> logits(expected.size());
      ASSERT_TRUE(engine->Append(tokens, 130, logits.data()));
      ASSERT_EQ(logits, expected) << IsaName(isa) << ", " << n_threads << " threads";
    }
  }
}

// Wrong drafts of every length, taken back wholly or in part, leave no trace, also where they
// overwrote the oldest tokens of the ring or a sink that is not there yet.
TEST_F(EngineTest, RewoundTokensLeaveNoTrace) {
  const std::vector<int32_t> tokens = RandomTokens(150, 61);
  for (const AttentionWindow window :
       {AttentionWindow{4, 20}, AttentionWindow{0, 7}, AttentionWindow{2, AttentionWindow::kAll}}) {
    const std::vector<float> expected = ReferenceLogits(window, tokens);
    constexpr int64_t kChunk = 8;
    auto engine = Engine::Load(*packed_, {window, 160, 2, Isa::kScalar, kChunk});
    ASSERT_TRUE(engine) << engine.error().ToString();
    ASSERT_EQ((*engine)->max_rewind(), kChunk);
    std::vector<float> logits(expected.size());
    for (int64_t at = 0; at < 150;) {
      const int64_t n_right = std::min<int64_t>(1 + at % 3, 150 - at);
      std::vector<int32_t> draft(tokens.begin() + at, tokens.begin() + at + n_right);
      const int64_t n_wrong = at % (kChunk - n_right + 1);
      for (int64_t i = 0; i < n_wrong; ++i) draft.push_back(static_cast<int32_t>((at + i) % 61));
      std::vector<float> rows(draft.size() * 61);
      ASSERT_TRUE((*engine)->Append(draft, std::ssize(draft), rows.data()));
      (*engine)->Rewind(n_wrong);
      std::copy_n(rows.begin(), n_right * 61, logits.begin() + at * 61);
      at += n_right;
      ASSERT_EQ((*engine)->position(), at);
    }
    ASSERT_EQ(logits, expected) << "window " << window.window;
  }
}

// As a draft model reads: token by token ahead, then back over several calls.
TEST_F(EngineTest, TokensOfSeveralCallsAreTakenBackTogether) {
  const std::vector<int32_t> tokens = RandomTokens(150, 61);
  constexpr int64_t kChunk = 8;
  for (const AttentionWindow window : {AttentionWindow{4, 20}, AttentionWindow{0, 7}}) {
    const std::vector<float> expected = ReferenceLogits(window, tokens);
    auto engine = Engine::Load(*packed_, {window, 0, 2, Isa::kScalar, kChunk});
    ASSERT_TRUE(engine) << engine.error().ToString();
    std::vector<float> logits(61);
    for (int64_t at = 0; at < 150; ++at) {
      ASSERT_TRUE((*engine)->Append(std::span(tokens).subspan(static_cast<size_t>(at), 1), 1,
                                    logits.data()));
      ASSERT_TRUE(std::equal(logits.begin(), logits.end(), expected.begin() + 61 * at))
          << "token " << at << ", window " << window.window;
      const int64_t n_ahead = at % (kChunk + 1);
      for (int64_t i = 0; i < n_ahead; ++i) {
        const auto wrong = static_cast<int32_t>((at + i) % 61);
        ASSERT_TRUE((*engine)->Append({&wrong, 1}, 0, nullptr));
      }
      (*engine)->Rewind(n_ahead);
    }
  }
}

// Texts of different lengths, appended to one by one and together, give what each gives alone.
TEST_F(EngineTest, TextsTogetherAreWhatEachIsAlone) {
  const AttentionWindow window{4, 20};
  const std::vector<int32_t> tokens = RandomTokens(150, 61);
  auto engine = Engine::Load(*packed_, {window, 0, 2, *SelectIsa(), 8});
  ASSERT_TRUE(engine) << engine.error().ToString();
  constexpr size_t kTexts = 5;
  std::vector<Engine::Sequence> texts;
  std::vector<Engine::Sequence*> all;
  std::vector<std::vector<float>> expected;
  for (size_t i = 0; i < kTexts; ++i) {
    texts.push_back(*(*engine)->NewSequence());
    const auto text = std::span<const int32_t>(tokens).subspan(10 * i);
    expected.push_back(ReferenceLogits(window, text));
    // Text i has read 10 i tokens before.
    ASSERT_TRUE((*engine)->AppendTo(texts.back(), text.first(10 * i), 0, nullptr));
  }
  for (Engine::Sequence& text : texts) all.push_back(&text);
  std::vector<float> logits(kTexts * 61);
  for (size_t step = 0; step < 60; ++step) {
    std::vector<int32_t> next;
    for (size_t i = 0; i < kTexts; ++i) next.push_back(tokens[20 * i + step]);
    ASSERT_TRUE((*engine)->AppendTogether(all, next, logits.data()));
    for (size_t i = 0; i < kTexts; ++i) {
      const auto row = std::span(logits).subspan(61 * i, 61);
      const auto wanted = std::span(expected[i]).subspan(61 * (10 * i + step), 61);
      ASSERT_TRUE(std::equal(row.begin(), row.end(), wanted.begin())) << i << " " << step;
    }
  }
  EXPECT_EQ((*engine)->position(), 0);  // the engine's own text is another one
}

TEST_F(EngineTest, TextsTogetherAreChecked) {
  auto engine = Engine::Load(*packed_, {{4, AttentionWindow::kAll}, 1, 1, Isa::kScalar, 2});
  ASSERT_TRUE(engine) << engine.error().ToString();
  Engine::Sequence a = *(*engine)->NewSequence();
  Engine::Sequence b = *(*engine)->NewSequence();
  Engine::Sequence c = *(*engine)->NewSequence();
  std::vector<float> logits(3 * 61);
  const auto together = [&](const std::vector<Engine::Sequence*>& texts,
                            const std::vector<int32_t>& tokens) {
    return (*engine)->AppendTogether(texts, tokens, logits.data());
  };
  EXPECT_TRUE(together({}, {}));
  EXPECT_FALSE(together({&a, &a}, {1, 2}));
  EXPECT_FALSE(together({&a, &b, &c}, {1, 2, 3}));  // more than a chunk
  EXPECT_FALSE(together({&a, &b}, {1}));
  EXPECT_FALSE(together({&a, &b}, {1, 61}));
  EXPECT_TRUE(together({&a, &b}, {1, 2}));
  EXPECT_FALSE(together({&c, &a}, {1, 2}));  // a is full
  EXPECT_EQ(c.position, 0);
}

TEST_F(EngineTest, BiasesNormsAndRopeFactorsAreBitForBitToo) {
  ModelConfig llama = testing::TinyPackedConfig();
  llama.has_qkv_bias = llama.has_o_bias = llama.has_mlp_bias = true;
  llama.rope_factors = {1, 1, 1.5, 2, 3, 4};
  ModelConfig qwen3 = testing::TinyPackedConfig();
  qwen3.architecture = "Qwen3ForCausalLM";
  qwen3.has_qk_norm = true;
  const std::vector<int32_t> tokens = RandomTokens(60, 61);
  for (const ModelConfig& config : {llama, qwen3}) {
    Write(config);
    const std::vector<float> expected = ReferenceLogits({4, 20}, tokens);
    for (const Isa isa : kAllIsas) {
      if (!IsaSupported(isa)) continue;
      auto engine = Engine::Load(*packed_, {{4, 20}, 60, 2, isa, 7, 0});
      ASSERT_TRUE(engine) << engine.error().ToString();
      std::vector<float> logits(expected.size());
      ASSERT_TRUE((*engine)->Append(tokens, 60, logits.data()));
      ASSERT_EQ(logits, expected) << IsaName(isa) << ", " << config.architecture;
    }
  }
}

// Ranks that fill no tile, one and more than one.
TEST_F(EngineTest, LowRankPartsAreBitForBitToo) {
  ModelConfig config = testing::TinyPackedConfig();
  config.has_qkv_bias = true;
  const std::vector<int32_t> tokens = RandomTokens(60, 61);
  const std::vector<float> without = ReferenceLogits({4, 20}, tokens);
  for (const int64_t rank : {1, 8, 19}) {
    Write(config, testing::WithLowRank(testing::TinyPlan(config), rank));
    const std::vector<float> expected = ReferenceLogits({4, 20}, tokens);
    EXPECT_NE(expected, without);
    for (const Isa isa : kAllIsas) {
      if (!IsaSupported(isa)) continue;
      for (const auto& [n_threads, chunk] : {std::pair{1, 64}, {3, 7}, {2, 1}}) {
        auto engine = Engine::Load(*packed_, {{4, 20}, 60, n_threads, isa, chunk, 0});
        ASSERT_TRUE(engine) << engine.error().ToString();
        std::vector<float> logits(expected.size());
        ASSERT_TRUE((*engine)->Append(tokens, 60, logits.data()));
        ASSERT_EQ(logits, expected) << IsaName(isa) << ", rank " << rank << ", chunk " << chunk;
      }
    }
  }
}

TEST_F(EngineTest, LowRankPartsCountAsBytesReadPerToken) {
  const ModelConfig config = testing::TinyPackedConfig();
  const auto bytes = [&] {
    return (*Engine::Load(*packed_, {{4, 20}, 0, 1, Isa::kScalar, 4}))->model().BytesPerToken();
  };
  const int64_t without = bytes();
  Write(config, testing::WithLowRank(testing::TinyPlan(config), 8));
  int64_t more = 0;
  for (const PackedTensor& tensor : packed_->tensors()) {
    // A in tiles of W8: 8 rows of 256 bytes and a beat of multipliers; B as it is.
    if (tensor.name.ends_with(".lowrank_a")) more += 8 * 256 + 64;
    if (tensor.name.ends_with(".lowrank_b")) more += 8 * tensor.cols;
  }
  EXPECT_EQ(bytes(), without + more);
}

TEST_F(EngineTest, CuttingATextIntoCallsChangesNothing) {
  const std::vector<int32_t> tokens = RandomTokens(100, 61);
  const Isa isa = *SelectIsa();
  auto engine = *Engine::Load(*packed_, {{4, 20}, 0, 2, isa, 16, 0});
  std::vector<float> once(61);
  ASSERT_TRUE(engine->Append(tokens, 1, once.data()));
  for (const size_t piece : {1U, 3U, 40U}) {
    engine->Reset();
    std::vector<float> pieces(61);
    for (size_t at = 0; at < tokens.size(); at += piece) {
      ASSERT_TRUE(engine->Append(std::span(tokens).subspan(at, std::min(piece, tokens.size() - at)),
                                 1, pieces.data()));
    }
    EXPECT_EQ(once, pieces);
  }
}

TEST_F(EngineTest, TiedEmbeddings) {
  ModelConfig config = testing::TinyPackedConfig();
  config.tie_word_embeddings = true;
  const std::string path = testing::UniquePath("engine_tied.acc");
  ASSERT_TRUE(testing::WriteTinyModel(config, path, 22));
  packed_ = std::make_unique<PackedFile>(*PackedFile::Open(path));
  const std::vector<int32_t> tokens = RandomTokens(10, 61);
  const std::vector<float> expected = ReferenceLogits({4, 60}, tokens);
  auto engine = *Engine::Load(*packed_, {{4, 60}, 0, 1, *SelectIsa(), 4});
  std::vector<float> logits(expected.size());
  ASSERT_TRUE(engine->Append(tokens, 10, logits.data()));
  EXPECT_EQ(logits, expected);
  std::filesystem::remove(path);
}

TEST_F(EngineTest, FullContextIsAnErrorThatSaysWhatToDo) {
  auto engine = *Engine::Load(*packed_, {{4, AttentionWindow::kAll}, 10, 1, Isa::kScalar, 4});
  std::vector<float> logits(61);
  ASSERT_TRUE(engine->Append(RandomTokens(10, 61), 1, logits.data()));
  const Status full = engine->Append(RandomTokens(1, 61), 1, logits.data());
  ASSERT_FALSE(full);
  EXPECT_NE(full.error().remedy.find("--window"), std::string::npos);
}

TEST_F(EngineTest, DamagedWeightsAreFoundWhenLoading) {
  const ModelConfig config = testing::TinyPackedConfig();
  Write(config, testing::WithLowRank(testing::TinyPlan(config), 4));
  for (const std::string name : {"layers.1.mlp.up_proj", "layers.1.mlp.down_proj.lowrank_b"}) {
    std::vector<uint8_t> bytes(packed_->bytes().begin(), packed_->bytes().end());
    const PackedTensor& tensor = **packed_->Find(name);
    bytes[static_cast<size_t>(tensor.data_offset) + 5] ^= 1;
    const auto damaged = PackedFile::Parse(bytes, "damaged.acc");
    ASSERT_TRUE(damaged);
    const auto engine = Engine::Load(*damaged, {{4, 20}, 0, 1, Isa::kScalar, 4});
    ASSERT_FALSE(engine);
    EXPECT_EQ(engine.error().code, ErrorCode::kCorrupt);
    EXPECT_NE(engine.error().message.find(name), std::string::npos);
  }
}

}  // namespace
}  // namespace accllm
