#include "tokenizer/tokenizer_json.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "tokenizer/byte_alphabet.h"
#include "tokenizer/compact_json.h"
#include "tokenizer/testing/json_builder.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/utf8.h"

namespace accllm {
namespace {

using Ids = std::vector<int32_t>;
using testing::LlamaJson;
using testing::TestJson;

Result<Tokenizer> LoadJson(const std::string& bytes) {
  return Tokenizer::Load({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()},
                         "dir/tokenizer.json");
}

Tokenizer MustLoadJson(const TestJson& json) {
  auto tokenizer = LoadJson(json.Bytes());
  EXPECT_TRUE(tokenizer) << tokenizer.error().ToString();
  return std::move(*tokenizer);
}

TEST(TokenizerJson, EncodesByteLevel) {
  const Tokenizer tokenizer = MustLoadJson({});
  EXPECT_EQ(tokenizer.Encode("abc ab a"), (Ids{258, 259, 257}));
  EXPECT_EQ(tokenizer.Encode("\xC3\xA9\n"), (Ids{0xC3, 0xA9, '\n'}));
  EXPECT_EQ(tokenizer.Encode("\xFF"), (Ids{0xEF, 0xBF, 0xBD}));
  EXPECT_EQ(tokenizer.Encode(""), Ids{});
  EXPECT_EQ(tokenizer.Decode(tokenizer.Encode("abc ab a\xC3\xA9\n")), "abc ab a\xC3\xA9\n");
  EXPECT_EQ(tokenizer.vocab_size(), 273);
  EXPECT_EQ(tokenizer.Piece(259),
            "\xC4\xA0"
            "ab");
  EXPECT_EQ(tokenizer.Piece(265), "");
  EXPECT_EQ(tokenizer.Piece(-1), "");
  EXPECT_EQ(tokenizer.unk_id(), -1);
  EXPECT_EQ(tokenizer.bos_id(), 270);
  EXPECT_EQ(tokenizer.eos_id(), 271);
  EXPECT_FALSE(tokenizer.adds_bos());
}

TEST(TokenizerJson, EncodesWithByteFallback) {
  const Tokenizer tokenizer = MustLoadJson(LlamaJson());
  EXPECT_EQ(tokenizer.Encode("ab a"), (Ids{264, 263}));
  EXPECT_EQ(tokenizer.Encode("ab\n"), (Ids{264, 3 + '\n'}));
  EXPECT_EQ(tokenizer.Encode("\xC3\xA9"), (Ids{259, 3 + 0xC3, 3 + 0xA9}));
  EXPECT_EQ(tokenizer.Decode(tokenizer.Encode(" ab \xC3\xA9")), " ab \xC3\xA9");
  EXPECT_TRUE(tokenizer.adds_bos());
  EXPECT_EQ(tokenizer.bos_id(), 1);
  EXPECT_EQ(tokenizer.unk_id(), 0);
}

TEST(TokenizerJson, SpecialTokensAreTextUnlessParsed) {
  const Tokenizer tokenizer = MustLoadJson({});
  EXPECT_EQ(tokenizer.Encode("ab</s>[x]", SpecialTokens::kParse), (Ids{256, 271, 272}));
  EXPECT_EQ(tokenizer.Encode("ab</s>[x]"), (Ids{256, '<', '/', 's', '>', 272}));
  EXPECT_EQ(tokenizer.Decode(Ids{270, 256, 272, 271}), "ab[x]");
  const Tokenizer llama = MustLoadJson(LlamaJson());
  EXPECT_EQ(llama.Encode("<s>ab</s>a", SpecialTokens::kParse), (Ids{1, 264, 2, 263}));
}

TEST(TokenizerJson, NormalizedTokensAreSoughtInNormalizedText) {
  TestJson json;
  json.normalizer = R"({"type":"Replace","pattern":{"String":"Q"},"content":"q"})";
  json.added_tokens = R"([{"id":270,"content":"[Q]","normalized":true},
                          {"id":271,"content":"[QQ]","normalized":false}])";
  const Tokenizer tokenizer = MustLoadJson(json);
  EXPECT_EQ(tokenizer.Encode("[Q][q][QQ][qq]"), (Ids{270, 270, 271, '[', 'q', 'q', ']'}));
}

