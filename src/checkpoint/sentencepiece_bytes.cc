#include "checkpoint/sentencepiece_bytes.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <string_view>

#include "base/wire_reader.h"
#include "base/wire_writer.h"

namespace accllm {
namespace {

// Field numbers of sentencepiece_model.proto.
enum ModelField : uint32_t { kPieces = 1, kTrainer = 2, kNormalizer = 3 };
enum PieceField : uint32_t { kText = 1, kScore = 2, kType = 3 };
enum TrainerField : uint32_t { kModelType = 3, kByteFallback = 35, kUnkPiece = 45 };
enum NormalizerField : uint32_t {
  kName = 1,
  kCharsMap = 2,
  kAddDummyPrefix = 3,
  kRemoveExtraWhitespaces = 4,
};

constexpr uint64_t kBpe = 2;
constexpr size_t kMaxTokens = size_t{1} << 24;

class Parser {
 public:
  explicit Parser(const std::string& path) : path_(path) {}

  Result<SentencePieceVocabulary> Parse(std::span<const uint8_t> bytes) {
    vocabulary_.remove_extra_whitespaces = true;  // what the format's defaults are
    WireReader reader(bytes, path_);
    while (!reader.AtEnd()) {
      ACCLLM_ASSIGN_OR_RETURN(const WireField field, reader.Next());
      if (field.number == kPieces) ACCLLM_RETURN_IF_ERROR(ParsePiece(field.bytes));
      if (field.number == kTrainer) ACCLLM_RETURN_IF_ERROR(ParseTrainer(field.bytes));
      if (field.number == kNormalizer) ACCLLM_RETURN_IF_ERROR(ParseNormalizer(field.bytes));
    }
    if (model_type_ != kBpe) {
      return Fail(ErrorCode::kUnsupported,
                  fmt::format("{}: is a sentencepiece model of type {}", path_, model_type_),
                  "only BPE models have a counterpart in GGUF");
    }
    return std::move(vocabulary_);
  }

 private:
  Status ParsePiece(std::span<const uint8_t> message) {
    const std::string where = fmt::format("{}: piece {}", path_, vocabulary_.tokens.size());
    if (vocabulary_.tokens.size() >= kMaxTokens) {
      return Fail(ErrorCode::kCorrupt, fmt::format("{}: more than {} pieces", path_, kMaxTokens));
    }
    WireReader reader(message, where);
    VocabularyToken token;
    while (!reader.AtEnd()) {
      ACCLLM_ASSIGN_OR_RETURN(const WireField field, reader.Next());
      if (field.number == kText) token.text = field.text();
      if (field.number == kScore) {
        token.score = std::bit_cast<float>(static_cast<uint32_t>(field.value));
      }
      if (field.number == kType) token.type = static_cast<TokenType>(field.value);
    }
    if (token.type < TokenType::kNormal || token.type > TokenType::kByte ||
        !std::isfinite(token.score) || token.text.empty()) {
      return Fail(ErrorCode::kCorrupt, fmt::format("{} has no valid text, type and score", where),
                  "restore the file");
    }
    vocabulary_.tokens.push_back(std::move(token));
    return {};
  }

  Status ParseTrainer(std::span<const uint8_t> message) {
    WireReader reader(message, path_ + ": trainer");
    while (!reader.AtEnd()) {
      ACCLLM_ASSIGN_OR_RETURN(const WireField field, reader.Next());
      if (field.number == kModelType) model_type_ = field.value;
    }
    return {};
  }

  Status ParseNormalizer(std::span<const uint8_t> message) {
    WireReader reader(message, path_ + ": normalizer");
    while (!reader.AtEnd()) {
      ACCLLM_ASSIGN_OR_RETURN(const WireField field, reader.Next());
      if (field.number == kAddDummyPrefix) vocabulary_.add_space_prefix = field.value != 0;
      if (field.number == kRemoveExtraWhitespaces) {
        vocabulary_.remove_extra_whitespaces = field.value != 0;
      }
      if (field.number == kCharsMap && !field.bytes.empty()) {
        return Fail(
            ErrorCode::kUnsupported,
            fmt::format("{}: has normalisation rules, which a GGUF file cannot hold", path_),
            "only tokenizers that leave the text as it is can be written");
      }
    }
    return {};
  }

  const std::string& path_;
  uint64_t model_type_ = 1;
  SentencePieceVocabulary vocabulary_;
};

std::string PieceBytes(const VocabularyToken& token) {
  WireWriter piece;
  piece.AddBytes(kText, token.text);
  piece.AddFloat(kScore, token.score);
  piece.AddVarint(kType, static_cast<uint64_t>(token.type));
  return piece.message();
}

}  // namespace

std::string ToSentencePieceBytes(const SentencePieceVocabulary& vocabulary) {
  WireWriter model;
  WireWriter trainer;
  trainer.AddVarint(kModelType, kBpe);
  for (const VocabularyToken& token : vocabulary.tokens) {
    model.AddBytes(kPieces, PieceBytes(token));
    if (token.type == TokenType::kUnknown) trainer.AddBytes(kUnkPiece, token.text);
  }
  const bool has_bytes = std::ranges::find(vocabulary.tokens, TokenType::kByte,
                                           &VocabularyToken::type) != vocabulary.tokens.end();
  trainer.AddVarint(kByteFallback, has_bytes ? 1 : 0);
  WireWriter normalizer;
  normalizer.AddBytes(kName, "identity");
  normalizer.AddVarint(kAddDummyPrefix, vocabulary.add_space_prefix ? 1 : 0);
  normalizer.AddVarint(kRemoveExtraWhitespaces, vocabulary.remove_extra_whitespaces ? 1 : 0);
  model.AddBytes(kTrainer, trainer.message());
  model.AddBytes(kNormalizer, normalizer.message());
  return model.message();
}

Result<SentencePieceVocabulary> FromSentencePieceBytes(std::span<const uint8_t> bytes,
                                                       const std::string& path) {
  return Parser(path).Parse(bytes);
}

}  // namespace accllm
