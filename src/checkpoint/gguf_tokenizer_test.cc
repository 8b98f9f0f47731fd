#include "checkpoint/gguf_tokenizer.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "checkpoint/byte_cursor.h"
#include "checkpoint/gguf_file.h"
#include "checkpoint/pre_tokenizers.h"
#include "checkpoint/sentencepiece_bytes.h"
#include "checkpoint/testing/gguf_builder.h"
#include "checkpoint/tokenizer_json.h"

namespace accllm {
namespace {

using testing::GgufBuilder;
using testing::Raw;
using testing::RawArray;
using testing::RawString;
using testing::RawStrings;

constexpr char kModelPath[] = "model.gguf";

std::string RawInts(const std::vector<int32_t>& values) {
  std::string elements;
  for (const int32_t value : values) elements += Raw(value);
  return RawArray(GgufType::kInt32, values.size(), elements);
}

std::string RawFloats(const std::vector<float>& values) {
  std::string elements;
  for (const float value : values) elements += Raw(value);
  return RawArray(GgufType::kFloat32, values.size(), elements);
}

GgufBuilder SentencePieceFile() {
  GgufBuilder file;
  file.AddString("tokenizer.ggml.model", "llama");
  file.entries.push_back({"tokenizer.ggml.tokens", GgufType::kArray,
                          RawStrings({"<unk>", "<s>", "</s>", "<0x0A>",
                                      "\xE2\x96\x81"
                                      "a",
                                      "two words"})});
  file.entries.push_back(
      {"tokenizer.ggml.scores", GgufType::kArray, RawFloats({0, 0, 0, 0, -1, -2})});
  file.entries.push_back(
      {"tokenizer.ggml.token_type", GgufType::kArray, RawInts({2, 3, 3, 6, 1, 4})});
  file.AddUint32("tokenizer.ggml.bos_token_id", 1).AddUint32("tokenizer.ggml.eos_token_id", 2);
  return file;
}

GgufBuilder BpeFile(const std::string& pre) {
  GgufBuilder file;
  file.AddString("tokenizer.ggml.model", "gpt2").AddString("tokenizer.ggml.pre", pre);
  file.entries.push_back({"tokenizer.ggml.tokens", GgufType::kArray,
                          RawStrings({"a", "b", "\"", "ab", "<|end|>", "[tool]"})});
  file.entries.push_back(
      {"tokenizer.ggml.token_type", GgufType::kArray, RawInts({1, 1, 1, 1, 3, 4})});
  file.entries.push_back({"tokenizer.ggml.merges", GgufType::kArray, RawStrings({"a b"})});
  return file;
}

Result<CheckpointTokenizer> Read(const GgufBuilder& builder, int64_t n_tokens = 6) {
  const std::string bytes = builder.Bytes();
  const auto file = GgufFile::Parse(AsBytes(bytes), kModelPath);
  EXPECT_TRUE(file) << file.error().message;
  return ReadGgufTokenizer(file->metadata(), n_tokens);
}

void ExpectSameTokens(const std::vector<VocabularyToken>& a,
                      const std::vector<VocabularyToken>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].text, b[i].text) << i;
    EXPECT_EQ(a[i].type, b[i].type) << i;
    EXPECT_EQ(a[i].score, b[i].score) << i;
  }
}

// Writes a tokenizer into a GGUF file and reads it back.
CheckpointTokenizer RoundTrip(const CheckpointTokenizer& tokenizer,
                              const GgufSpecialTokens& special, int64_t n_tokens,
                              GgufSpecialTokens* special_back) {
  GgufMetadataWriter metadata;
  const Status status = AddGgufTokenizer(tokenizer, special, n_tokens, &metadata);
  EXPECT_TRUE(status) << status.error().message;
  const std::string bytes = Raw(kGgufMagic) + Raw(kGgufVersion) + Raw(uint64_t{0}) +
                            Raw(metadata.n_entries()) + metadata.bytes();
  const auto file = GgufFile::Parse(AsBytes(bytes), kModelPath);
  EXPECT_TRUE(file) << file.error().message;
  const auto back = ReadGgufTokenizer(file->metadata(), n_tokens);
  EXPECT_TRUE(back) << back.error().message;
  *special_back = *ReadGgufSpecialTokens(file->metadata(), n_tokens);
  return *back;
}