TEST(TokenizerJson, EncodesLines) {
  EXPECT_EQ(*MustLoadJson({}).EncodeLines("ab\n\na"), (Ids{256, '\n', '\n', 'a', '\n'}));
  EXPECT_EQ(*MustLoadJson(LlamaJson()).EncodeLines("ab\n"), (Ids{264, 3 + '\n'}));
}

TEST(TokenizerJson, IgnoresMergesWhereAWordIsAToken) {
  TestJson json;
  const size_t merges = json.model.find("\"merges\"");
  std::string vocab = json.model.substr(0, merges);
  vocab.insert(vocab.rfind('}'), ",\"xyz\":260");
  json.model = vocab + R"("merges":[],"ignore_merges":true})";
  EXPECT_EQ(MustLoadJson(json).Encode("xyz abc"), (Ids{260, ' ', 'a', 'b', 'c'}));
}

TEST(TokenizerJson, UnknownCharactersVanishOrFuse) {
  TestJson json;
  json.pre_tokenizer = "null";
  json.model = R"({"vocab":{"a":0,"?":1},"merges":[]})";
  EXPECT_EQ(MustLoadJson(json).Encode("axya"), (Ids{0, 0}));
  json.model = R"({"vocab":{"a":0,"?":1},"merges":[],"unk_token":"?"})";
  EXPECT_EQ(MustLoadJson(json).Encode("axya"), (Ids{0, 1, 1, 0}));
  json.model = R"({"vocab":{"a":0,"?":1},"merges":[],"unk_token":"?","fuse_unk":true})";
  EXPECT_EQ(MustLoadJson(json).Encode("axya"), (Ids{0, 1, 0}));
  EXPECT_EQ(MustLoadJson(json).EncodeLines("a").error().code, ErrorCode::kUnsupported);
}

TEST(TokenizerJson, ReadsEveryStep) {
  TestJson json;
  json.normalizer = R"({"type":"Sequence","normalizers":[{"type":"NFC"},{"type":"NFD"},
      {"type":"NFKC"},{"type":"NFKD"},{"type":"Sequence","normalizers":[]}]})";
  json.pre_tokenizer = R"({"type":"Sequence","pretokenizers":[
      {"type":"Split","pattern":{"String":"-"},"behavior":"Removed"},
      {"type":"Split","pattern":{"Regex":"b+"},"behavior":"Isolated","invert":true},
      {"type":"Digits","individual_digits":true},
      {"type":"ByteLevel","add_prefix_space":true,"use_regex":false}]})";
  json.post_processor = R"({"type":"Sequence","processors":[{"type":"ByteLevel"}]})";
  const Tokenizer tokenizer = MustLoadJson(json);
  // a | b | 1, each with a space before it; e with acute comes apart.
  EXPECT_EQ(tokenizer.Encode("ab-1"), (Ids{257, ' ', 'b', ' ', '1'}));
  EXPECT_EQ(tokenizer.Encode("\xC3\xA9"), (Ids{' ', 'e', 0xCC, 0x81}));
}

TEST(TokenizerJson, ReadsMetaspace) {
  TestJson json = LlamaJson();
  json.normalizer = "null";
  json.decoder = R"({"type":"Metaspace","replacement":"▁","add_prefix_space":true})";
  const auto with = [&json](const std::string& fields) {
    json.pre_tokenizer = R"({"type":"Metaspace","replacement":"▁")" + fields + "}";
    return MustLoadJson(json);
  };
  EXPECT_EQ(with("").Encode("ab a"), (Ids{264, 263}));
  EXPECT_EQ(with(R"(,"add_prefix_space":false)").Encode("ab a"), (Ids{262, 263}));
  const Tokenizer first = with(R"(,"prepend_scheme":"first","split":false)");
  EXPECT_EQ(first.Encode("ab</s>ab", SpecialTokens::kParse), (Ids{264, 2, 262}));
  EXPECT_EQ(first.Decode(Ids{1, 264, 263}), "ab a");
  StreamingDecoder decoder(first);
  EXPECT_EQ(decoder.Push(264), "ab");
  EXPECT_EQ(decoder.Push(263), " a");
  EXPECT_EQ(decoder.Flush(), "");
  EXPECT_EQ(decoder.Push(264), "ab");
}

