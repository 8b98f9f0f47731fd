#include "compress/synth.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "base/file_io.h"
#include "packed/packed_file.h"
#include "runtime/engine.h"

namespace accllm {
namespace {

// Odd sizes: a hidden size that is no multiple of a block, rows that are no multiple of a tile.
ModelConfig SmallConfig() {
  ModelConfig config;
  config.architecture = "LlamaForCausalLM";
  config.hidden_size = 96;
  config.intermediate_size = 300;
  config.n_layers = 2;
  config.n_heads = 6;
  config.n_kv_heads = 2;
  config.head_dim = 16;
  config.vocab_size = 101;
  config.max_position_embeddings = 64;
  return config;
}

class Synth : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
    folder_ = std::filesystem::temp_directory_path() /
              fmt::format("accllm_synth_{}_{}", info->name(), getpid());
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string Path(const std::string& name) const { return (folder_ / name).string(); }
  static Status Write(const ModelConfig& config, const std::string& path, uint64_t seed) {
    return Synthesize(config, path, seed, "tokenizer", [](double) {});
  }

  std::filesystem::path folder_;
};

TEST_F(Synth, WritesAValidFile) {
  ASSERT_TRUE(Write(SmallConfig(), Path("a.acc"), 1));
  const auto file = PackedFile::Open(Path("a.acc"));
  ASSERT_TRUE(file) << file.error().ToString();
  const Status verified = file->Verify();
  EXPECT_TRUE(verified) << verified.error().ToString();
  EXPECT_EQ(file->metadata().attention.window, 60);
  EXPECT_EQ(std::string(file->tokenizer().begin(), file->tokenizer().end()), "tokenizer");
}

TEST_F(Synth, SameSeedSameBytes) {
  for (const auto& [name, seed] : {std::pair{"a", 1U}, {"b", 1U}, {"c", 2U}}) {
    ASSERT_TRUE(Write(SmallConfig(), Path(name), seed));
  }
  const auto a = ReadTextFile(Path("a"), 1 << 24);
  EXPECT_EQ(*a, *ReadTextFile(Path("b"), 1 << 24));
  EXPECT_NE(*a, *ReadTextFile(Path("c"), 1 << 24));
}

TEST_F(Synth, WeightsHaveTheDeviationThatKeepsVariance) {
  ASSERT_TRUE(Write(SmallConfig(), Path("a.acc"), 1));
  const auto file = PackedFile::Open(Path("a.acc"));
  ASSERT_TRUE(file);
  for (const char* name : {"layers.0.self_attn.q_proj", "layers.1.mlp.up_proj", "embed_tokens"}) {
    const auto weights = file->ReadFloat(name);
    ASSERT_TRUE(weights);
    double mean_square = 0;
    for (const float w : *weights) mean_square += static_cast<double>(w) * static_cast<double>(w);
    mean_square /= static_cast<double>(weights->size());
    EXPECT_NEAR(mean_square * 96, 1.0, 0.1) << name;
  }
}

TEST_F(Synth, RunsOnTheEngineWithLogitsOfUnitScale) {
  ASSERT_TRUE(Write(SmallConfig(), Path("a.acc"), 1));
  const auto file = PackedFile::Open(Path("a.acc"));
  ASSERT_TRUE(file);
  EngineOptions options;
  options.window = file->metadata().attention;
  auto engine = Engine::Load(*file, options);
  ASSERT_TRUE(engine) << engine.error().ToString();
  std::vector<float> logits(101);
  const std::vector<int32_t> tokens = {1, 5, 9, 100};
  ASSERT_TRUE((*engine)->Append(tokens, 1, logits.data()));
  double mean_square = 0;
  for (const float v : logits) mean_square += static_cast<double>(v) * static_cast<double>(v) / 101;
  EXPECT_GT(mean_square, 0.5);
  EXPECT_LT(mean_square, 2.0);
}

TEST_F(Synth, EveryNamedShapeIsConsistent) {
  for (const std::string_view name : SynthShapeNames()) {
    const auto config = SynthShape(name);
    ASSERT_TRUE(config);
    EXPECT_EQ(config->n_heads % config->n_kv_heads, 0) << name;
    EXPECT_EQ(config->q_size(), config->hidden_size) << name;
  }
}

TEST_F(Synth, UnknownShapeNamesTheKnownOnes) {
  const auto config = SynthShape("gpt-9");
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().code, ErrorCode::kInvalidArgument);
  EXPECT_NE(config.error().remedy.find("llama-2-7b"), std::string::npos);
}

TEST_F(Synth, ReportsAFolderThatIsNotThere) {
  const Status status = Write(SmallConfig(), Path("none/a.acc"), 1);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kIo);
}

}  // namespace
}  // namespace accllm
