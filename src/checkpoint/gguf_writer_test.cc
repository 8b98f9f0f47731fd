#include "checkpoint/gguf_writer.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "base/fp16.h"
#include "checkpoint/gguf_file.h"

namespace accllm {
namespace {

class GgufWriterTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
    path_ = ::testing::TempDir() + "accllm_gguf_writer_" + info->name() + ".gguf";
    TearDown();
  }
  void TearDown() override {
    std::filesystem::remove(path_);
    std::filesystem::remove(partial());
  }
  std::string partial() const { return path_ + ".partial"; }

  std::string path_;
};

TEST_F(GgufWriterTest, WhatIsWrittenIsRead) {
  GgufMetadataWriter metadata;
  metadata.AddString("name", "n\0ul");
  metadata.AddUint32("count", 3);
  metadata.AddFloat("eps", 1e-5F);
  metadata.AddBool("flag", true);
  metadata.AddStrings("words", std::vector<std::string>{"", "b"});
  metadata.AddFloats("scores", std::vector<float>{-1, 2.5F});
  metadata.AddInts("types", std::vector<int32_t>{1, -1});
  auto writer = GgufWriter::Create(path_, metadata,
                                   {{"a", GgmlType::kF32, {3}}, {"b", GgmlType::kF16, {2, 5}}});
  ASSERT_TRUE(writer) << writer.error().message;
  const std::vector<float> a = {1, 1e-30F, -3e38F};
  const std::vector<float> b = {0, 0.1F, -65504, 1e-7F, 5, 6, 7, 8, 9, 1.0F / 3};
  ASSERT_TRUE(writer->WriteTensor(a));
  ASSERT_TRUE(writer->WriteTensor(b));
  EXPECT_FALSE(std::filesystem::exists(path_));
  ASSERT_TRUE(writer->Finish());
  EXPECT_FALSE(std::filesystem::exists(partial()));

  const auto file = GgufFile::Open(path_);
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(*file->metadata().Int("count", {}), 3);
  EXPECT_EQ(*file->metadata().Number("eps"), 1e-5F);
  EXPECT_TRUE(*file->metadata().Bool("flag"));
  EXPECT_EQ(*file->metadata().Strings("words"), (std::vector<std::string_view>{"", "b"}));
  EXPECT_EQ(*file->metadata().Floats("scores"), (std::vector<float>{-1, 2.5F}));
  EXPECT_EQ(*file->metadata().Ints("types", {-1, 1}), (std::vector<int64_t>{1, -1}));
  EXPECT_EQ(*file->ReadFloats("a"), a);
  EXPECT_EQ(file->Find("b")->shape, (std::vector<int64_t>{2, 5}));
  std::vector<float> rounded;
  for (const float value : b) rounded.push_back(HalfToFloat(FloatToHalf(value)));
  EXPECT_EQ(*file->ReadFloats("b"), rounded);
}

TEST_F(GgufWriterTest, ValuesTooLargeForF16NameTheTensor) {
  auto writer = GgufWriter::Create(path_, {}, {{"big", GgmlType::kF16, {2}}});
  ASSERT_TRUE(writer);
  const Status status = writer->WriteTensor(std::vector<float>{65519, 65520});
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kUnsupported);
  EXPECT_NE(status.error().message.find("tensor big holds 65520 at index 1"), std::string::npos)
      << status.error().message;
}

TEST_F(GgufWriterTest, AnUnfinishedFileIsTakenAway) {
  {
    auto writer = GgufWriter::Create(path_, {}, {{"a", GgmlType::kF32, {2}}});
    ASSERT_TRUE(writer);
    EXPECT_TRUE(std::filesystem::exists(partial()));
    EXPECT_EQ(writer->WriteTensor(std::vector<float>(3)).error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(writer->Finish().error().code, ErrorCode::kInvalidArgument);
  }
  EXPECT_FALSE(std::filesystem::exists(partial()));
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(GgufWriterTest, NoFolderIsAnError) {
  const auto writer = GgufWriter::Create("/nonexistent/folder/x.gguf", {}, {});
  ASSERT_FALSE(writer);
  EXPECT_EQ(writer.error().code, ErrorCode::kIo);
}

}  // namespace
}  // namespace accllm