TEST(TokenizerJson, HoldsBackIncompleteCodePoints) {
  const Tokenizer tokenizer = MustLoadJson({});
  StreamingDecoder decoder(tokenizer);
  EXPECT_EQ(decoder.Push(0xE2), "");
  EXPECT_EQ(decoder.Push(0x82), "");
  EXPECT_EQ(decoder.Push(0xAC), "\xE2\x82\xAC");
  // One U+FFFD for a start that is not completed.
  EXPECT_EQ(decoder.Push(0xE2), "");
  EXPECT_EQ(decoder.Push(0x82), "");
  EXPECT_EQ(decoder.Push('a'),
            "\xEF\xBF\xBD"
            "a");
  EXPECT_EQ(decoder.Push(0xF0), "");
  EXPECT_EQ(decoder.Flush(), "\xEF\xBF\xBD");
}

RC_GTEST_PROP(TokenizerJson, AnyTextRoundTrips, (const std::string& bytes)) {
  static const Tokenizer byte_level = MustLoadJson({});
  static const Tokenizer llama = MustLoadJson(LlamaJson());
  std::string storage;
  const std::string text(RepairUtf8(bytes, &storage));
  for (const Tokenizer* tokenizer : {&byte_level, &llama}) {
    const Ids ids = tokenizer->Encode(bytes);
    RC_ASSERT(ids == tokenizer->Encode(text));
    RC_ASSERT(tokenizer->Decode(ids) == text);
    StreamingDecoder decoder(*tokenizer);
    std::string streamed;
    for (const int32_t id : ids) {
      const std::string part = decoder.Push(id);
      RC_ASSERT(IsValidUtf8(part));
      streamed += part;
    }
    RC_ASSERT(streamed + decoder.Flush() == text);
  }
}

void ExpectError(const TestJson& json, ErrorCode code, const std::string& field) {
  const auto tokenizer = LoadJson(json.Bytes());
  ASSERT_FALSE(tokenizer) << field;
  const Error& error = tokenizer.error();
  EXPECT_EQ(error.code, code) << error.message;
  EXPECT_EQ(error.message.find("dir/tokenizer.json"), 0U) << error.message;
  EXPECT_NE(error.message.find(field), std::string::npos) << error.message;
  if (code == ErrorCode::kUnsupported) {
    EXPECT_NE(error.remedy.find("support"), std::string::npos) << error.message << error.remedy;
  }
}

TEST(TokenizerJson, NamesWhatIsNotSupported) {
  using Field = std::string TestJson::*;
  const std::vector<std::tuple<Field, std::string, std::string>> cases = {
      {&TestJson::model, R"({"type":"Unigram","vocab":[]})", "'model.type'"},
      {&TestJson::model, R"({"vocab":{},"merges":[],"dropout":0.1})", "'model.dropout'"},
      {&TestJson::model, R"({"vocab":{},"merges":[],"continuing_subword_prefix":"##"})",
       "'model.continuing_subword_prefix'"},
      {&TestJson::model, R"({"vocab":{},"merges":[],"end_of_word_suffix":"</w>"})",
       "'model.end_of_word_suffix'"},
      {&TestJson::normalizer, R"({"type":"Lowercase"})", "'normalizer.type'"},
      {&TestJson::normalizer, R"({"type":"Sequence","normalizers":[{"type":"NFC"},{"type":"X"}]})",
       "'normalizer.normalizers[1].type'"},
      {&TestJson::pre_tokenizer, R"({"type":"BertPreTokenizer"})", "'pre_tokenizer.type'"},
      {&TestJson::pre_tokenizer,
       R"({"type":"Split","pattern":{"Regex":"a&&\\b"},"behavior":"Isolated"})",
       "'pre_tokenizer.pattern.Regex'"},
      {&TestJson::pre_tokenizer,
       R"({"type":"Split","pattern":{"String":""},"behavior":"Isolated"})",
       "'pre_tokenizer.pattern.String'"},
      {&TestJson::pre_tokenizer, R"({"type":"Split","pattern":{"String":"a"},"behavior":"Odd"})",
       "'pre_tokenizer.behavior'"},
      {&TestJson::pre_tokenizer,
       R"({"type":"Sequence","pretokenizers":[{"type":"ByteLevel"},{"type":"Digits"}]})",
       "'pre_tokenizer.pretokenizers[1].type'"},
      {&TestJson::pre_tokenizer, R"({"type":"Metaspace","replacement":"ab"})",
       "'pre_tokenizer.replacement'"},
      {&TestJson::decoder, "null", "'decoder'"},
      {&TestJson::decoder, R"({"type":"WordPiece"})", "'decoder.type'"},
      {&TestJson::decoder, R"({"type":"Strip","content":" ","start":1,"stop":0})",
       "'decoder.type'"},
      {&TestJson::added_tokens, R"([{"id":1,"content":""}])", "'added_tokens[0].content'"},
  };
  for (const auto& [field, value, name] : cases) {
    TestJson json;
    json.*field = value;
    ExpectError(json, ErrorCode::kUnsupported, name);
  }
}

