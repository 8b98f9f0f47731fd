#include "checkpoint/checkpoint.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <string>

#include "base/model_config_json.h"
#include "base/tensor_names.h"
#include "base/testing/read_file.h"
#include "checkpoint/testing/checkpoint_writer.h"

namespace accllm {
namespace {

using testing::CheckpointOptions;
using testing::EncodeFloats;
using testing::NamedTensor;
using testing::RandomTensors;
using testing::SafetensorsBytes;
using testing::TinyConfig;
using testing::WriteCheckpoint;
using testing::WriteFile;

class CheckpointTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
    folder_ = ::testing::TempDir() + "accllm_checkpoint_" + info->name();
    std::filesystem::remove_all(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void Write(const ModelConfig& config, const CheckpointOptions& options = {}) {
    const Status status = WriteCheckpoint(folder_, config, options);
    ASSERT_TRUE(status) << status.error().message;
  }

  // Writes a single-file checkpoint whose tensors `change` has edited.
  void WriteChanged(const std::function<void(std::vector<NamedTensor>*)>& change) {
    std::vector<NamedTensor> tensors = RandomTensors(TinyConfig(), {});
    change(&tensors);
    Write(TinyConfig());
    Replace("model.safetensors", SafetensorsBytes(tensors));
  }

  void Replace(const std::string& name, const std::string& bytes) {
    ASSERT_TRUE(WriteFile(folder_ + "/" + name, bytes));
  }

  std::string Read(const std::string& name) { return testing::ReadFile(folder_ + "/" + name); }

  void ExpectOpenError(ErrorCode code, const std::vector<std::string>& parts) {
    const auto checkpoint = Checkpoint::Open(folder_);
    ASSERT_FALSE(checkpoint);
    EXPECT_EQ(checkpoint.error().code, code) << checkpoint.error().message;
    for (const std::string& part : parts) {
      EXPECT_NE(checkpoint.error().message.find(part), std::string::npos)
          << part << " not in: " << checkpoint.error().message;
    }
  }

  std::string folder_;
};

constexpr char kIndex[] = "model.safetensors.index.json";

TEST_F(CheckpointTest, ReadsAllWeights) {
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16}) {
    for (const int n_shards : {0, 1, 3}) {
      const ModelConfig config = TinyConfig();
      Write(config, {.dtype = dtype, .n_shards = n_shards});
      const auto checkpoint = Checkpoint::Open(folder_);
      ASSERT_TRUE(checkpoint) << checkpoint.error().message;
      EXPECT_TRUE(checkpoint->unused_tensors().empty());
      EXPECT_TRUE(checkpoint->Has("layers.1.mlp.down_proj"));
      EXPECT_FALSE(checkpoint->Has("layers.2.mlp.down_proj"));
      EXPECT_EQ(checkpoint->ReadEmbedding()->size(), 100U * 64);
      EXPECT_EQ(checkpoint->ReadLmHead()->size(), 100U * 64);
      EXPECT_NE(*checkpoint->ReadLmHead(), *checkpoint->ReadEmbedding());
      EXPECT_EQ(checkpoint->ReadFinalNorm()->size(), 64U);
      const auto layer = checkpoint->ReadLayer(1);
      ASSERT_TRUE(layer) << layer.error().message;
      EXPECT_EQ(layer->vector(VectorKind::kInputLayernorm).size(), 64U);
      EXPECT_EQ(layer->vector(VectorKind::kPostAttentionLayernorm).size(), 64U);
      for (const LinearKind kind : kLinearKinds) {
        const LinearShape shape = ShapeOfLinear(config, kind);
        EXPECT_EQ(layer->linear(kind).size(), static_cast<size_t>(shape.rows * shape.cols));
      }
      std::filesystem::remove_all(folder_);
    }
  }
}

TEST_F(CheckpointTest, ValuesAreThoseWritten) {
  Write(TinyConfig(), {.dtype = DType::kF32, .n_shards = 2, .seed = 7});
  const auto checkpoint = Checkpoint::Open(folder_);
  ASSERT_TRUE(checkpoint);
  for (const NamedTensor& tensor :
       RandomTensors(TinyConfig(), {.dtype = DType::kF32, .n_shards = 2, .seed = 7})) {
    if (tensor.name != "model.layers.1.self_attn.k_proj.weight") continue;
    const auto layer = checkpoint->ReadLayer(1);
    EXPECT_EQ(EncodeFloats(layer->linear(LinearKind::kK), DType::kF32), tensor.bytes);
    return;
  }
  FAIL() << "the writer has no k_proj";
}

