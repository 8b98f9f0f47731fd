#include "packed/packed_file.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <random>

#include "base/block_codec.h"
#include "packed/packed_writer.h"
#include "packed/testing/tiny_model.h"

namespace accllm {
namespace {

std::vector<uint8_t> ReadAll(const std::string& path) {
  const MappedFile file = *MappedFile::Open(path);
  return {file.bytes().begin(), file.bytes().end()};
}

class PackedFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    path_ = testing::UniquePath("packed_file_test.acc");
    const Status written = testing::WriteTinyModel(testing::TinyPackedConfig(), path_, 7);
    ASSERT_TRUE(written) << written.error().ToString();
    bytes_ = ReadAll(path_);
  }
  void TearDown() override { std::filesystem::remove(path_); }

  // Opens and verifies changed bytes.
  Status Check(const std::vector<uint8_t>& bytes) const {
    ACCLLM_ASSIGN_OR_RETURN(const PackedFile file, PackedFile::Parse(bytes, "changed.acc"));
    return file.Verify();
  }

  std::string path_;
  std::vector<uint8_t> bytes_;
};

TEST_F(PackedFileTest, RoundTrip) {
  const auto file = PackedFile::Open(path_);
  ASSERT_TRUE(file) << file.error().ToString();
  EXPECT_TRUE(file->Verify());
  EXPECT_EQ(file->config().hidden_size, testing::TinyPackedConfig().hidden_size);
  EXPECT_EQ(file->metadata().attention.window, 60);
  EXPECT_EQ(file->metadata().recipe_json, R"({"name":"test"})");
  EXPECT_EQ(std::string(file->tokenizer().begin(), file->tokenizer().end()), "tokenizer");
  for (const PackedTensor& tensor : file->tensors()) EXPECT_EQ(tensor.data_offset % 64, 0);
  EXPECT_GT(file->BitsPerLinearWeight(), 2.0);
  EXPECT_FALSE(std::filesystem::exists(PackedWriter::PartialPath(path_)));
}

TEST_F(PackedFileTest, EverySingleByteCorruptionIsFound) {
  ASSERT_LE(bytes_.size(), 200000U);
  for (size_t i = 0; i < bytes_.size(); ++i) {
    std::vector<uint8_t>& changed = bytes_;
    const uint8_t before = changed[i];
    changed[i] = static_cast<uint8_t>(before ^ (1U << (i % 8)));
    ASSERT_FALSE(Check(changed)) << "byte " << i;
    changed[i] = before;
  }
  EXPECT_TRUE(Check(bytes_));
}

TEST_F(PackedFileTest, EveryTruncationIsFound) {
  for (size_t n = 0; n < bytes_.size(); n += n < 4096 ? 1 : 997) {
    const auto parsed = PackedFile::Parse(std::span(bytes_).first(n), "short.acc");
    ASSERT_FALSE(parsed) << n;
    EXPECT_NE(parsed.error().message.find("short.acc"), std::string::npos);
  }
}

TEST_F(PackedFileTest, AnUnfinishedFileDoesNotLookComplete) {
  const std::string path = testing::UniquePath("unfinished.acc");
  {
    auto writer = PackedWriter::Create(path, testing::TinyPlan(testing::TinyPackedConfig()), false);
    ASSERT_TRUE(writer);
  }
  const std::string partial = PackedWriter::PartialPath(path);
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_FALSE(PackedFile::Open(partial));
  std::filesystem::remove(partial);
}

TEST_F(PackedFileTest, MissingTensorsAreNamed) {
  ModelConfig config = testing::TinyPackedConfig();
  auto plan = testing::TinyPlan(config);
  const std::string path = testing::UniquePath("missing.acc");
  config.n_layers += 1;  // the file says one layer more than it holds
  ASSERT_TRUE(testing::WriteTinyModel(config, path, 7, plan));
  const auto file = PackedFile::Open(path);
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, ErrorCode::kCorrupt);
  EXPECT_NE(file.error().message.find("layers.2.input_layernorm"), std::string::npos)
      << file.error().message;
  std::filesystem::remove(path);
}

// What is wrong with a file whose low-rank tensors `change` has changed.
std::string ErrorOfLowRank(const std::function<void(TensorPlan& tensor)>& change) {
  auto plan = testing::WithLowRank(testing::TinyPlan(testing::TinyPackedConfig()), 3);
  for (TensorPlan& tensor : plan) change(tensor);
  std::erase_if(plan, [](const TensorPlan& tensor) { return tensor.name.empty(); });
  const std::string path = testing::UniquePath("low_rank.acc");
  EXPECT_TRUE(testing::WriteTinyModel(testing::TinyPackedConfig(), path, 7, plan));
  const auto file = PackedFile::Open(path);
  const Status result = file ? file->Verify() : Status(tl::unexpected(file.error()));
  std::filesystem::remove(path);
  if (result) return "";
  EXPECT_EQ(result.error().code, ErrorCode::kCorrupt);
  return result.error().message;
}

