#include "checkpoint/gguf_file.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "base/fp16.h"
#include "checkpoint/testing/checkpoint_writer.h"
#include "checkpoint/testing/gguf_builder.h"

namespace accllm {
namespace {

using testing::EncodeFloats;
using testing::GgufBuilder;
using testing::Raw;
using testing::RawArray;
using testing::RawString;
using testing::RawStrings;

constexpr char kGgufPath[] = "dir/model.gguf";
constexpr uint64_t kHuge = UINT64_MAX;
constexpr auto kF32 = static_cast<uint32_t>(GgmlType::kF32);
constexpr auto kF16 = static_cast<uint32_t>(GgmlType::kF16);
constexpr auto kBF16 = static_cast<uint32_t>(GgmlType::kBF16);
constexpr auto kQ8 = static_cast<uint32_t>(GgmlType::kQ8_0);

Result<GgufFile> ParseGguf(const std::string& bytes) {
  return GgufFile::Parse({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}, kGgufPath);
}

std::string Floats(const std::vector<float>& values) { return EncodeFloats(values, DType::kF32); }

// One entry of every kind, two tensors.
GgufBuilder Good() {
  GgufBuilder file;
  file.AddString("name", "tiny").AddUint32("count", 7).AddFloat("eps", 0.5F);
  file.entries.push_back({"flag", GgufType::kBool, Raw(uint8_t{1})});
  file.entries.push_back({"big", GgufType::kUint64, Raw(uint64_t{1} << 40)});
  file.entries.push_back({"minus", GgufType::kInt8, Raw(int8_t{-3})});
  file.entries.push_back({"words", GgufType::kArray, RawStrings({"a", "", "bc"})});
  file.entries.push_back(
      {"ids", GgufType::kArray, RawArray(GgufType::kInt32, 2, Raw(int32_t{5}) + Raw(int32_t{-6}))});
  file.entries.push_back({"scores", GgufType::kArray, RawArray(GgufType::kFloat32, 1, Raw(-1.5F))});
  file.tensors.push_back({"a", {2, 3}, kF32, Floats({1, 2, 3, 4, 5, 6})});
  file.tensors.push_back({"b", {2}, kF16, EncodeFloats({0.5F, -2}, DType::kF16)});
  return file;
}

TEST(GgufFile, ReadsMetadataOfEveryKind) {
  const std::string bytes = Good().Bytes();
  const auto file = ParseGguf(bytes);
  ASSERT_TRUE(file) << file.error().message;
  const GgufMetadata& metadata = file->metadata();
  EXPECT_EQ(*metadata.String("name"), "tiny");
  EXPECT_EQ(*metadata.Int("count", {0, 10}), 7);
  EXPECT_EQ(*metadata.Number("count"), 7.0);
  EXPECT_EQ(*metadata.Number("eps"), 0.5);
  EXPECT_TRUE(*metadata.Bool("flag"));
  EXPECT_EQ(*metadata.Int("big", {}), int64_t{1} << 40);
  EXPECT_EQ(*metadata.Int("minus", {-5, 5}), -3);
  EXPECT_EQ(*metadata.Strings("words"), (std::vector<std::string_view>{"a", "", "bc"}));
  EXPECT_EQ(*metadata.Ints("ids", {-10, 10}), (std::vector<int64_t>{5, -6}));
  EXPECT_EQ(*metadata.Floats("scores"), (std::vector<float>{-1.5F}));
  EXPECT_TRUE(metadata.IsArray("ids"));
  EXPECT_FALSE(metadata.IsArray("count"));
  EXPECT_FALSE(metadata.Has("other"));
}

TEST(GgufFile, WrongTypesNameFileAndKey) {
  const std::string bytes = Good().Bytes();
  const auto file = ParseGguf(bytes);
  const GgufMetadata& metadata = file->metadata();
  EXPECT_EQ(metadata.String("other").error().message, "dir/model.gguf: key 'other' is missing");
  EXPECT_EQ(metadata.Int("name", {}).error().message,
            "dir/model.gguf: key 'name' must be an integer");
  EXPECT_EQ(metadata.Int("count", {0, 6}).error().message,
            "dir/model.gguf: key 'count' is 7, must lie in [0, 6]");
  EXPECT_EQ(metadata.Ints("ids", {0, 6}).error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(metadata.Bool("count").error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(metadata.Number("name").error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(metadata.String("count").error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(metadata.Strings("ids").error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(metadata.Ints("words", {}).error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(metadata.Floats("words").error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(metadata.Floats("ids").error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(metadata.Ints("count", {}).error().code, ErrorCode::kCorrupt);
}

TEST(GgufFile, ReadsTensorsRowMajor) {
  for (const uint32_t version : {2U, 3U}) {
    GgufBuilder builder = Good();
    builder.version = version;
    const std::string bytes = builder.Bytes();
    const auto file = ParseGguf(bytes);
    ASSERT_TRUE(file) << file.error().message;
    EXPECT_EQ(file->Find("a")->shape, (std::vector<int64_t>{3, 2}));
    EXPECT_EQ(*file->ReadFloats("a"), (std::vector<float>{1, 2, 3, 4, 5, 6}));
    EXPECT_EQ(*file->ReadFloats("b"), (std::vector<float>{0.5F, -2}));
    EXPECT_EQ(file->Find("c"), nullptr);
    EXPECT_EQ(file->ReadFloats("c").error().code, ErrorCode::kNotFound);
  }
}

TEST(GgufFile, TakesAnotherAlignment) {
  GgufBuilder builder = Good();
  builder.alignment = 256;
  builder.AddUint32("general.alignment", 256);
  const std::string bytes = builder.Bytes();
  const auto file = ParseGguf(bytes);
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(*file->ReadFloats("b"), (std::vector<float>{0.5F, -2}));
}

TEST(GgufFile, DecodesBF16AndQ8) {
  GgufBuilder builder;
  std::string block = Raw(FloatToHalf(0.375F));
  std::vector<float> expected;
  for (int i = 0; i < 32; ++i) {
    const auto code = static_cast<int8_t>(i * 8 - 128);  // -128 to 120
    block += Raw(code);
    expected.push_back(0.375F * static_cast<float>(code));
  }
  block += Raw(FloatToHalf(-6.1035156e-5F)) + std::string(32, '\x7F');
  expected.insert(expected.end(), 32, -6.1035156e-5F * 127);
  builder.tensors.push_back({"q8", {32, 2}, kQ8, block});
  builder.tensors.push_back(
      {"bf16", {3}, kBF16, Raw(uint16_t{0x3F80}) + Raw(uint16_t{0xC049}) + Raw(uint16_t{0x0001})});
  const std::string bytes = builder.Bytes();
  const auto file = ParseGguf(bytes);
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(*file->ReadFloats("q8"), expected);
  EXPECT_EQ(*file->ReadFloats("bf16"), (std::vector<float>{1, -3.140625F, 0x1p-133F}));
}

TEST(GgufFile, OtherTypesFailWhenReadAndSayWhatToDo) {
  GgufBuilder builder;
  builder.tensors.push_back({"blk.0.attn_q.weight", {256}, 12, std::string(144, '\0')});
  const std::string bytes = builder.Bytes();
  const auto file = ParseGguf(bytes);
  ASSERT_TRUE(file) << file.error().message;
  const auto values = file->ReadFloats("blk.0.attn_q.weight");
  ASSERT_FALSE(values);
  EXPECT_EQ(values.error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(values.error().message, "dir/model.gguf: tensor blk.0.attn_q.weight is Q4_K");
  EXPECT_NE(values.error().remedy.find("original checkpoint"), std::string::npos);
}

TEST(GgufFile, NonFiniteValuesAreNamed) {
  GgufBuilder builder;
  builder.tensors.push_back({"inf", {2}, kF32, Floats({1, INFINITY})});
  builder.tensors.push_back({"q8", {32}, kQ8, Raw(uint16_t{0x7C00}) + std::string(32, '\1')});
  const std::string bytes = builder.Bytes();
  const auto file = ParseGguf(bytes);
  EXPECT_EQ(file->ReadFloats("inf").error().message,
            "dir/model.gguf: tensor inf is not finite at index 1");
  EXPECT_EQ(file->ReadFloats("q8").error().code, ErrorCode::kCorrupt);
}

struct BadFile {
  const char* what;
  std::function<void(GgufBuilder*)> damage;
  ErrorCode code;
  const char* message;  // a part of it
};

std::string NestedArrays(int depth) {
  std::string value = RawArray(GgufType::kUint8, 1, "x");
  for (int i = 1; i < depth; ++i) value = RawArray(GgufType::kArray, 1, value);
  return value;
}

const std::vector<BadFile>& BadFiles() {
  constexpr auto kCorrupt = ErrorCode::kCorrupt;
  constexpr auto kUnsupported = ErrorCode::kUnsupported;
  static const std::vector<BadFile> cases = {
      {"magic", [](GgufBuilder* f) { f->magic = 1; }, kCorrupt, "letters GGUF"},
      {"version 1", [](GgufBuilder* f) { f->version = 1; }, kUnsupported, "version 1"},
      {"version 4", [](GgufBuilder* f) { f->version = 4; }, kUnsupported, "version 4"},
      {"big-endian", [](GgufBuilder* f) { f->version = 0x03000000; }, kUnsupported, "big-endian"},
      {"tensor count", [](GgufBuilder* f) { f->n_tensors = kHuge; }, kCorrupt, "tensors"},
      {"some tensors more", [](GgufBuilder* f) { f->n_tensors = 9; }, kCorrupt, "tensor"},
      {"entry count", [](GgufBuilder* f) { f->n_entries = kHuge; }, kCorrupt, "entries"},
      {"one entry more", [](GgufBuilder* f) { f->n_entries = f->entries.size() + 1; }, kCorrupt,
       ""},
      {"value type", [](GgufBuilder* f) { f->entries[1].type = static_cast<GgufType>(13); },
       kCorrupt, "key 'count' has the unknown value type 13"},
      {"bool", [](GgufBuilder* f) { f->entries[3].value = Raw(uint8_t{2}); }, kCorrupt,
       "key 'flag' holds 2"},
      {"string length", [](GgufBuilder* f) { f->entries[0].value = Raw(kHuge); }, kCorrupt,
       "key 'name' is a string of"},
      {"string beyond the end", [](GgufBuilder* f) { f->entries[0].value = Raw(uint64_t{4000}); },
       kCorrupt, "key 'name' at byte"},
      {"array count",
       [](GgufBuilder* f) { f->entries[7].value = RawArray(GgufType::kInt32, kHuge, ""); },
       kCorrupt, "key 'ids' claims"},
      {"array of strings count",
       [](GgufBuilder* f) { f->entries[6].value = RawArray(GgufType::kString, kHuge / 8, ""); },
       kCorrupt, "key 'words' claims"},
      {"element type",
       [](GgufBuilder* f) { f->entries[7].value = RawArray(static_cast<GgufType>(99), 0, ""); },
       kCorrupt, "unknown value type 99"},
      {"nesting", [](GgufBuilder* f) { f->entries[6].value = NestedArrays(5); }, kCorrupt,
       "nests arrays"},
      {"key twice", [](GgufBuilder* f) { f->entries[1].key = "name"; }, kCorrupt,
       "key 'name' stands there twice"},
      {"alignment 0", [](GgufBuilder* f) { f->AddUint32("general.alignment", 0); }, kCorrupt,
       "general.alignment"},
      {"alignment 24", [](GgufBuilder* f) { f->AddUint32("general.alignment", 24); }, kCorrupt,
       "power of two"},
      {"tensor twice", [](GgufBuilder* f) { f->tensors[1].name = "a"; }, kCorrupt,
       "tensor a stands there twice"},
      {"no name", [](GgufBuilder* f) { f->tensors[1].name = ""; }, kCorrupt, "name of 0 bytes"},
      {"long name", [](GgufBuilder* f) { f->tensors[1].name = std::string(65, 'n'); }, kCorrupt,
       "name of 65 bytes"},
      {"no dimension", [](GgufBuilder* f) { f->tensors[1].dimensions = {}; }, kCorrupt,
       "0 dimensions"},
      {"five dimensions",
       [](GgufBuilder* f) {
         f->tensors[1].dimensions = {1, 1, 1, 1, 2};
       },
       kCorrupt, "5 dimensions"},
      {"dimension 0",
       [](GgufBuilder* f) {
         f->tensors[1].dimensions = {0, 2};
       },
       kCorrupt, "dimension of 0"},
      {"overflow",
       [](GgufBuilder* f) {
         f->tensors[0].dimensions = {1ULL << 32, 1ULL << 32};
       },
       kCorrupt, "larger than any file"},
      {"overflow of bytes", [](GgufBuilder* f) { f->tensors[0].dimensions = {1ULL << 62}; },
       kCorrupt, "larger than any file"},
      {"too large", [](GgufBuilder* f) { f->tensors[1].dimensions = {1000}; }, kCorrupt,
       "tensor b of 2000 bytes"},
      {"tensor type", [](GgufBuilder* f) { f->tensors[1].type = 1000; }, kUnsupported,
       "unknown type 1000"},
      {"partial block", [](GgufBuilder* f) { f->tensors[1].type = kQ8; }, kCorrupt,
       "multiples of 32"},
      {"overlap", [](GgufBuilder* f) { f->tensors[1].offset = 0; }, kCorrupt, "overlaps"},
      {"offset", [](GgufBuilder* f) { f->tensors[1].offset = 8; }, kCorrupt, "no multiple"},
      {"far offset", [](GgufBuilder* f) { f->tensors[1].offset = kHuge - 31; }, kCorrupt,
       "leaves the"},
  };
  return cases;
}

TEST(GgufFile, BadFilesAreClearErrors) {
  for (const BadFile& bad : BadFiles()) {
    GgufBuilder builder = Good();
    bad.damage(&builder);
    const std::string bytes = builder.Bytes();
    const auto file = ParseGguf(bytes);
    ASSERT_FALSE(file) << bad.what;
    EXPECT_EQ(file.error().code, bad.code) << bad.what << ": " << file.error().message;
    EXPECT_TRUE(file.error().message.starts_with("dir/model.gguf: ")) << file.error().message;
    EXPECT_NE(file.error().message.find(bad.message), std::string::npos)
        << bad.what << ": " << file.error().message;
    EXPECT_FALSE(file.error().remedy.empty()) << bad.what;
  }
}

TEST(GgufFile, EveryTruncationIsAnError) {
  const std::string bytes = Good().Bytes();
  const size_t end = bytes.size() - 28;  // the padding behind the last tensor may be missing
  for (size_t size = 0; size < end; ++size) {
    const std::string part = bytes.substr(0, size);
    const auto file = ParseGguf(part);
    ASSERT_FALSE(file) << size;
    EXPECT_EQ(file.error().code, ErrorCode::kCorrupt) << size;
  }
  EXPECT_TRUE(ParseGguf(bytes.substr(0, end)));
}

RC_GTEST_PROP(GgufFile, SurvivesFlippedBits, ()) {
  std::string bytes = Good().Bytes();
  const auto flips =
      *rc::gen::container<std::vector<size_t>>(rc::gen::inRange<size_t>(0, bytes.size() * 8));
  for (const size_t bit : flips) bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ 1 << bit % 8);
  const auto file = ParseGguf(bytes);
  if (!file) return;
  for (const auto& [name, tensor] : file->tensors()) {
    const auto values = file->ReadFloats(name);
    if (!values) continue;
    int64_t n_elements = 1;
    for (const int64_t dimension : tensor.shape) n_elements *= dimension;
    RC_ASSERT(static_cast<int64_t>(values->size()) == n_elements);
  }
}

TEST(GgufFile, OpenNamesAMissingFile) {
  EXPECT_EQ(GgufFile::Open("/nonexistent/x.gguf").error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace accllm