TEST(GgufTokenizer, SentencePieceBecomesItsOwnFormat) {
  const auto tokenizer = Read(SentencePieceFile());
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  EXPECT_FALSE(tokenizer->is_json());
  EXPECT_EQ(tokenizer->name, "model.gguf: tokenizer");
  EXPECT_EQ(tokenizer->add_bos_token, true);
  const auto model = FromSentencePieceBytes(AsBytes(tokenizer->bytes), "t");
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_TRUE(model->add_space_prefix);
  EXPECT_FALSE(model->remove_extra_whitespaces);
  ExpectSameTokens(model->tokens, {{"<unk>", TokenType::kUnknown, 0},
                                   {"<s>", TokenType::kControl, 0},
                                   {"</s>", TokenType::kControl, 0},
                                   {"<0x0A>", TokenType::kByte, 0},
                                   {"\xE2\x96\x81"
                                    "a",
                                    TokenType::kNormal, -1},
                                   {"two\xE2\x96\x81words", TokenType::kUserDefined, -2}});
}

TEST(GgufTokenizer, SentencePieceSurvivesTheRoundTrip) {
  const auto tokenizer = Read(SentencePieceFile());
  GgufSpecialTokens special;
  const auto back = RoundTrip(*tokenizer, {.bos_id = 1, .eos_ids = {2, 4}}, 6, &special);
  EXPECT_EQ(back.bytes, tokenizer->bytes);
  EXPECT_EQ(back.add_bos_token, true);
  EXPECT_EQ(special.bos_id, 1);
  EXPECT_EQ(special.eos_ids, (std::vector<int64_t>{2, 4}));
}

TEST(GgufTokenizer, MissingIdsArePadded) {
  const auto tokenizer = Read(SentencePieceFile());
  GgufSpecialTokens special;
  const auto back = RoundTrip(*tokenizer, {}, 8, &special);
  const auto model = FromSentencePieceBytes(AsBytes(back.bytes), "t");
  ASSERT_EQ(model->tokens.size(), 8U);
  EXPECT_EQ(model->tokens[7].text, "[PAD7]");
  EXPECT_EQ(model->tokens[7].type, TokenType::kUnused);
  EXPECT_EQ(special.bos_id, -1);
  EXPECT_EQ(back.add_bos_token, false);
}

TEST(GgufTokenizer, BpeBecomesATokenizerJson) {
  const auto tokenizer = Read(BpeFile("llama-bpe"));
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  ASSERT_TRUE(tokenizer->is_json());
  EXPECT_EQ(tokenizer->add_bos_token, true);
  for (const char* part :
       {R"("model":{"type":"BPE")", R"("vocab":{"a":0,"b":1,"\"":2,"ab":3})", R"("merges":["a b"])",
        R"("ignore_merges":true)", R"("normalizer":null)", R"("type":"ByteLevel")",
        R"({"id":4,"content":"<|end|>","single_word":false,"lstrip":false,"rstrip":false,)"
        R"("normalized":false,"special":true})",
        R"("content":"[tool]")"}) {
    EXPECT_NE(tokenizer->bytes.find(part), std::string::npos) << part << tokenizer->bytes;
  }
}