TEST_F(CheckpointTest, TiedHeadIsTheEmbedding) {
  ModelConfig config = TinyConfig();
  config.tie_word_embeddings = true;
  Write(config);
  const auto checkpoint = Checkpoint::Open(folder_);
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  EXPECT_EQ(*checkpoint->ReadLmHead(), *checkpoint->ReadEmbedding());
}

TEST_F(CheckpointTest, TiedHeadIgnoresAStoredOne) {
  Write(TinyConfig());
  ModelConfig tied = TinyConfig();
  tied.tie_word_embeddings = true;
  Replace("config.json", ModelConfigToJson(tied));
  const auto checkpoint = Checkpoint::Open(folder_);
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  EXPECT_EQ(*checkpoint->ReadLmHead(), *checkpoint->ReadEmbedding());
  EXPECT_TRUE(checkpoint->unused_tensors().empty());
}

TEST_F(CheckpointTest, ListsUnusedTensors) {
  WriteChanged([](std::vector<NamedTensor>* tensors) {
    tensors->push_back({"model.layers.0.self_attn.rotary_emb.inv_freq", DType::kF32, {0}, ""});
    tensors->push_back({"model.extra", DType::kI64, {0}, ""});
  });
  const auto checkpoint = Checkpoint::Open(folder_);
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  EXPECT_EQ(checkpoint->unused_tensors(), (std::vector<std::string>{"model.extra"}));
}

