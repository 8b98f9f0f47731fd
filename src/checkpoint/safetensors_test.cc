#include "checkpoint/safetensors.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "checkpoint/testing/checkpoint_writer.h"

namespace accllm {
namespace {

using testing::EncodeFloats;
using testing::NamedTensor;
using testing::SafetensorsBytes;
using testing::SafetensorsFromHeader;

constexpr char kSafetensorsPath[] = "dir/model.safetensors";

Result<SafetensorsFile> Parse(const std::string& bytes) {
  return SafetensorsFile::Parse({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()},
                                kSafetensorsPath);
}

std::string TwoTensors() {
  return SafetensorsBytes({{"b", DType::kF32, {2, 2}, EncodeFloats({1, 2, 3, 4}, DType::kF32)},
                           {"a", DType::kF16, {3}, EncodeFloats({5, 6, -7}, DType::kF16)}});
}

TEST(Safetensors, ReadsTensorsInAnyOrder) {
  const std::string bytes = TwoTensors();
  const auto file = Parse(bytes);
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(file->tensors().size(), 2U);
  const TensorInfo* b = file->Find("b");
  ASSERT_NE(b, nullptr);
  EXPECT_EQ(b->dtype, DType::kF32);
  EXPECT_EQ(b->shape, (std::vector<int64_t>{2, 2}));
  EXPECT_EQ(b->n_elements(), 4);
  EXPECT_EQ(*file->ReadFloats("b"), (std::vector<float>{1, 2, 3, 4}));
  EXPECT_EQ(*file->ReadFloats("a"), (std::vector<float>{5, 6, -7}));
  EXPECT_EQ(file->Find("c"), nullptr);
  EXPECT_EQ(file->ReadFloats("c").error().code, ErrorCode::kNotFound);
}

TEST(Safetensors, ConvertsEveryFloatType) {
  const std::vector<float> values = {0.5F, -1.25F, 0.0F, 3.0F};  // exact in all three
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16}) {
    const std::string bytes = SafetensorsBytes({{"t", dtype, {4}, EncodeFloats(values, dtype)}});
    const auto file = Parse(bytes);
    ASSERT_TRUE(file);
    EXPECT_EQ(*file->ReadFloats("t"), values) << DTypeName(dtype);
  }
}

TEST(Safetensors, AcceptsScalarsAndEmptyTensors) {
  const std::string bytes =
      SafetensorsBytes({{"empty", DType::kF32, {0, 7}, ""},
                        {"scalar", DType::kF32, {}, EncodeFloats({2}, DType::kF32)}});
  const auto file = Parse(bytes);
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_TRUE(file->ReadFloats("empty")->empty());
  EXPECT_EQ(*file->ReadFloats("scalar"), (std::vector<float>{2}));
}

TEST(Safetensors, OtherTypesFailOnlyWhenRead) {
  const std::string bytes = SafetensorsBytes({{"ids", DType::kI64, {1}, std::string(8, '\0')}});
  const auto file = Parse(bytes);
  ASSERT_TRUE(file);
  const auto values = file->ReadFloats("ids");
  ASSERT_FALSE(values);
  EXPECT_EQ(values.error().code, ErrorCode::kUnsupported);
  EXPECT_NE(values.error().message.find("I64"), std::string::npos);
}

TEST(Safetensors, NonFiniteValuesAreNamed) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16}) {
    for (const float bad : {kInfinity, -kInfinity, std::nanf("")}) {
      const std::string bytes =
          SafetensorsBytes({{"t", dtype, {3}, EncodeFloats({1, 2, bad}, dtype)}});
      const auto values = Parse(bytes)->ReadFloats("t");
      ASSERT_FALSE(values);
      EXPECT_EQ(values.error().message, "dir/model.safetensors: tensor t is not finite at index 2");
    }
  }
}

TEST(Safetensors, OpenNamesAMissingFile) {
  const auto file = SafetensorsFile::Open("/nonexistent/x.safetensors");
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, ErrorCode::kNotFound);
}

struct BadHeader {
  const char* header;
  size_t data_bytes;
  ErrorCode code;
  const char* message;  // a part of it
};