TEST(GgufTokenizer, EveryKnownPreTokenizerSurvivesTheRoundTrip) {
  for (const char* pre :
       {"llama-bpe", "smaug-bpe", "qwen2", "stablelm2", "gpt-2", "smollm", "tekken", "default"}) {
    const auto tokenizer = Read(BpeFile(pre));
    ASSERT_TRUE(tokenizer) << tokenizer.error().message;
    const auto json = FromTokenizerJson(tokenizer->bytes, "t", 6);
    ASSERT_TRUE(json) << json.error().message;
    EXPECT_EQ(json->vocabulary.pre->name, pre);
    GgufSpecialTokens special;
    EXPECT_EQ(RoundTrip(*tokenizer, {4, {}}, 6, &special).bytes, tokenizer->bytes);
    EXPECT_EQ(special.bos_id, 4);
  }
}

TEST(GgufTokenizer, NoPreTokenizerIsTheDefault) {
  GgufBuilder file = BpeFile("gpt-2");
  file.entries.erase(file.entries.begin() + 1);
  const auto tokenizer = Read(file);
  ASSERT_TRUE(tokenizer);
  EXPECT_EQ(FromTokenizerJson(tokenizer->bytes, "t", 6)->vocabulary.pre->name, "default");
}

TEST(GgufTokenizer, FlagsAndTemplateAreRead) {
  GgufBuilder file = SentencePieceFile();
  file.entries.push_back({"tokenizer.ggml.add_bos_token", GgufType::kBool, Raw(uint8_t{0})});
  file.entries.push_back({"tokenizer.ggml.add_space_prefix", GgufType::kBool, Raw(uint8_t{0})});
  file.AddString("tokenizer.chat_template", "{{ messages }}");
  const auto tokenizer = Read(file);
  EXPECT_EQ(tokenizer->add_bos_token, false);
  EXPECT_EQ(tokenizer->chat_template, "{{ messages }}");
  EXPECT_FALSE(FromSentencePieceBytes(AsBytes(tokenizer->bytes), "t")->add_space_prefix);
}

TEST(GgufTokenizer, AFileMayHaveNone) {
  EXPECT_TRUE(Read(GgufBuilder())->bytes.empty());
  GgufBuilder none;
  none.AddString("tokenizer.ggml.model", "none");
  EXPECT_TRUE(Read(none)->bytes.empty());
}

TEST(GgufTokenizer, BadOnesAreClearErrors) {
  const auto expect = [](const GgufBuilder& file, int64_t n_tokens, ErrorCode code,
                         const std::string& message) {
    const auto tokenizer = Read(file, n_tokens);
    ASSERT_FALSE(tokenizer) << message;
    EXPECT_EQ(tokenizer.error().code, code);
    EXPECT_NE(tokenizer.error().message.find(message), std::string::npos)
        << tokenizer.error().message;
  };
  GgufBuilder other;
  other.AddString("tokenizer.ggml.model", "bert");
  expect(other, 6, ErrorCode::kUnsupported, "'tokenizer.ggml.model' is 'bert'");
  expect(BpeFile("unheard-of"), 6, ErrorCode::kUnsupported, "'tokenizer.ggml.pre' is 'unheard-of'");
  expect(BpeFile("gpt-2"), 5, ErrorCode::kCorrupt, "vocabulary only 5");
  GgufBuilder no_merges = BpeFile("gpt-2");
  no_merges.entries.pop_back();
  expect(no_merges, 6, ErrorCode::kNotFound, "tokenizer.ggml.merges");
  GgufBuilder short_types = SentencePieceFile();
  short_types.entries[3].value = RawInts({1});
  expect(short_types, 6, ErrorCode::kCorrupt, "token_type' has 1 elements");
  GgufBuilder bad_type = SentencePieceFile();
  bad_type.entries[3].value = RawInts({2, 3, 3, 6, 1, 7});
  expect(bad_type, 6, ErrorCode::kCorrupt, "token_type' holds 7");
  GgufBuilder short_scores = SentencePieceFile();
  short_scores.entries[2].value = RawFloats({1});
  expect(short_scores, 6, ErrorCode::kCorrupt, "scores' has 1 elements");
  GgufBuilder not_utf8 = BpeFile("gpt-2");
  not_utf8.entries[2].value = RawStrings({"a", "b", "\xFF", "ab", "c", "d"});
  expect(not_utf8, 6, ErrorCode::kCorrupt, "not valid UTF-8");
}

