#include "compress/synth.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <filesystem>

#include "base/file_io.h"
#include "base/fp16.h"
#include "checkpoint/gguf_file.h"
#include "compress/synth_gguf.h"
#include "packed/packed_file.h"
#include "runtime/engine.h"

namespace accllm {
namespace {

// Odd sizes: a hidden size that is no multiple of a block, rows that are no multiple of a tile.
ModelConfig OddConfig() {
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
  ASSERT_TRUE(Write(OddConfig(), Path("a.acc"), 1));
  const auto file = PackedFile::Open(Path("a.acc"));
  ASSERT_TRUE(file) << file.error().ToString();
  const Status verified = file->Verify();
  EXPECT_TRUE(verified) << verified.error().ToString();
  EXPECT_EQ(file->metadata().attention.window, 60);
  EXPECT_EQ(std::string(file->tokenizer().begin(), file->tokenizer().end()), "tokenizer");
}

TEST_F(Synth, SameSeedSameBytes) {
  for (const auto& [name, seed] : {std::pair{"a", 1U}, {"b", 1U}, {"c", 2U}}) {
    ASSERT_TRUE(Write(OddConfig(), Path(name), seed));
  }
  const auto a = ReadTextFile(Path("a"), 1 << 24);
  EXPECT_EQ(*a, *ReadTextFile(Path("b"), 1 << 24));
  EXPECT_NE(*a, *ReadTextFile(Path("c"), 1 << 24));
}

TEST_F(Synth, WeightsHaveTheDeviationThatKeepsVariance) {
  ASSERT_TRUE(Write(OddConfig(), Path("a.acc"), 1));
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
  ASSERT_TRUE(Write(OddConfig(), Path("a.acc"), 1));
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
  const Status status = Write(OddConfig(), Path("none/a.acc"), 1);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kIo);
}

TEST_F(Synth, WritesGgufFilesOfEveryType) {
  ModelConfig config = OddConfig();
  config.hidden_size = config.intermediate_size = 512;
  config.n_heads = 32;
  const int64_t n_weights = config.hidden_size * config.intermediate_size;
  for (const std::string_view type : SynthGgufTypeNames()) {
    ASSERT_TRUE(SynthesizeGguf(config, Path("a.gguf"), type, 1, [](double) {}));
    ASSERT_TRUE(SynthesizeGguf(config, Path("b.gguf"), type, 1, [](double) {}));
    EXPECT_EQ(*ReadTextFile(Path("a.gguf"), 1 << 24), *ReadTextFile(Path("b.gguf"), 1 << 24));
    const auto file = GgufFile::Open(Path("a.gguf"));
    ASSERT_TRUE(file) << file.error().ToString();
    const GgufTensor* up = file->Find("blk.1.ffn_up.weight");
    ASSERT_NE(up, nullptr);
    EXPECT_EQ(up->type->name, type);
    EXPECT_EQ(std::ssize(up->bytes), n_weights / up->type->block_elements * up->type->block_bytes);
    EXPECT_EQ(file->Find("token_embd.weight")->type->name, "Q4_0");
    EXPECT_EQ(*file->ReadFloats("output_norm.weight"), std::vector<float>(512, 1.0F));
  }
}

// Two bits of a code and the scale of its block, as llama.cpp reads them.
TEST_F(Synth, GgufWeightsHaveTheWantedDeviation) {
  ModelConfig config = OddConfig();
  config.hidden_size = config.intermediate_size = 512;
  config.n_heads = 32;
  ASSERT_TRUE(SynthesizeGguf(config, Path("a.gguf"), "TQ2_0", 1, [](double) {}));
  const auto file = GgufFile::Open(Path("a.gguf"));
  ASSERT_TRUE(file);
  const std::span<const uint8_t> bytes = file->Find("blk.0.ffn_up.weight")->bytes;
  double squares = 0;
  int64_t n = 0;
  for (size_t block = 0; block < bytes.size(); block += 66) {
    uint16_t half = 0;
    std::memcpy(&half, &bytes[block + 64], sizeof(half));
    for (size_t i = 0; i < 256; ++i, ++n) {
      const int code = (bytes[block + i / 4] >> (2 * (i % 4))) & 3;
      squares += std::pow(HalfToFloat(half) * static_cast<float>(code - 1), 2);
    }
  }
  EXPECT_NEAR(std::sqrt(squares / static_cast<double>(n)), 1 / std::sqrt(512.0), 1e-3);
}

TEST_F(Synth, GgufTypesThatDoNotFitAreRefused) {
  const auto write = [&](const ModelConfig& config, std::string_view type) {
    return SynthesizeGguf(config, Path("x.gguf"), type, 1, [](double) {});
  };
  const Status narrow = write(OddConfig(), "Q2_K");  // 96 columns
  ASSERT_FALSE(narrow);
  EXPECT_EQ(narrow.error().code, ErrorCode::kUnsupported);
  EXPECT_NE(narrow.error().message.find("96 columns"), std::string::npos);
  EXPECT_EQ(write(OddConfig(), "Q9").error().code, ErrorCode::kInvalidArgument);
  EXPECT_FALSE(std::filesystem::exists(Path("x.gguf")));
}

}  // namespace
}  // namespace accllm
