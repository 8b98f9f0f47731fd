// Real vocabularies against independent encoders: ids and decoded text of every string.
// tools/tokenizers/fetch.sh makes the vectors; ACCLLM_VECTOR_TEXTS limits how many are compared.
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/testing/read_file.h"
#include "tokenizer/testing/model_builder.h"
#include "tokenizer/tokenizer.h"

namespace accllm {
namespace {

namespace fs = std::filesystem;

const fs::path kFolder = fs::path(ACCLLM_BINARY_DIR) / "tokenizers";

std::vector<std::string> Vocabularies() {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(kFolder, error)) {
    if (fs::exists(entry.path() / "vectors.bin")) names.push_back(entry.path().filename());
  }
  return names;
}

struct Vector {
  std::string_view text;
  SpecialTokens special;
  std::vector<int32_t> ids;
  std::string_view decoded;
};

// The next chunk: u32 size, data.
std::string_view TakeChunk(std::string_view* rest) {
  uint32_t size = 0;
  if (rest->size() < sizeof(size)) throw std::runtime_error("truncated vectors");
  std::memcpy(&size, rest->data(), sizeof(size));
  const std::string_view chunk = rest->substr(sizeof(size), size);
  if (chunk.size() != size) throw std::runtime_error("truncated vectors");
  rest->remove_prefix(sizeof(size) + size);
  return chunk;
}

Vector TakeVector(std::string_view* rest) {
  Vector vector;
  vector.text = TakeChunk(rest);
  vector.special = TakeChunk(rest) == "\x01" ? SpecialTokens::kParse : SpecialTokens::kAsText;
  const std::string_view ids = TakeChunk(rest);
  vector.ids.resize(ids.size() / sizeof(int32_t));
  std::memcpy(vector.ids.data(), ids.data(), ids.size());
  vector.decoded = TakeChunk(rest);
  return vector;
}

std::string Spell(const Tokenizer& tokenizer, const std::vector<int32_t>& ids) {
  std::string text;
  for (const int32_t id : ids) text += std::to_string(id) + "[" + tokenizer.Piece(id) + "] ";
  return text;
}

class Vectors : public ::testing::TestWithParam<std::string> {};

TEST_P(Vectors, IdsAndTextAreEqual) {
  const fs::path folder = kFolder / GetParam();
  const std::string json = testing::ReadFile(folder / "tokenizer.json");
  const auto tokenizer = Tokenizer::Load(
      {reinterpret_cast<const uint8_t*>(json.data()), json.size()}, "tokenizer.json");
  ASSERT_TRUE(tokenizer) << tokenizer.error().ToString();
  const char* limit = std::getenv("ACCLLM_VECTOR_TEXTS");
  const size_t n_max = limit == nullptr ? SIZE_MAX : std::stoul(limit);
  const std::string bytes = testing::ReadFile(folder / "vectors.bin");
  std::string_view rest = bytes;
  size_t n = 0;
  size_t n_different = 0;
  for (; !rest.empty() && n < n_max; ++n) {
    const Vector vector = TakeVector(&rest);
    const std::vector<int32_t> ids = tokenizer->Encode(vector.text, vector.special);
    const std::string decoded = tokenizer->Decode(vector.ids);
    if (ids == vector.ids && decoded == vector.decoded) continue;
    if (++n_different > 10) continue;
    ADD_FAILURE() << "text " << n << ": " << ::testing::PrintToString(std::string(vector.text))
                  << "\n  ids:      " << Spell(*tokenizer, ids)
                  << "\n  expected: " << Spell(*tokenizer, vector.ids)
                  << "\n  decoded:  " << ::testing::PrintToString(decoded)
                  << "\n  expected: " << ::testing::PrintToString(std::string(vector.decoded));
  }
  RecordProperty("texts", static_cast<int>(n));
  std::cout << GetParam() << ": " << n << " texts, " << n_different << " different\n";
  EXPECT_EQ(n_different, 0U);
  EXPECT_GE(n, std::min<size_t>(n_max, 5000));
}

// The tokenizer.model that belongs to Llama-2's tokenizer.json. The merges there are ordered by the
// score of what they make, so the first merge that makes a piece stands for its score.
std::string SentencePieceOf(const std::string& json) {
  constexpr size_t kFirstNormal = 259;  // after <unk>, <s>, </s> and the bytes
  const auto model = nlohmann::json::parse(json)["model"];
  std::map<std::string, float> scores;
  float score = 0;
  for (const std::string merge : model["merges"]) {
    const size_t space = merge.find(' ');
    scores.emplace(merge.substr(0, space) + merge.substr(space + 1), score -= 1);
  }
  std::vector<std::string> texts(model["vocab"].size());
  for (const auto& [text, id] : model["vocab"].items()) texts.at(id) = text;
  std::string pieces;
  for (size_t id = 0; id < texts.size(); ++id) {
    const PieceType type = id == 0             ? PieceType::kUnknown
                           : id < 3            ? PieceType::kControl
                           : id < kFirstNormal ? PieceType::kByte
                                               : PieceType::kNormal;
    pieces += testing::PieceField(texts[id], scores.contains(texts[id]) ? scores[texts[id]] : -1e6F,
                                  type);
  }
  return pieces + testing::BytesField(2, testing::VarintField(3, 2) + testing::VarintField(35, 1)) +
         testing::BytesField(3, testing::VarintField(3, 1) + testing::VarintField(4, 0));
}

TEST(VectorsOfLlama2, BothKindsOfFileGiveTheSameIds) {
  const fs::path folder = kFolder / "llama2";
  if (!fs::exists(folder / "vectors.bin")) GTEST_SKIP() << "no vocabularies: run make tokenizers";
  const auto load = [](const std::string& bytes) {
    return Tokenizer::Load({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}, "t");
  };
  const std::string text = testing::ReadFile(folder / "tokenizer.json");
  const auto json = load(text);
  ASSERT_TRUE(json) << json.error().ToString();
  const auto model = load(SentencePieceOf(text));
  ASSERT_TRUE(model) << model.error().ToString();
  const std::string bytes = testing::ReadFile(folder / "vectors.bin");
  for (std::string_view rest = bytes; !rest.empty();) {
    const Vector vector = TakeVector(&rest);
    for (const auto special : {SpecialTokens::kAsText, SpecialTokens::kParse}) {
      ASSERT_EQ(model->Encode(vector.text, special), json->Encode(vector.text, special))
          << ::testing::PrintToString(std::string(vector.text));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Real, Vectors, ::testing::ValuesIn(Vocabularies()),
                         [](const auto& info) { return info.param; });
// Without a network there are no vectors.
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(Vectors);

}  // namespace
}  // namespace accllm