TEST(GgufTokenizer, WhatHasNoCounterpartIsNotWritten) {
  const std::string good = *ToTokenizerJson(
      {.tokens = {{"a"}}, .merges = {}, .pre = *FindPreTokenizer("qwen2", "")}, "t");
  const struct {
    const char* from;
    const char* to;
    const char* message;
  } cases[] = {
      {"\"NFC\"", "\"NFKC\"", "normalizer.type"},
      {"\"BPE\"", "\"Unigram\"", "model.type"},
      {"\"byte_fallback\":false", "\"byte_fallback\":true", "byte_fallback"},
      {"\\\\p{N}|", "\\\\p{N}{1,2}|", "cuts words in a way that has no name"},
      {"\"Isolated\"", "\"Removed\"", "behavior"},
      {"\"add_prefix_space\":false", "\"add_prefix_space\":true", "add_prefix_space"},
      {"\"end_of_word_suffix\":null", "\"end_of_word_suffix\":\"</w>\"", "end_of_word_suffix"},
  };
  ASSERT_TRUE(FromTokenizerJson(good, "t", 1));
  for (const auto& c : cases) {
    std::string changed = good;
    changed.replace(changed.find(c.from), std::string(c.from).size(), c.to);
    const auto json = FromTokenizerJson(changed, "t", 1);
    ASSERT_FALSE(json) << c.to;
    EXPECT_EQ(json.error().code, ErrorCode::kUnsupported) << c.to;
    EXPECT_NE(json.error().message.find(c.message), std::string::npos) << json.error().message;
  }
}

TEST(GgufTokenizer, ForeignTokenizerJsonsAreUnderstood) {
  const char* json = R"({
    "added_tokens": [{"id": 2, "content": "<s>", "special": true}],
    "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
      {"type": "Digits", "individual_digits": true},
      {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true}]},
    "post_processor": {"type": "Sequence", "processors": [
      {"type": "ByteLevel"},
      {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>"}}]}]},
    "model": {"type": "BPE", "vocab": {"a": 0, "b": 1}, "merges": [["a", "b"]]}})";
  const auto tokenizer = FromTokenizerJson(json, "t", 4);
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  EXPECT_EQ(tokenizer->vocabulary.pre->name, "smollm");
  EXPECT_TRUE(tokenizer->adds_bos);
  EXPECT_EQ(tokenizer->vocabulary.merges, (std::vector<std::string>{"a b"}));
  ExpectSameTokens(tokenizer->vocabulary.tokens, {{"a", TokenType::kNormal, 0},
                                                  {"b", TokenType::kNormal, 0},
                                                  {"<s>", TokenType::kControl, 0},
                                                  {"[PAD3]", TokenType::kUnused, -1000}});
}

TEST(SentencePieceBytes, OnlyPlainBpeCanBeWritten) {
  const auto unigram = FromSentencePieceBytes(AsBytes(std::string("\x12\x02\x18\x01")), "t");
  ASSERT_FALSE(unigram);
  EXPECT_EQ(unigram.error().code, ErrorCode::kUnsupported);
  const auto rules =
      FromSentencePieceBytes(AsBytes(std::string("\x12\x02\x18\x02\x1A\x03\x12\x01r")), "t");
  ASSERT_FALSE(rules);
  EXPECT_NE(rules.error().message.find("normalisation rules"), std::string::npos);
  EXPECT_EQ(FromSentencePieceBytes(AsBytes(std::string("\x0A\x09x")), "t").error().code,
            ErrorCode::kCorrupt);
}

}  // namespace
}  // namespace accllm
