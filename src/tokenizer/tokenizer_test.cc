#include "tokenizer/tokenizer.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <sentencepiece_processor.h>
#include <sentencepiece_trainer.h>

#include <string>
#include <vector>

#include "base/testing/read_file.h"
#include "tokenizer/testing/model_builder.h"
#include "tokenizer/testing/sentences.h"
#include "tokenizer/utf8.h"

namespace accllm {
namespace {

using testing::CharsMap;
using testing::ReadFile;
using testing::TestModel;
using testing::TestModelBytes;

constexpr char kBundledModel[] = ACCLLM_SOURCE_DIR "/models/books-6m/tokenizer.model";

Result<Tokenizer> Load(const std::string& bytes, const std::string& path = "tokenizer.model") {
  return Tokenizer::Load({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}, path);
}

Tokenizer MustLoad(const std::string& bytes) {
  auto tokenizer = Load(bytes);
  EXPECT_TRUE(tokenizer) << tokenizer.error().message;
  return std::move(*tokenizer);
}

// The bundled tokenizer, and the library's own view of it.
const Tokenizer& Bundled() {
  static const Tokenizer tokenizer = MustLoad(ReadFile(kBundledModel));
  return tokenizer;
}

std::string LibraryDecode(const std::string& model, const std::vector<int32_t>& ids) {
  sentencepiece::SentencePieceProcessor processor;
  EXPECT_TRUE(processor.LoadFromSerializedProto(model).ok());
  std::string text;
  EXPECT_TRUE(processor.Decode(std::vector<int>(ids.begin(), ids.end()), &text).ok());
  return text;
}

// First line of Moby Dick, and the first tokens of the checkpoint's golden file.
constexpr char kMobyDick[] =
    "Call me Ishmael. Some years ago--never mind how long precisely--having little or no money "
    "in my purse, and nothing particular to interest me on shore, I thought I would sail about a "
    "little and see the watery part of the world.";

TEST(Tokenizer, EncodesTheGoldenTokens) {
  const std::vector<int32_t> golden = {
      352, 390,  383,  1875, 4027, 1911, 608,  4041, 3178, 845,  2424, 550,  727, 324, 1005, 706,
      741, 3329, 671,  329,  550,  4027, 2035, 746,  400,  486,  1069, 291,  361, 833, 315,  4038,
      274, 1006, 1611, 281,  930,  383,  344,  405,  387,  4038, 304,  1027, 304, 513, 508,  384,
      666, 261,  746,  274,  692,  262,  1294, 4036, 600,  270,  262,  831,  4041};
  EXPECT_EQ(Bundled().Encode(kMobyDick), golden);
}

TEST(Tokenizer, KnowsItsSpecialTokens) {
  EXPECT_EQ(Bundled().vocab_size(), 4096);
  EXPECT_EQ(Bundled().unk_id(), 0);
  EXPECT_EQ(Bundled().bos_id(), 1);
  EXPECT_EQ(Bundled().eos_id(), 2);
  EXPECT_EQ(Bundled().Piece(1), "<s>");
  EXPECT_EQ(Bundled().Piece(13), "<0x0A>");
  EXPECT_EQ(Bundled().Piece(-1), "");
  EXPECT_EQ(Bundled().Piece(4096), "");
}

TEST(Tokenizer, RoundTripsText) {
  for (const std::string text : {"", "a", "Hello, world!", "two words", "\xC3\xA9t\xC3\xA9",
                                 "\xF0\x9F\x98\x80 smile", "tab\tnew\nline", kMobyDick}) {
    EXPECT_EQ(Bundled().Decode(Bundled().Encode(text)), text);
  }
}

TEST(Tokenizer, EmptyTextHasNoTokens) {
  EXPECT_TRUE(Bundled().Encode("").empty());
  EXPECT_EQ(Bundled().Decode({}), "");
  EXPECT_TRUE(Bundled().EncodeLines("")->empty());
}

TEST(Tokenizer, EncodesLines) {
  const auto expect_lines = [](const std::string& text, const std::vector<std::string>& lines) {
    std::vector<int32_t> expected;
    for (const std::string& line : lines) {
      for (const int32_t id : Bundled().Encode(line)) expected.push_back(id);
      expected.push_back(13);
    }
    const auto ids = Bundled().EncodeLines(text);
    ASSERT_TRUE(ids);
    EXPECT_EQ(*ids, expected);
  };
  expect_lines("one\ntwo\n", {"one", "two"});
  expect_lines("one\n\ntwo", {"one", "", "two"});
  expect_lines("\n", {""});
  std::string text;
  std::vector<std::string> lines;
  for (int i = 0; i < 3000; ++i) {
    lines.push_back("line " + std::to_string(i) + std::string(i % 50, 'x'));
    text += lines.back() + "\n";
  }
  expect_lines(text, lines);
  expect_lines(std::string(200000, 'y') + "\nend", {std::string(200000, 'y'), "end"});
}

TEST(Tokenizer, LinesNeedByteTokens) {
  const Tokenizer tokenizer = MustLoad(TestModelBytes({.byte_fallback = false}));
  EXPECT_EQ(tokenizer.EncodeLines("a\n").error().code, ErrorCode::kUnsupported);
}

TEST(Tokenizer, IdsOutsideTheVocabularyHaveNoText) {
  const std::vector<int32_t> ids = {-1, INT32_MIN, 4096, INT32_MAX};
  EXPECT_EQ(Bundled().Decode(ids), "");
}

TEST(StreamingDecoder, HoldsBackIncompleteCodePoints) {
  const Tokenizer tokenizer = MustLoad(TestModelBytes());
  const auto byte_id = [](uint8_t byte) { return 3 + byte; };
  StreamingDecoder decoder(tokenizer);
  EXPECT_EQ(decoder.Push(byte_id(0xE2)), "");
  EXPECT_EQ(decoder.Push(byte_id(0x82)), "");
  EXPECT_EQ(decoder.Push(byte_id(0xAC)), "\xE2\x82\xAC");
  EXPECT_EQ(decoder.Push(byte_id(0xC3)), "");
  EXPECT_EQ(decoder.Push(byte_id('a')), std::string(kReplacementCharacter) + "a");
  EXPECT_EQ(decoder.Push(byte_id(0xF0)), "");
  EXPECT_EQ(decoder.Push(byte_id(0x9F)), "");
  EXPECT_EQ(decoder.Flush(),
            std::string(kReplacementCharacter) + std::string(kReplacementCharacter));
  EXPECT_EQ(decoder.Flush(), "");
}

// All ways in which a model can treat white space.
std::vector<TestModel> WhitespaceModels() {
  std::vector<TestModel> models;
  for (const bool add_dummy_prefix : {false, true}) {
    for (const bool remove_extra_whitespaces : {false, true}) {
      models.push_back({.add_dummy_prefix = add_dummy_prefix,
                        .remove_extra_whitespaces = remove_extra_whitespaces,
                        .user_defined = {"<sym>"}});
    }
  }
  return models;
}

RC_GTEST_PROP(StreamingDecoder, EqualsTheLibrary, ()) {
  const auto models = WhitespaceModels();
  const std::string bytes = TestModelBytes(models[*rc::gen::inRange<size_t>(0, models.size())]);
  const Tokenizer tokenizer = MustLoad(bytes);
  const auto n_pieces = static_cast<int32_t>(tokenizer.vocab_size());
  // Half the ids from the few that are not ASCII bytes.
  const auto ids = *rc::gen::container<std::vector<int32_t>>(
      rc::gen::oneOf(rc::gen::inRange(0, n_pieces), rc::gen::inRange(3 + 0x7E, n_pieces),
                     rc::gen::inRange(3 + 256, n_pieces)));
  const std::string text = tokenizer.Decode(ids);
  RC_ASSERT(text == LibraryDecode(bytes, ids));
  RC_ASSERT(IsValidUtf8(text));
}

RC_GTEST_PROP(Tokenizer, AnyBytesEncodeAndDecode, (const std::string& text)) {
  const std::string decoded = Bundled().Decode(Bundled().Encode(text));
  RC_ASSERT(IsValidUtf8(decoded));
  // The vocabulary squeezes white space; what it has decoded once it keeps.
  RC_ASSERT(Bundled().Decode(Bundled().Encode(decoded)) == decoded);
}

TEST(Tokenizer, SqueezesWhitespaceIfTheModelSays) {
  EXPECT_EQ(Bundled().Decode(Bundled().Encode("  two   words ")), "two words");
  const Tokenizer keeping = MustLoad(TestModelBytes({.remove_extra_whitespaces = false}));
  EXPECT_EQ(keeping.Decode(keeping.Encode(" a   b ")), " a   b ");
}

TEST(Tokenizer, RandomUnicodeRoundTrips) {
  EXPECT_TRUE(rc::check([](const std::vector<uint32_t>& seeds) {
    std::string text;
    for (const uint32_t seed : seeds) {
      // Three-byte code points of all scripts but the space mark's own block.
      const uint32_t code_point = 0x3000 + seed % 0xA000;
      text += {static_cast<char>(0xE0 | code_point >> 12),
               static_cast<char>(0x80 | (code_point >> 6 & 63)),
               static_cast<char>(0x80 | (code_point & 63))};
    }
    RC_ASSERT(Bundled().Decode(Bundled().Encode(text)) == text);
  }));
}

TEST(Tokenizer, ParsesSpecialTokensIfAsked) {
  std::vector<int32_t> expected = {1};
  for (const int32_t id : Bundled().Encode("two words")) expected.push_back(id);
  expected.push_back(2);
  EXPECT_EQ(Bundled().Encode("<s>two words</s>", SpecialTokens::kParse), expected);
  EXPECT_EQ(Bundled().Encode("two words", SpecialTokens::kParse), Bundled().Encode("two words"));
  EXPECT_EQ(Bundled().Decode(Bundled().Encode("<s>two words</s>")), "<s>two words</s>");
  EXPECT_TRUE(Bundled().adds_bos());
}

TEST(Tokenizer, AppliesNormalisationRules) {
  const std::string map = CharsMap({{"A", "a"}, {"BC", "bc"}, {"B", ""}});
  for (const bool is_bpe : {false, true}) {
    const Tokenizer tokenizer =
        MustLoad(TestModelBytes({.is_bpe = is_bpe, .byte_fallback = false, .chars_map = map}));
    EXPECT_EQ(tokenizer.Decode(tokenizer.Encode("A BC B d")), "a bc  d");
  }
}

TEST(Tokenizer, LoadsTrainedModels) {
  for (const std::string type : {"unigram", "bpe"}) {
    std::string model;
    testing::Sentences sentences;
    const auto status = sentencepiece::SentencePieceTrainer::Train(
        "--model_type=" + type + " --vocab_size=350 --byte_fallback=true --minloglevel=4" +
            " --hard_vocab_limit=false",
        &sentences, &model);
    ASSERT_TRUE(status.ok()) << status.ToString();
    const Tokenizer tokenizer = MustLoad(model);
    const std::string text = "the quick brown fox jumps over 42 \xC3\xA9";
    EXPECT_EQ(tokenizer.Decode(tokenizer.Encode(text)), text);
    // The trainer's default rules are NFKC: a full-width letter becomes a plain one.
    EXPECT_EQ(tokenizer.Decode(tokenizer.Encode("\xEF\xBD\x86ox")), "fox");
  }
}

TEST(Tokenizer, NamesTheFileOfABadModel) {
  const auto tokenizer = Load("", "dir/tokenizer.model");
  ASSERT_FALSE(tokenizer);
  EXPECT_EQ(tokenizer.error().message.find("dir/tokenizer.model"), 0U);
}

TEST(Tokenizer, TruncatedModelsNeverCrash) {
  const std::string model = TestModelBytes({.chars_map = CharsMap({{"A", "a"}})});
  for (size_t n = 0; n < model.size(); n += 1 + n / 50) {
    const auto tokenizer = Load(model.substr(0, n));
    if (tokenizer) (void)tokenizer->Encode("A abc d\xC3\xA9");
  }
}

RC_GTEST_PROP(Tokenizer, FlippedBitsNeverCrash, ()) {
  std::string model = TestModelBytes(
      {.is_bpe = *rc::gen::arbitrary<bool>(), .chars_map = CharsMap({{"A", "a"}, {"AB", "b"}})});
  const auto flips =
      *rc::gen::container<std::vector<size_t>>(rc::gen::inRange<size_t>(0, model.size() * 8));
  for (const size_t bit : flips) {
    model[bit / 8] = static_cast<char>(model[bit / 8] ^ (1 << bit % 8));
  }
  const auto tokenizer = Load(model);
  if (tokenizer) (void)tokenizer->Encode("A AB abc d\xC3\xA9\xFF");
}

}  // namespace
}  // namespace accllm
