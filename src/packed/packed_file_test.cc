#include "packed/packed_file.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
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
