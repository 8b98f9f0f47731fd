#include "checkpoint/gguf_export.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/fp16.h"
#include "base/model_config_json.h"
#include "base/tensor_names.h"
#include "base/testing/read_file.h"
#include "checkpoint/gguf_file.h"
#include "checkpoint/gguf_names.h"
#include "checkpoint/rope_rows.h"
#include "checkpoint/testing/checkpoint_writer.h"
#include "checkpoint/testing/gguf_builder.h"

namespace accllm {
namespace {

using testing::GgufBuilder;
using testing::TinyConfig;
using testing::WriteCheckpoint;
using testing::WriteFile;

bool GoOn(double, std::string_view) { return true; }

class GgufExportTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
    folder_ = ::testing::TempDir() + "accllm_gguf_export_" + info->name();
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string gguf() const { return folder_ + "/model.gguf"; }

  Checkpoint Write(const ModelConfig& config, DType dtype = DType::kF16) {
    const Status status = WriteCheckpoint(folder_, config, {.dtype = dtype});
    EXPECT_TRUE(status) << status.error().message;
    auto checkpoint = Checkpoint::Open(folder_);
    EXPECT_TRUE(checkpoint) << checkpoint.error().message;
    return std::move(*checkpoint);
  }

  Checkpoint Export(const Checkpoint& checkpoint) {
    const auto report = ExportGguf(checkpoint, gguf(), "tiny", GoOn);
    EXPECT_TRUE(report) << report.error().message;
    auto exported = Checkpoint::Open(gguf());
    EXPECT_TRUE(exported) << exported.error().message;
    return std::move(*exported);
  }

