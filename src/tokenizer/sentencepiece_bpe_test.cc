#include "tokenizer/sentencepiece_bpe.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <sentencepiece_processor.h>
#include <sentencepiece_trainer.h>

#include <string>
#include <vector>

#include "base/testing/read_file.h"
#include "tokenizer/testing/model_builder.h"
#include "tokenizer/testing/sentences.h"
#include "tokenizer/tokenizer.h"

namespace accllm {
namespace {

using testing::CharsMap;
using testing::ReadFile;
using testing::TestModel;
using testing::TestModelBytes;

std::span<const uint8_t> AsBytes(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

// A model twice: ours and the library's.
class Both {
 public:
  explicit Both(const std::string& bytes) {
    auto ours = Tokenizer::Load(AsBytes(bytes), "m");
    if (!ours) throw std::runtime_error(ours.error().ToString());
    ours_.emplace(std::move(*ours));
    if (!library_.LoadFromSerializedProto(bytes).ok()) throw std::runtime_error("library");
    is_fast_ = MakeBpeSpec(*ParseSentencePieceModel(AsBytes(bytes), "m")).has_value();
  }

  bool is_fast() const { return is_fast_; }
  std::vector<int32_t> Ours(const std::string& text) const { return ours_->Encode(text); }
  std::vector<int32_t> Library(const std::string& text) const {
    std::vector<int> ids;
    EXPECT_TRUE(library_.Encode(text, &ids).ok());
    return ids;
  }

 private:
  std::optional<Tokenizer> ours_;
  sentencepiece::SentencePieceProcessor library_;
  bool is_fast_ = false;
};

// Texts of few letters, so that pieces come up, with all that normalisation looks at.
rc::Gen<std::string> Texts() {
  return rc::gen::map(rc::gen::container<std::vector<std::string>>(
                          rc::gen::elementOf(std::vector<std::string>{"a",
                                                                      "b",
                                                                      "ab",
                                                                      "abc",
                                                                      "cd",
                                                                      "abcd",
                                                                      "d",
                                                                      "h",
                                                                      "z",
                                                                      "A",
                                                                      "BC",
                                                                      "B",
                                                                      " ",
                                                                      " ",
                                                                      "  ",
                                                                      "\xE2\x96\x81",
                                                                      "\xC3\xA9",
                                                                      "\xE2\x82\xAC",
                                                                      "\xF0\x9F\x98\x80",
                                                                      "\xFF",
                                                                      "\xE2\x96",
                                                                      "\n",
                                                                      std::string(1, '\0'),
                                                                      "the ",
                                                                      "quick ",
                                                                      "number 7",
                                                                      "<s>",
                                                                      "<unk>",
                                                                      "<0x41>",
                                                                      "\xEF\xBD\x86",
                                                                      "e\xCC\x81"})),
                      [](const std::vector<std::string>& parts) {
                        std::string text;
                        for (const auto& part : parts) text += part;
                        return text;
                      });
}

RC_GTEST_PROP(SentencePieceBpe, EqualsTheLibrary, ()) {
  const std::string map = CharsMap({{"A", "a"}, {"BC", "b c"}, {"B", ""}, {"\xE2\x82\xAC", " "}});
  TestModel model;
  model.byte_fallback = *rc::gen::arbitrary<bool>();
  model.add_dummy_prefix = *rc::gen::arbitrary<bool>();
  model.remove_extra_whitespaces = *rc::gen::arbitrary<bool>();
  if (*rc::gen::arbitrary<bool>()) model.chars_map = map;
  const Both both(TestModelBytes(model));
  RC_ASSERT(both.is_fast());
  for (int i = 0; i < 10; ++i) {
    const std::string text = *Texts();
    RC_ASSERT(both.Ours(text) == both.Library(text));
  }
}

// Models whose characters are no pieces of their own, whose pieces cross spaces and whose scores
// are equal.
RC_GTEST_PROP(SentencePieceBpe, EqualsTheLibraryOnOddModels, ()) {
  std::string pieces = testing::PieceField("<unk>", 0, PieceType::kUnknown);
  const auto texts = *rc::gen::unique<std::vector<std::string>>(rc::gen::elementOf(
      std::vector<std::string>{"a", "b", "c", "\xE2\x96\x81", "ab", "bc", "abc",
                               "\xE2\x96\x81"
                               "a",
                               "a\xE2\x96\x81",
                               "a\xE2\x96\x81"
                               "b",
                               "\xE2\x96\x81\xE2\x96\x81", "aa", "aaa", "aaaa", "ba", "aba"}));
  for (const auto& text : texts) {
    pieces +=
        testing::PieceField(text, static_cast<float>(*rc::gen::inRange(-3, 1)), PieceType::kNormal);
  }
  const Both both(pieces + testing::BytesField(2, testing::VarintField(3, 2)));
  RC_ASSERT(both.is_fast());
  for (int i = 0; i < 10; ++i) {
    const std::string text =
        *rc::gen::container<std::string>(rc::gen::elementOf(std::string("aaabbc d")));
    RC_ASSERT(both.Ours(text) == both.Library(text));
  }
}

TEST(SentencePieceBpe, LeavesOtherModelsToTheLibrary) {
  EXPECT_FALSE(Both(TestModelBytes({.is_bpe = false})).is_fast());
  EXPECT_FALSE(Both(TestModelBytes({.user_defined = {"<sym>"}})).is_fast());
}

TEST(SentencePieceBpe, EqualsTheLibraryOnTrainedModels) {
  for (const std::string flags :
       {"--byte_fallback=true", "--split_by_whitespace=false", "--normalization_rule_name=identity",
        "--remove_extra_whitespaces=false", "--add_dummy_prefix=false"}) {
    std::string bytes;
    testing::Sentences sentences;
    ASSERT_TRUE(
        sentencepiece::SentencePieceTrainer::Train(
            "--model_type=bpe --vocab_size=380 --hard_vocab_limit=false --minloglevel=4 " + flags,
            &sentences, &bytes)
            .ok());
    const Both both(bytes);
    EXPECT_TRUE(both.is_fast()) << flags;
    EXPECT_TRUE(rc::check(flags, [&both] {
      const std::string text = *Texts();
      RC_ASSERT(both.Ours(text) == both.Library(text));
    }));
  }
}

TEST(SentencePieceBpe, EqualsTheLibraryOnTheBundledModel) {
  const Both both(ReadFile(ACCLLM_SOURCE_DIR "/models/books-6m/tokenizer.model"));
  EXPECT_TRUE(both.is_fast());
  EXPECT_TRUE(rc::check([&both] {
    const std::string text = *rc::gen::oneOf(Texts(), rc::gen::arbitrary<std::string>());
    RC_ASSERT(both.Ours(text) == both.Library(text));
  }));
  const std::string readme = ReadFile(ACCLLM_SOURCE_DIR "/models/books-6m/README.md");
  ASSERT_FALSE(readme.empty());
  EXPECT_EQ(both.Ours(readme), both.Library(readme));
}

}  // namespace
}  // namespace accllm