TEST_F(PackedFileTest, LowRankPartsMustBeWholeAndFit) {
  const std::string a = "layers.1.self_attn.k_proj.lowrank_a";
  const std::string b = "layers.1.self_attn.k_proj.lowrank_b";
  EXPECT_EQ(ErrorOfLowRank([](TensorPlan&) {}), "");
  const auto error = [](const std::string& name, const std::function<void(TensorPlan&)>& change) {
    return ErrorOfLowRank([&](TensorPlan& tensor) {
      if (tensor.name == name) change(tensor);
    });
  };
  const auto drop = [](TensorPlan& tensor) { tensor.name.clear(); };
  EXPECT_NE(error(a, drop).find(a + " is missing"), std::string::npos);
  EXPECT_NE(error(b, drop).find(b + " is missing"), std::string::npos);
  EXPECT_NE(error(b, [](TensorPlan& t) { t.rows = 2; }).find(b + " is [2, 24]"), std::string::npos);
  EXPECT_NE(error(a, [](TensorPlan& t) { t.cols = 41; }).find(a + " is [3, 41]"),
            std::string::npos);
  EXPECT_NE(error(a, [](TensorPlan& t) { t.type = format::TensorType::kF16; }).find("must be i8"),
            std::string::npos);
  EXPECT_NE(
      error("layers.1.self_attn.k_proj", [](TensorPlan& t) { t.type = format::TensorType::kF16; })
          .find("takes no low-rank part"),
      std::string::npos);
  EXPECT_NE(
      error("layers.1.self_attn.k_proj", [](TensorPlan& t) { t.type = format::TensorType::kI8; })
          .find("not usable there"),
      std::string::npos);
  EXPECT_NE(error(a, [](TensorPlan& t) { t.name = "lm_head.lowrank_a"; }).find("is missing"),
            std::string::npos);
  EXPECT_NE(ErrorOfLowRank([&](TensorPlan& t) {
              if (t.name == a) t.name = "lm_head.lowrank_a";
              if (t.name == b) t.name = "lm_head.lowrank_b";
            }).find("not half of a linear layer"),
            std::string::npos);
  EXPECT_NE(ErrorOfLowRank([&](TensorPlan& t) {
              if (t.name == a || t.name == b) t.rows = 25;
            }).find("rank 25"),
            std::string::npos);
}

TEST_F(PackedFileTest, LowRankPartsCountAndAdd) {
  const ModelConfig config = testing::TinyPackedConfig();
  const auto plan = testing::WithLowRank(testing::TinyPlan(config), 3);
  ASSERT_TRUE(testing::WriteTinyModel(config, path_, 7, plan));
  const PackedFile file = *PackedFile::Open(path_);
  const PackedFile plain = *PackedFile::Parse(bytes_, "plain.acc");
  int64_t more_bytes = 0;
  for (const PackedTensor& tensor : file.tensors()) {
    if (tensor.type == format::TensorType::kI8) more_bytes += tensor.layout.data_bytes;
  }
  int64_t weights = 0;
  for (const LinearKind kind : kLinearKinds) {
    const LinearShape shape = ShapeOfLinear(config, kind);
    weights += config.n_layers * shape.rows * shape.cols;
  }
  EXPECT_NEAR(file.BitsPerLinearWeight(),
              plain.BitsPerLinearWeight() +
                  8.0 * static_cast<double>(more_bytes) / static_cast<double>(weights),
              1e-12);
  const std::string name = "layers.0.mlp.down_proj";
  const auto low_rank = *file.ReadLowRank(name);
  ASSERT_TRUE(low_rank);
  const std::vector<float> a = Dequantize(low_rank->a);
  const std::vector<float> b = Dequantize(low_rank->b);
  const std::vector<float> weight = *file.ReadFloat(name);
  const std::vector<float> sum = *file.ReadLinear(name);
  for (size_t r = 0; r < 40; ++r) {
    for (size_t k = 0; k < 52; ++k) {
      float expected = weight[52 * r + k];
      for (size_t i = 0; i < 3; ++i) expected += b[40 * i + r] * a[52 * i + k];
      ASSERT_FLOAT_EQ(sum[52 * r + k], expected);
    }
  }
  EXPECT_FALSE(*plain.ReadLowRank(name));
  EXPECT_EQ(*plain.ReadLinear(name), *plain.ReadFloat(name));
}

TEST_F(PackedFileTest, WriterRefusesWrongSizesAndUnknownNames) {
  const std::string path = testing::UniquePath("wrong.acc");
  auto writer = PackedWriter::Create(path, testing::TinyPlan(testing::TinyPackedConfig()), false);
  ASSERT_TRUE(writer);
  EXPECT_FALSE(writer->WriteTensor("norm", std::vector<uint8_t>(3)));
  EXPECT_FALSE(writer->WriteTensor("nothing", std::vector<uint8_t>(3)));
  std::filesystem::remove(PackedWriter::PartialPath(path));
}

}  // namespace
}  // namespace accllm