  std::string folder_;
};

std::vector<float> RoundedToHalf(std::vector<float> values) {
  for (float& value : values) value = HalfToFloat(FloatToHalf(value));
  return values;
}

void ExpectSameWeights(const Checkpoint& original, const Checkpoint& exported) {
  EXPECT_EQ(RoundedToHalf(*original.ReadEmbedding()), *exported.ReadEmbedding());
  EXPECT_EQ(RoundedToHalf(*original.ReadLmHead()), *exported.ReadLmHead());
  EXPECT_EQ(*original.ReadFinalNorm(), *exported.ReadFinalNorm());
  for (int64_t layer = 0; layer < original.config().n_layers; ++layer) {
    const auto a = original.ReadLayer(layer);
    const auto b = exported.ReadLayer(layer);
    ASSERT_TRUE(a) << a.error().message;
    ASSERT_TRUE(b) << b.error().message;
    for (const VectorKind kind : kVectorKinds) {
      EXPECT_EQ(a->vector(kind), b->vector(kind)) << VectorName(kind);
    }
    for (const LinearKind kind : kLinearKinds) {
      EXPECT_EQ(RoundedToHalf(a->linear(kind)), b->linear(kind)) << LinearName(kind);
    }
  }
  EXPECT_TRUE(exported.unused_tensors().empty());
}

std::vector<ModelConfig> Architectures() {
  ModelConfig llama = TinyConfig();
  ModelConfig tied = TinyConfig();
  tied.tie_word_embeddings = true;
  ModelConfig biases = TinyConfig();
  biases.has_qkv_bias = biases.has_o_bias = biases.has_mlp_bias = true;
  ModelConfig scaled = TinyConfig();
  scaled.rope_theta = 500000;
  scaled.rope_factors = {1, 1, 1, 1, 2, 4, 8, 8};
  ModelConfig linear = TinyConfig();
  linear.rope_factors.assign(8, 4.0);
  ModelConfig mistral = TinyConfig();
  mistral.architecture = "MistralForCausalLM";
  mistral.sliding_window = 32;
  ModelConfig qwen2 = TinyConfig();
  qwen2.architecture = "Qwen2ForCausalLM";
  qwen2.has_qkv_bias = true;
  qwen2.bos_token_id = -1;
  qwen2.eos_token_ids = {7, 9};
  ModelConfig qwen3 = TinyConfig();
  qwen3.architecture = "Qwen3ForCausalLM";
  qwen3.has_qk_norm = true;
  qwen3.head_dim = 32;  // not hidden / heads
  return {llama, tied, biases, scaled, linear, mistral, qwen2, qwen3};
}

TEST_F(GgufExportTest, WhatIsExportedIsReadBitForBit) {
  for (const ModelConfig& config : Architectures()) {
    for (const DType dtype : {DType::kF16, DType::kF32}) {
      const Checkpoint original = Write(config, dtype);
      const Checkpoint exported = Export(original);
      EXPECT_EQ(ModelConfigToJson(exported.config()), ModelConfigToJson(config));
      ExpectSameWeights(original, exported);
    }
  }
}

TEST_F(GgufExportTest, AnExportOfAnExportHasTheSameBytes) {
  const Checkpoint exported = Export(Write(TinyConfig()));
  const std::string again = folder_ + "/again.gguf";
  ASSERT_TRUE(ExportGguf(exported, again, "tiny", GoOn));
  EXPECT_EQ(testing::ReadFile(again), testing::ReadFile(gguf()));
}

TEST_F(GgufExportTest, RotatedRowsLieInPairs) {
  const Checkpoint original = Write(TinyConfig());
  Export(original);
  const auto file = GgufFile::Open(gguf());
  ASSERT_TRUE(file);
  const auto interleaved = file->ReadFloats("blk.1.attn_k.weight");
  const auto layer = original.ReadLayer(1);
  const std::vector<float>& rows = layer->linear(LinearKind::kK);
  // Head 1, pair 3: rows 16 + 3 and 16 + 8 + 3 become rows 16 + 6 and 16 + 7.
  for (int64_t col = 0; col < 64; ++col) {
    EXPECT_EQ((*interleaved)[static_cast<size_t>(22 * 64 + col)],
              rows[static_cast<size_t>(19 * 64 + col)]);
    EXPECT_EQ((*interleaved)[static_cast<size_t>(23 * 64 + col)],
              rows[static_cast<size_t>(27 * 64 + col)]);
  }
  EXPECT_EQ(*file->ReadFloats("blk.1.attn_v.weight"), layer->linear(LinearKind::kV));
}

TEST_F(GgufExportTest, TheBundledModelKeepsItsTokenizer) {
  const auto original = Checkpoint::Open(ACCLLM_SOURCE_DIR "/models/books-6m");
  ASSERT_TRUE(original);
  const Checkpoint exported = Export(*original);
  ExpectSameWeights(*original, exported);
  const auto tokenizer = exported.ReadTokenizer();
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  EXPECT_FALSE(tokenizer->bytes.empty());
  EXPECT_EQ(tokenizer->add_bos_token, false);
}

TEST_F(GgufExportTest, StopsWhenAskedAndLeavesNothing) {
  const Checkpoint original = Write(TinyConfig());
  int n_calls = 0;
  const auto report =
      ExportGguf(original, gguf(), "tiny", [&](double, std::string_view) { return ++n_calls < 5; });
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::kInterrupted);
  EXPECT_FALSE(std::filesystem::exists(gguf()));
  EXPECT_FALSE(std::filesystem::exists(gguf() + ".partial"));
}

TEST_F(GgufExportTest, FactorsOfTheirOwnAreForLlamasOnly) {
  ModelConfig config = TinyConfig();
  config.architecture = "Qwen2ForCausalLM";
  config.has_qkv_bias = true;
  config.rope_factors = {1, 1, 1, 1, 2, 4, 8, 8};
  const auto report = ExportGguf(Write(config), gguf(), "tiny", GoOn);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::kUnsupported);
}

