#include "tokenizer/sentencepiece_proto.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "tokenizer/testing/model_builder.h"

namespace accllm {
namespace {

using testing::BytesField;
using testing::FloatField;
using testing::PieceField;
using testing::TestModel;
using testing::TestModelBytes;
using testing::TestPieces;
using testing::VarintField;

constexpr char kPath[] = "dir/tokenizer.model";

Result<SentencePieceModel> Parse(const std::string& bytes) {
  return ParseSentencePieceModel({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()},
                                 kPath);
}

TEST(SentencePieceProto, ReadsAModel) {
  const std::string bytes = TestModelBytes() + BytesField(4, "self test") + VarintField(999, 5);
  const auto model = Parse(bytes);
  ASSERT_TRUE(model) << model.error().message;
  ASSERT_EQ(model->pieces.size(), 3U + 256 + 18);
  EXPECT_EQ(model->pieces[0].type, PieceType::kUnknown);
  EXPECT_EQ(model->pieces[3 + 0x0A].text, "<0x0A>");
  EXPECT_EQ(model->pieces[3 + 0x0A].byte, 0x0A);
  EXPECT_EQ(model->pieces.back().text, "\xE2\x82\xAC");
  EXPECT_TRUE(model->byte_fallback);
  EXPECT_TRUE(model->add_dummy_prefix);
  EXPECT_FALSE(model->remove_extra_whitespaces);
  EXPECT_EQ(model->unk_surface, " \xE2\x81\x87 ");
  EXPECT_EQ(model->checked_proto, TestModelBytes()) << "self test and unknown fields are dropped";
}

TEST(SentencePieceProto, LaterFieldsWin) {
  const auto model = Parse(TestModelBytes() + BytesField(3, VarintField(3, 0)) +
                           BytesField(2, BytesField(44, "?")));
  ASSERT_TRUE(model);
  EXPECT_FALSE(model->add_dummy_prefix);
  EXPECT_EQ(model->unk_surface, "?");
}

struct BadModel {
  std::string bytes;
  ErrorCode code;
  std::string message;  // a part of it
};

TEST(SentencePieceProto, BadModelsAreClearErrors) {
  constexpr auto kCorrupt = ErrorCode::kCorrupt;
  constexpr auto kUnsupported = ErrorCode::kUnsupported;
  const std::string good = TestModelBytes();
  const std::string unknown = PieceField("<unk>", 0, PieceType::kUnknown);
  const auto piece = [&good](const std::string& fields) { return good + BytesField(1, fields); };
  const BadModel cases[] = {
      {"", kCorrupt, "0 unknown pieces"},
      {std::string(1, '\0'), kCorrupt, "invalid field tag 0"},
      {std::string(11, '\xFF'), kCorrupt, "longer than 10 bytes"},
      {good + "\x0B", kCorrupt, "wire type 3"},
      {good + "\x0A\x7F", kCorrupt, "truncated"},
      {good + VarintField(1, 3), kCorrupt, "wire type 0"},
      {good + VarintField(2, 3), kCorrupt, "wire type 0"},
      {piece(""), kCorrupt, "piece 277: its text is empty"},
      {piece(BytesField(1, "")), kCorrupt, "its text is empty"},
      {piece(BytesField(1, "a\xFF")), kCorrupt, "not UTF-8"},
      {piece(BytesField(1, std::string_view("x\0y", 3))), kCorrupt, "contains NUL"},
      {piece(BytesField(1, std::string(5000, 'x'))), kCorrupt, "longer than 4096"},
      {piece(VarintField(1, 7)), kCorrupt, "its text has wire type"},
      {piece(BytesField(1, "x") + VarintField(2, 7)), kCorrupt, "its score has wire type"},
      {piece(BytesField(1, "x") + FloatField(2, std::numeric_limits<float>::infinity())), kCorrupt,
       "score inf"},
      {piece(BytesField(1, "x") + FloatField(2, std::numeric_limits<float>::quiet_NaN())), kCorrupt,
       "score nan"},
      {piece(BytesField(1, "x") + FloatField(2, 1e30F)), kCorrupt, "score 1e+30"},
      {piece(BytesField(1, "x") + VarintField(3, 0)), kCorrupt, "unknown type 0"},
      {piece(BytesField(1, "x") + VarintField(3, 7)), kCorrupt, "unknown type 7"},
      {piece(BytesField(1, "x") + VarintField(3, (uint64_t{1} << 32) + 1)), kCorrupt,
       "unknown type 4294967297"},
      {piece(BytesField(1, "ab")), kCorrupt, "'ab' appears twice"},
      {piece(BytesField(1, "<0xzz>") + VarintField(3, 6)), kCorrupt, "not the name of a byte"},
      {good + PieceField("<other>", 0, PieceType::kUnknown), kCorrupt, "2 unknown pieces"},
      {unknown + PieceField("<0x00>", 0, PieceType::kByte), kCorrupt, "1 byte pieces"},
      {unknown + BytesField(2, VarintField(35, 1)), kCorrupt, "0 byte pieces"},
      {good + BytesField(2, VarintField(3, 3)), kUnsupported, "model_type is 3 (word)"},
      {good + BytesField(2, VarintField(3, 4)), kUnsupported, "model_type is 4 (char)"},
      {good + BytesField(2, VarintField(3, 99)), kUnsupported, "model_type is 99"},
      {good + BytesField(2, VarintField(24, 1)), kUnsupported, "treat_whitespace_as_suffix"},
      {good + BytesField(2, BytesField(44, "\xFF")), kCorrupt, "unk_surface"},
      {good + BytesField(3, BytesField(2, "junk!")), kCorrupt, "normalisation rules"},
      {good + BytesField(5, BytesField(2, "rules")), kUnsupported, "denormalisation"},
  };
  for (const BadModel& c : cases) {
    const auto model = Parse(c.bytes);
    ASSERT_FALSE(model) << c.message;
    EXPECT_EQ(model.error().code, c.code) << model.error().message;
    EXPECT_EQ(model.error().message.find(kPath), 0U) << model.error().message;
    EXPECT_NE(model.error().message.find(c.message), std::string::npos) << model.error().message;
  }
}

TEST(SentencePieceProto, LimitsNestedSymbols) {
  TestModel model;
  for (size_t n = 1; n <= 64; ++n) model.user_defined.push_back(std::string(n, '#'));
  EXPECT_TRUE(Parse(TestModelBytes(model)));
  model.user_defined.push_back(std::string(65, '#'));
  const auto parsed = Parse(TestModelBytes(model));
  ASSERT_FALSE(parsed);
  EXPECT_NE(parsed.error().message.find("more than 64"), std::string::npos);
}

TEST(SentencePieceProto, LimitsTheSize) {
  const auto model = Parse(std::string((size_t{64} << 20) + 1, '\0'));
  ASSERT_FALSE(model);
  EXPECT_NE(model.error().message.find("64 MiB"), std::string::npos);
}

}  // namespace
}  // namespace accllm