TEST_F(CheckpointTest, ReadTensorChecksTheShape) {
  Write(TinyConfig());
  const auto checkpoint = Checkpoint::Open(folder_);
  ASSERT_TRUE(checkpoint);
  const int64_t wrong[] = {64, 100};
  const auto values = checkpoint->ReadTensor("embed_tokens", wrong);
  ASSERT_FALSE(values);
  EXPECT_NE(values.error().message.find("has shape [100, 64], expected [64, 100]"),
            std::string::npos)
      << values.error().message;
  EXPECT_EQ(checkpoint->ReadTensor("nothing", wrong).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(checkpoint->ReadLayer(2).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(checkpoint->ReadLayer(-1).error().code, ErrorCode::kInvalidArgument);
}

TEST_F(CheckpointTest, MissingFilesAreNamed) {
  ExpectOpenError(ErrorCode::kNotFound, {"config.json"});
  std::filesystem::create_directories(folder_);
  Replace("config.json", ModelConfigToJson(TinyConfig()));
  ExpectOpenError(ErrorCode::kNotFound, {"model.safetensors"});
}

TEST_F(CheckpointTest, MissingTensorIsNamed) {
  WriteChanged([](std::vector<NamedTensor>* tensors) { tensors->erase(tensors->begin() + 4); });
  ExpectOpenError(ErrorCode::kNotFound, {"model.layers.0.self_attn.k_proj.weight"});
}

TEST_F(CheckpointTest, WrongShapeIsNamed) {
  WriteChanged([](std::vector<NamedTensor>* tensors) { (*tensors)[0].shape = {64, 100}; });
  ExpectOpenError(ErrorCode::kCorrupt,
                  {"model.embed_tokens.weight", "[64, 100]", "expected [100, 64]"});
}

TEST_F(CheckpointTest, WrongDTypeIsNamedWhenRead) {
  WriteChanged([](std::vector<NamedTensor>* tensors) { (*tensors)[0].dtype = DType::kI16; });
  const auto checkpoint = Checkpoint::Open(folder_);
  ASSERT_TRUE(checkpoint);
  const auto embedding = checkpoint->ReadEmbedding();
  ASSERT_FALSE(embedding);
  EXPECT_EQ(embedding.error().code, ErrorCode::kUnsupported);
  EXPECT_NE(embedding.error().message.find("model.embed_tokens.weight has dtype I16"),
            std::string::npos);
}

TEST_F(CheckpointTest, NonFiniteWeightIsNamed) {
  WriteChanged([](std::vector<NamedTensor>* tensors) { (*tensors)[1].bytes[3] = '\x7C'; });
  const auto layer = Checkpoint::Open(folder_)->ReadLayer(0);
  // Depending on its low bits the half is infinite or NaN; both are refused.
  ASSERT_FALSE(layer);
  EXPECT_NE(layer.error().message.find("input_layernorm.weight is not finite at index 1"),
            std::string::npos)
      << layer.error().message;
}

TEST_F(CheckpointTest, MissingShardIsNamed) {
  Write(TinyConfig(), {.n_shards = 3});
  std::filesystem::remove(folder_ + "/model-00002-of-00003.safetensors");
  ExpectOpenError(ErrorCode::kNotFound, {"model-00002-of-00003.safetensors"});
}

TEST_F(CheckpointTest, TensorMissingFromItsShardIsNamed) {
  Write(TinyConfig(), {.n_shards = 2});
  std::string index = Read(kIndex);
  const std::string entry = "\"model.norm.weight\": \"model-0000";
  const size_t digit = index.find(entry) + entry.size();
  index[digit] = index[digit] == '1' ? '2' : '1';
  Replace(kIndex, index);
  ExpectOpenError(ErrorCode::kNotFound, {"no tensor model.norm.weight", kIndex});
}

TEST_F(CheckpointTest, BadIndexesAreClearErrors) {
  const struct {
    const char* text;
    ErrorCode code;
    const char* message;
  } cases[] = {
      {"", ErrorCode::kCorrupt, "not valid JSON"},
      {"{}", ErrorCode::kNotFound, "weight_map"},
      {R"({"weight_map": []})", ErrorCode::kCorrupt, "weight_map"},
      {R"({"weight_map": {"t": 3}})", ErrorCode::kCorrupt, "weight_map.t"},
      {R"({"weight_map": {"t": "../x.safetensors"}})", ErrorCode::kCorrupt, "plain file name"},
      {R"({"weight_map": {"t": "/etc/passwd"}})", ErrorCode::kCorrupt, "plain file name"},
      {R"({"weight_map": {"t": ".."}})", ErrorCode::kCorrupt, "plain file name"},
      {R"({"weight_map": {"t": ""}})", ErrorCode::kCorrupt, "plain file name"},
      {R"({"weight_map": {"t": "a\u0000b"}})", ErrorCode::kCorrupt, "plain file name"},
      {R"({"weight_map": {"t": "gone.safetensors"}})", ErrorCode::kNotFound, "gone.safetensors"},
      {R"({"weight_map": {}})", ErrorCode::kNotFound, "model.embed_tokens.weight"},
  };
  for (const auto& c : cases) {
    Write(TinyConfig(), {.n_shards = 1});
    Replace(kIndex, c.text);
    ExpectOpenError(c.code, {folder_, c.message});
  }
}

TEST_F(CheckpointTest, TruncatedFilesAreErrors) {
  Write(TinyConfig());
  const std::string bytes = Read("model.safetensors");
  for (const size_t size : {size_t{0}, size_t{7}, size_t{8}, size_t{100}, bytes.size() - 1}) {
    Replace("model.safetensors", bytes.substr(0, size));
    ExpectOpenError(ErrorCode::kCorrupt, {folder_ + "/model.safetensors"});
  }
}

TEST_F(CheckpointTest, WriterIsDeterministic) {
  Write(TinyConfig(), {.seed = 5});
  const std::string first = Read("model.safetensors");
  Write(TinyConfig(), {.seed = 5});
  EXPECT_EQ(Read("model.safetensors"), first);
  Write(TinyConfig(), {.seed = 6});
  EXPECT_NE(Read("model.safetensors"), first);
}

TEST(BundledCheckpoint, Opens) {
  const auto checkpoint = Checkpoint::Open(ACCLLM_SOURCE_DIR "/models/books-6m");
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  EXPECT_EQ(checkpoint->config().n_layers, 6);
  EXPECT_TRUE(checkpoint->config().tie_word_embeddings);
  EXPECT_TRUE(checkpoint->unused_tensors().empty());
  EXPECT_EQ(checkpoint->ReadLmHead()->size(), 4096U * 256);
}

}  // namespace
}  // namespace accllm