TEST(Safetensors, BadHeadersAreClearErrors) {
  constexpr auto kCorrupt = ErrorCode::kCorrupt;
  const BadHeader cases[] = {
      {"", 0, kCorrupt, "not valid JSON"},
      {"hello", 0, kCorrupt, "not valid JSON"},
      {"[]", 0, kCorrupt, "must be a JSON object"},
      {R"({"t": 3})", 0, kCorrupt, "field 't' must be an object"},
      {R"({"t": {"shape": [1], "data_offsets": [0, 4]}})", 4, ErrorCode::kNotFound, "t.dtype"},
      {R"({"t": {"dtype": "F32", "data_offsets": [0, 4]}})", 4, ErrorCode::kNotFound, "t.shape"},
      {R"({"t": {"dtype": "F32", "shape": [1]}})", 4, ErrorCode::kNotFound, "t.data_offsets"},
      {R"({"t": {"dtype": "F31", "shape": [1], "data_offsets": [0, 4]}})", 4,
       ErrorCode::kUnsupported, "unknown dtype 'F31'"},
      {R"({"t": {"dtype": 32, "shape": [1], "data_offsets": [0, 4]}})", 4, kCorrupt, "a string"},
      {R"({"t": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}})", 4, kCorrupt,
       "shape [2] and dtype F32 does not fit its 4 bytes"},
      {R"({"t": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}})", 4, kCorrupt, "-1"},
      {R"({"t": {"dtype": "F32", "shape": [1.5], "data_offsets": [0, 4]}})", 4, kCorrupt,
       "must be an integer"},
      {R"({"t": {"dtype": "F32", "shape": [4611686018427387904, 4], "data_offsets": [0, 0]}})", 0,
       kCorrupt, "does not fit"},
      {R"({"t": {"dtype": "F32", "shape": [4611686018427387904], "data_offsets": [0, 0]}})", 0,
       kCorrupt, "does not fit"},
      {R"({"t": {"dtype": "F32", "shape": [1], "data_offsets": [0, 8]}})", 4, kCorrupt,
       "outside the 4 bytes"},
      {R"({"t": {"dtype": "F32", "shape": [1], "data_offsets": [4, 0]}})", 4, kCorrupt, "outside"},
      {R"({"t": {"dtype": "F32", "shape": [1], "data_offsets": [-4, 0]}})", 4, kCorrupt, "-4"},
      {R"({"t": {"dtype": "F32", "shape": [1], "data_offsets": [0]}})", 4, kCorrupt, "outside"},
      {R"({"t": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}})", 8, kCorrupt,
       "4 bytes at the end belong to no tensor"},
      {R"({"t": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}})", 8, kCorrupt,
       "4 bytes before tensor t"},
      {R"({"a": {"dtype": "U8", "shape": [3], "data_offsets": [0, 3]},
           "b": {"dtype": "U8", "shape": [3], "data_offsets": [2, 5]}})",
       5, kCorrupt, "tensor b overlaps"},
      {R"({"a": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]},
           "a": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]}})",
       1, kCorrupt, "'a' appears twice"},
  };
  for (const BadHeader& c : cases) {
    const auto file = Parse(SafetensorsFromHeader(c.header, std::string(c.data_bytes, '\0')));
    ASSERT_FALSE(file) << c.header;
    EXPECT_EQ(file.error().code, c.code) << c.header;
    EXPECT_NE(file.error().message.find(c.message), std::string::npos) << file.error().message;
    EXPECT_EQ(file.error().message.find(kSafetensorsPath), 0U) << file.error().message;
  }
}

TEST(Safetensors, HeaderLengthIsBounded) {
  for (const uint64_t length : {uint64_t{1} << 20, uint64_t{100'000'001}, UINT64_MAX,
                                uint64_t{INT64_MAX}, uint64_t{INT64_MAX} + 1}) {
    std::string bytes(reinterpret_cast<const char*>(&length), sizeof(length));
    bytes += "{}";
    const auto file = Parse(bytes);
    ASSERT_FALSE(file);
    EXPECT_NE(file.error().message.find(std::to_string(length)), std::string::npos);
  }
}

TEST(Safetensors, EveryTruncationIsAnError) {
  const std::string bytes = TwoTensors();
  for (size_t n = 0; n < bytes.size(); ++n) EXPECT_FALSE(Parse(bytes.substr(0, n))) << n;
  EXPECT_FALSE(Parse(bytes + "x"));
}

RC_GTEST_PROP(Safetensors, FlippedBitsNeverCrash, ()) {
  std::string bytes = TwoTensors();
  const auto flips =
      *rc::gen::container<std::vector<size_t>>(rc::gen::inRange<size_t>(0, bytes.size() * 8));
  for (const size_t bit : flips) {
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
  }
  const auto file = Parse(bytes);
  if (!file) return;
  for (const auto& [name, tensor] : file->tensors()) {
    const auto values = file->ReadFloats(name);
    if (values) RC_ASSERT(values->size() == static_cast<size_t>(tensor.n_elements()));
  }
}

}  // namespace
}  // namespace accllm