RC_GTEST_PROP(RopeRows, TheTwoOrdersAreInverse, ()) {
  const auto head_dim = 2 * *rc::gen::inRange<int64_t>(1, 10);
  const auto n_heads = *rc::gen::inRange<int64_t>(1, 5);
  const auto n_cols = *rc::gen::inRange<int64_t>(1, 4);
  std::vector<float> rows(static_cast<size_t>(head_dim * n_heads * n_cols));
  for (size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<float>(i);
  RC_ASSERT(SplitRopeRows(InterleaveRopeRows(rows, head_dim, n_cols), head_dim, n_cols) == rows);
}

TEST(GgufNames, AreThoseOfLlamaCpp) {
  EXPECT_EQ(GgufTensorName("embed_tokens"), "token_embd.weight");
  EXPECT_EQ(GgufTensorName("norm"), "output_norm.weight");
  EXPECT_EQ(GgufTensorName("lm_head"), "output.weight");
  EXPECT_EQ(GgufTensorName("layers.12.mlp.down_proj"), "blk.12.ffn_down.weight");
  EXPECT_EQ(GgufTensorName("layers.0.self_attn.q_proj.bias"), "blk.0.attn_q.bias");
  EXPECT_EQ(GgufTensorName("layers.0.self_attn.k_norm"), "blk.0.attn_k_norm.weight");
  EXPECT_EQ(GgufTensorName("something.else"), "something.else");
}

// A file of the kind that other programs write, with every key given.
GgufBuilder ForeignFile(const std::string& architecture) {
  GgufBuilder file;
  const auto key = [&architecture](const char* name) { return architecture + "." + name; };
  file.AddString("general.architecture", architecture);
  file.AddUint32(key("context_length"), 64).AddUint32(key("embedding_length"), 8);
  file.AddUint32(key("block_count"), 1).AddUint32(key("feed_forward_length"), 4);
  file.AddUint32(key("attention.head_count"), 2);
  file.AddFloat(key("attention.layer_norm_rms_epsilon"), 1e-5F);
  const auto add = [&file](const char* name, std::vector<uint64_t> dimensions) {
    size_t n_elements = 1;
    for (const uint64_t dimension : dimensions) n_elements *= dimension;
    file.tensors.push_back({name, std::move(dimensions), static_cast<uint32_t>(GgmlType::kF32),
                            std::string(n_elements * 4, '\0')});
  };
  add("token_embd.weight", {8, 3});
  add("output_norm.weight", {8});
  for (const char* name : {"blk.0.attn_norm.weight", "blk.0.ffn_norm.weight"}) add(name, {8});
  for (const char* name : {"blk.0.attn_q.weight", "blk.0.attn_k.weight", "blk.0.attn_v.weight",
                           "blk.0.attn_output.weight"}) {
    add(name, {8, 8});
  }
  for (const char* name : {"blk.0.ffn_gate.weight", "blk.0.ffn_up.weight"}) add(name, {8, 4});
  add("blk.0.ffn_down.weight", {4, 8});
  return file;
}

Result<Checkpoint> OpenBytes(const std::string& bytes) {
  auto model = ParseGgufModel({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()},
                              "dir/model.gguf");
  if (!model) return tl::unexpected(model.error());
  return Checkpoint::FromModel(std::move(*model));
}

TEST(GgufModel, MissingKeysHaveTheirDefaults) {
  const std::string bytes = ForeignFile("llama").Bytes();
  const auto checkpoint = OpenBytes(bytes);
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  const ModelConfig& config = checkpoint->config();
  EXPECT_EQ(config.architecture, "LlamaForCausalLM");
  EXPECT_EQ(config.n_kv_heads, 2);
  EXPECT_EQ(config.head_dim, 4);
  EXPECT_EQ(config.vocab_size, 3);
  EXPECT_EQ(config.rope_theta, 10000.0);
  EXPECT_TRUE(config.tie_word_embeddings);
  EXPECT_TRUE(config.rope_factors.empty());
  EXPECT_EQ(config.bos_token_id, -1);
  EXPECT_TRUE(checkpoint->ReadTokenizer()->bytes.empty());
}

struct BadModel {
  const char* what;
  std::function<void(GgufBuilder*)> damage;
  ErrorCode code;
  const char* message;  // a part of it
};

TEST(GgufModel, BadOnesAreClearErrors) {
  constexpr auto kUnsupported = ErrorCode::kUnsupported;
  constexpr auto kCorrupt = ErrorCode::kCorrupt;
  constexpr auto kNotFound = ErrorCode::kNotFound;
  const BadModel cases[] = {
      {"architecture", [](GgufBuilder* f) { f->entries[0].value = testing::RawString("mamba"); },
       kUnsupported, "key 'general.architecture' is 'mamba'"},
      {"no architecture", [](GgufBuilder* f) { f->entries.erase(f->entries.begin()); }, kNotFound,
       "key 'general.architecture' is missing"},
      {"no blocks", [](GgufBuilder* f) { f->entries.erase(f->entries.begin() + 3); }, kNotFound,
       "key 'llama.block_count' is missing"},
      {"heads", [](GgufBuilder* f) { f->entries[5].value = testing::Raw(uint32_t{0}); }, kCorrupt,
       "key 'llama.attention.head_count' is 0"},
      {"string for a number",
       [](GgufBuilder* f) {
         f->entries[5].type = GgufType::kString;
         f->entries[5].value = testing::RawString("2");
       },
       kCorrupt, "must be an integer"},
      {"experts", [](GgufBuilder* f) { f->AddUint32("llama.expert_count", 8); }, kUnsupported,
       "expert_count' is 8"},
      {"yarn", [](GgufBuilder* f) { f->AddString("llama.rope.scaling.type", "yarn"); },
       kUnsupported, "rope.scaling.type' is 'yarn'"},
      {"partial rope", [](GgufBuilder* f) { f->AddUint32("llama.rope.dimension_count", 2); },
       kUnsupported, "rope.dimension_count' is 2"},
      {"layers that differ",
       [](GgufBuilder* f) {
         f->entries.push_back(
             {"llama.attention.head_count_kv", GgufType::kArray,
              testing::RawArray(GgufType::kUint32, 2,
                                testing::Raw(uint32_t{1}) + testing::Raw(uint32_t{2}))});
       },
       kUnsupported, "not the same everywhere"},
      {"norm missing", [](GgufBuilder* f) { f->tensors.erase(f->tensors.begin() + 1); }, kNotFound,
       "no tensor output_norm.weight"},
      {"no embedding", [](GgufBuilder* f) { f->tensors.erase(f->tensors.begin()); }, kNotFound,
       "no matrix token_embd.weight"},
      {"wrong shape",
       [](GgufBuilder* f) {
         f->tensors[8].dimensions = {4, 8};
       },
       kCorrupt, "blk.0.ffn_gate.weight has shape [8, 4], expected [4, 8]"},
      {"quantised",
       [](GgufBuilder* f) {
         f->tensors.push_back({"x", {256}, 12, std::string(144, '\0')});
       },
       kUnsupported, "tensor x is Q4_K"},
      {"rope factors",
       [](GgufBuilder* f) {
         f->tensors.push_back({"rope_freqs.weight", {1}, 0, "1234"});
       },
       kCorrupt, "rope_freqs.weight does not have 2 values"},
      {"half the biases",
       [](GgufBuilder* f) {
         f->tensors.push_back({"blk.0.attn_q.bias", {8}, 0, std::string(32, '\0')});
       },
       kUnsupported, "biases"},
      {"bos", [](GgufBuilder* f) { f->AddUint32("tokenizer.ggml.bos_token_id", 3); }, kCorrupt,
       "bos_token_id' is 3"},
  };
  for (const BadModel& bad : cases) {
    GgufBuilder builder = ForeignFile("llama");
    bad.damage(&builder);
    const std::string bytes = builder.Bytes();
    const auto checkpoint = OpenBytes(bytes);
    ASSERT_FALSE(checkpoint) << bad.what;
    EXPECT_EQ(checkpoint.error().code, bad.code) << bad.what << ": " << checkpoint.error().message;
    EXPECT_NE(checkpoint.error().message.find(bad.message), std::string::npos)
        << bad.what << ": " << checkpoint.error().message;
    EXPECT_TRUE(checkpoint.error().message.starts_with("dir/model.gguf")) << bad.what;
  }
}

TEST_F(GgufExportTest, FilesAreKnownByNameOrContent) {
  const std::string empty = folder_ + "/empty.gguf";
  ASSERT_TRUE(WriteFile(empty, ""));
  EXPECT_TRUE(Checkpoint::IsAt(empty));
  const auto checkpoint = Checkpoint::Open(empty);
  ASSERT_FALSE(checkpoint);
  EXPECT_EQ(checkpoint.error().code, ErrorCode::kCorrupt);
  const std::string unnamed = folder_ + "/blob";
  ASSERT_TRUE(WriteFile(unnamed, ForeignFile("qwen3").Bytes()));
  EXPECT_TRUE(Checkpoint::IsAt(unnamed));
  EXPECT_EQ(Checkpoint::Open(unnamed).error().code, ErrorCode::kNotFound);  // no q_norm
  ASSERT_TRUE(WriteFile(unnamed, "something else"));
  EXPECT_FALSE(Checkpoint::IsAt(unnamed));
}

}  // namespace
}  // namespace accllm