TEST(TokenizerJson, NamesWhatIsDamaged) {
  using Field = std::string TestJson::*;
  const std::vector<std::tuple<Field, std::string, std::string>> cases = {
      {&TestJson::model, "[]", "'model'"},
      {&TestJson::model, R"({"vocab":{"a":-1},"merges":[]})", "'model.vocab.a'"},
      {&TestJson::model, R"({"vocab":{"a":99999999},"merges":[]})", "'model.vocab.a'"},
      {&TestJson::model, R"({"vocab":{"a":0,"b":0},"merges":[]})", "'model.vocab'"},
      {&TestJson::model, R"({"vocab":{"a":0},"merges":["a a"]})", "'model.merges': merge 0"},
      {&TestJson::model, R"({"vocab":{"a":0},"merges":["a"]})", "merge 0 is not a pair"},
      {&TestJson::model, R"({"vocab":{"a":0},"merges":[[]]})", "merge 0 is not a pair"},
      {&TestJson::model, R"({"vocab":{"a":0},"merges":[1]})", "'model.merges'"},
      {&TestJson::added_tokens, R"([{"id":65,"content":"new"}])", "'added_tokens[0].id'"},
      {&TestJson::added_tokens, R"([{"id":300,"content":"n","special":1}])",
       "'added_tokens[0].special'"},
      {&TestJson::normalizer, "3", "'normalizer'"},
      {&TestJson::decoder, R"({"type":"Sequence","decoders":3})", "'decoder.decoders'"},
  };
  for (const auto& [field, value, name] : cases) {
    TestJson json;
    json.*field = value;
    ExpectError(json, ErrorCode::kCorrupt, name);
  }
  EXPECT_EQ(LoadJson("{").error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(LoadJson(" {}").error().code, ErrorCode::kNotFound);
}

TEST(TokenizerJson, TruncatedAndFlippedFilesNeverCrash) {
  const std::string bytes = LlamaJson().Bytes();
  for (size_t n = 0; n < bytes.size(); n += 1 + n / 20) (void)LoadJson(bytes.substr(0, n));
  EXPECT_TRUE(rc::check([&bytes] {
    std::string damaged = bytes;
    const auto flips =
        *rc::gen::container<std::vector<size_t>>(rc::gen::inRange<size_t>(0, damaged.size() * 8));
    for (const size_t bit : flips) damaged[bit / 8] ^= static_cast<char>(1 << bit % 8);
    const auto tokenizer = LoadJson(damaged);
    if (tokenizer) (void)tokenizer->Encode("ab a\xC3\xA9</s>", SpecialTokens::kParse);
  }));
}

TEST(CompactJson, KeepsWhatMatters) {
  EXPECT_EQ(CompactJson("{ \"a b\" :\n [1,\t\"\\\" \\\\\" , 2 ] }\r\n"),
            "{\"a b\":[1,\"\\\" \\\\\",2]}");
  const std::string bytes = LlamaJson().Bytes();
  const auto compact = LoadJson(CompactJson(bytes));
  ASSERT_TRUE(compact);
  EXPECT_EQ(compact->Encode("ab  a"), LoadJson(bytes)->Encode("ab  a"));
}

TEST(ByteAlphabet, SpellsAllBytes) {
  EXPECT_EQ(BytesOfSpelling("\xC4\xA0the"), " the");
  EXPECT_EQ(BytesOfSpelling("\xC4\x8A"), "\n");
  EXPECT_EQ(BytesOfSpelling("\xC3\xA9"), "\xE9");
  EXPECT_EQ(BytesOfSpelling("a b"), std::nullopt);
  EXPECT_EQ(BytesOfSpelling("\xE2\x96\x81"), std::nullopt);
  EXPECT_EQ(BytesOfSpelling(""), "");
}

}  // namespace
}  // namespace accllm
