#include "tokenizer/sentencepiece_proto.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <optional>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "tokenizer/byte_piece.h"
#include "tokenizer/chars_map.h"
#include "tokenizer/utf8.h"
#include "tokenizer/wire_reader.h"

namespace accllm {
namespace {

constexpr size_t kMaxModelBytes = size_t{64} << 20;
constexpr size_t kMaxPieces = size_t{1} << 20;
constexpr size_t kMaxPieceBytes = 4096;
// Larger sums of scores lose the order that they are there for.
constexpr float kMaxScore = 1e9F;
// sentencepiece collects user-defined prefixes of a text in an array of 64 without checking its
// end.
constexpr size_t kMaxNestedSymbols = 64;

// Field numbers of sentencepiece_model.proto.
enum ModelField : uint32_t { kPieces = 1, kTrainer = 2, kNormalizer = 3, kDenormalizer = 5 };
enum PieceField : uint32_t { kText = 1, kScore = 2, kType = 3 };
enum TrainerField : uint32_t {
  kModelType = 3,
  kWhitespaceAsSuffix = 24,
  kByteFallback = 35,
  kUnkSurface = 44,
};
enum NormalizerField : uint32_t {
  kCharsMap = 2,
  kAddDummyPrefix = 3,
  kRemoveExtraWhitespaces = 4,
  kEscapeWhitespaces = 5,
};

constexpr uint64_t kUnigram = 1;
constexpr uint64_t kBpe = 2;

tl::unexpected<Error> Corrupt(const std::string& where, std::string_view what) {
  return Fail(ErrorCode::kCorrupt, fmt::format("{}: {}", where, what), "restore the file");
}

class ModelParser {
 public:
  explicit ModelParser(const std::string& path) : path_(path) {}

  Result<SentencePieceModel> Parse(std::span<const uint8_t> bytes);

 private:
  Status ParseMessage(const WireField& field);
  Status ParsePiece(std::span<const uint8_t> message);
  Status ParseTrainer(std::span<const uint8_t> message);
  Status ParseNormalizer(std::span<const uint8_t> message);
  Status ParseDenormalizer(std::span<const uint8_t> message) const;
  Status CheckPiece(const SentencePieceModel::Piece& piece, const std::string& where) const;
  Status CheckPieces();
  Status CheckByteFallback() const;
  Status CheckNestedSymbols() const;

  const std::string& path_;
  SentencePieceModel model_;
};

Result<SentencePieceModel> ModelParser::Parse(std::span<const uint8_t> bytes) {
  if (bytes.size() > kMaxModelBytes) return Corrupt(path_, "larger than 64 MiB");
  WireReader reader(bytes, path_);
  while (!reader.AtEnd()) {
    ACCLLM_ASSIGN_OR_RETURN(const WireField field, reader.Next());
    const bool is_known =
        (field.number >= kPieces && field.number <= kNormalizer) || field.number == kDenormalizer;
    if (!is_known) continue;
    ACCLLM_RETURN_IF_ERROR(reader.Expect(field, WireType::kBytes, "a part of the model"));
    ACCLLM_RETURN_IF_ERROR(ParseMessage(field));
  }
  ACCLLM_RETURN_IF_ERROR(CheckPieces());
  ACCLLM_RETURN_IF_ERROR(CheckByteFallback());
  ACCLLM_RETURN_IF_ERROR(CheckNestedSymbols());
  return std::move(model_);
}

// Checks one top-level message and copies it for the library.
Status ModelParser::ParseMessage(const WireField& field) {
  switch (field.number) {
    case kPieces:
      ACCLLM_RETURN_IF_ERROR(ParsePiece(field.bytes));
      break;
    case kTrainer:
      ACCLLM_RETURN_IF_ERROR(ParseTrainer(field.bytes));
      break;
    case kNormalizer:
      ACCLLM_RETURN_IF_ERROR(ParseNormalizer(field.bytes));
      break;
    default:
      return ParseDenormalizer(field.bytes);
  }
  model_.checked_proto.push_back(
      static_cast<char>(field.number << 3 | static_cast<uint32_t>(WireType::kBytes)));
  size_t size = field.bytes.size();
  for (; size >= 0x80; size >>= 7) {
    model_.checked_proto.push_back(static_cast<char>(0x80 | (size & 0x7F)));
  }
  model_.checked_proto.push_back(static_cast<char>(size));
  model_.checked_proto += field.text();
  return {};
}

Status ModelParser::ParsePiece(std::span<const uint8_t> message) {
  if (model_.pieces.size() == kMaxPieces) {
    return Corrupt(path_, fmt::format("more than {} pieces", kMaxPieces));
  }
  WireReader reader(message, fmt::format("{}: piece {}", path_, model_.pieces.size()));
  SentencePieceModel::Piece piece;
  while (!reader.AtEnd()) {
    ACCLLM_ASSIGN_OR_RETURN(const WireField field, reader.Next());
    if (field.number == kText) {
      ACCLLM_RETURN_IF_ERROR(reader.Expect(field, WireType::kBytes, "its text"));
      piece.text = field.text();
    } else if (field.number == kScore) {
      ACCLLM_RETURN_IF_ERROR(reader.Expect(field, WireType::kFixed32, "its score"));
      const float score = std::bit_cast<float>(static_cast<uint32_t>(field.value));
      if (!(std::fabs(score) <= kMaxScore)) {
        return Corrupt(reader.where(), fmt::format("score {} is out of range", score));
      }
      piece.score = score;
    } else if (field.number == kType) {
      ACCLLM_RETURN_IF_ERROR(reader.Expect(field, WireType::kVarint, "its type"));
      if (field.value < 1 || field.value > 6) {
        return Corrupt(reader.where(), fmt::format("unknown type {}", field.value));
      }
      piece.type = static_cast<PieceType>(field.value);
    }
  }
  ACCLLM_RETURN_IF_ERROR(CheckPiece(piece, reader.where()));
  if (piece.type == PieceType::kByte) piece.byte = *ByteOfPiece(piece.text);
  model_.pieces.push_back(std::move(piece));
  return {};
}

Status ModelParser::CheckPiece(const SentencePieceModel::Piece& piece,
                               const std::string& where) const {
  if (piece.text.empty()) return Corrupt(where, "its text is empty");
  if (piece.text.size() > kMaxPieceBytes) return Corrupt(where, "longer than 4096 bytes");
  if (!IsValidUtf8(piece.text)) return Corrupt(where, "its text is not UTF-8");
  if (piece.text.find('\0') != std::string::npos) return Corrupt(where, "its text contains NUL");
  if (piece.type == PieceType::kByte && !ByteOfPiece(piece.text)) {
    return Corrupt(where, fmt::format("'{}' is not the name of a byte", piece.text));
  }
  return {};
}

Status ModelParser::ParseTrainer(std::span<const uint8_t> message) {
  WireReader reader(message, fmt::format("{}: trainer_spec", path_));
  while (!reader.AtEnd()) {
    ACCLLM_ASSIGN_OR_RETURN(const WireField field, reader.Next());
    if (field.number == kModelType) {
      ACCLLM_RETURN_IF_ERROR(reader.Expect(field, WireType::kVarint, "model_type"));
      if (field.value != kUnigram && field.value != kBpe) {
        constexpr std::string_view kNames[] = {"", "", "", " (word)", " (char)"};
        return Fail(ErrorCode::kUnsupported,
                    fmt::format("{}: model_type is {}{}", reader.where(), field.value,
                                field.value < std::size(kNames) ? kNames[field.value] : ""),
                    "only 1 (unigram) and 2 (bpe) are supported");
      }
      model_.is_bpe = field.value == kBpe;
    } else if (field.number == kWhitespaceAsSuffix) {
      ACCLLM_RETURN_IF_ERROR(reader.Expect(field, WireType::kVarint, "treat_whitespace_as_suffix"));
      if (field.value != 0) {
        return Fail(ErrorCode::kUnsupported,
                    fmt::format("{}: treat_whitespace_as_suffix is true", reader.where()),
                    "only false is supported");
      }
    } else if (field.number == kByteFallback) {
      ACCLLM_RETURN_IF_ERROR(reader.Expect(field, WireType::kVarint, "byte_fallback"));
      model_.byte_fallback = field.value != 0;
    } else if (field.number == kUnkSurface) {
      ACCLLM_RETURN_IF_ERROR(reader.Expect(field, WireType::kBytes, "unk_surface"));
      // The library reads it as a C string.
      model_.unk_surface = field.text().substr(0, field.text().find('\0'));
      if (!IsValidUtf8(model_.unk_surface)) {
        return Corrupt(reader.where(), "unk_surface is not UTF-8");
      }
    }
  }
  return {};
}

Status ModelParser::ParseNormalizer(std::span<const uint8_t> message) {
  WireReader reader(message, fmt::format("{}: normalizer_spec", path_));
  while (!reader.AtEnd()) {
    ACCLLM_ASSIGN_OR_RETURN(const WireField field, reader.Next());
    if (field.number == kCharsMap) {
      ACCLLM_RETURN_IF_ERROR(reader.Expect(field, WireType::kBytes, "precompiled_charsmap"));
      if (!field.bytes.empty()) {
        ACCLLM_RETURN_IF_ERROR(CheckCharsMap(field.bytes, reader.where()));
      }
      model_.chars_map = field.text();
    } else if (field.number == kAddDummyPrefix) {
      ACCLLM_RETURN_IF_ERROR(reader.Expect(field, WireType::kVarint, "add_dummy_prefix"));
      model_.add_dummy_prefix = field.value != 0;
    } else if (field.number == kRemoveExtraWhitespaces) {
      ACCLLM_RETURN_IF_ERROR(reader.Expect(field, WireType::kVarint, "remove_extra_whitespaces"));
      model_.remove_extra_whitespaces = field.value != 0;
    } else if (field.number == kEscapeWhitespaces) {
      ACCLLM_RETURN_IF_ERROR(reader.Expect(field, WireType::kVarint, "escape_whitespaces"));
      model_.escape_whitespaces = field.value != 0;
    }
  }
  return {};
}

// Text is decoded piece by piece, so rules that rewrite whole texts cannot be applied.
Status ModelParser::ParseDenormalizer(std::span<const uint8_t> message) const {
  WireReader reader(message, fmt::format("{}: denormalizer_spec", path_));
  while (!reader.AtEnd()) {
    ACCLLM_ASSIGN_OR_RETURN(const WireField field, reader.Next());
    if (field.number == kCharsMap && !field.bytes.empty()) {
      return Fail(ErrorCode::kUnsupported,
                  fmt::format("{}: denormalisation rules are not supported", reader.where()),
                  "export the tokenizer without them");
    }
  }
  return {};
}

Status ModelParser::CheckPieces() {
  std::unordered_set<std::string_view> texts;
  size_t n_unknown = 0;
  for (size_t id = 0; id < model_.pieces.size(); ++id) {
    const auto& piece = model_.pieces[id];
    if (!texts.insert(piece.text).second) {
      return Corrupt(path_, fmt::format("piece {}: '{}' appears twice", id, piece.text));
    }
    if (piece.type == PieceType::kUnknown) ++n_unknown;
  }
  if (n_unknown != 1) {
    return Corrupt(path_, fmt::format("{} unknown pieces, there must be one", n_unknown));
  }
  return {};
}

Status ModelParser::CheckByteFallback() const {
  // Texts are unique and name their byte, so 256 of them are all bytes.
  const auto n_bytes =
      std::ranges::count(model_.pieces, PieceType::kByte, &SentencePieceModel::Piece::type);
  const int64_t expected = model_.byte_fallback ? 256 : 0;
  if (n_bytes != expected) {
    return Corrupt(path_, fmt::format("{} byte pieces, byte_fallback {} calls for {}", n_bytes,
                                      model_.byte_fallback, expected));
  }
  return {};
}

Status ModelParser::CheckNestedSymbols() const {
  std::vector<std::string_view> symbols;
  for (const auto& piece : model_.pieces) {
    if (piece.type == PieceType::kUserDefined) symbols.push_back(piece.text);
  }
  std::ranges::sort(symbols);  // a prefix stands before what it starts
  std::vector<std::string_view> prefixes;
  for (const std::string_view symbol : symbols) {
    while (!prefixes.empty() && !symbol.starts_with(prefixes.back())) prefixes.pop_back();
    prefixes.push_back(symbol);
    if (prefixes.size() > kMaxNestedSymbols) {
      return Corrupt(path_, "more than 64 user-defined symbols start with one another");
    }
  }
  return {};
}

}  // namespace

Result<SentencePieceModel> ParseSentencePieceModel(std::span<const uint8_t> bytes,
                                                   const std::string& path) {
  return ModelParser(path).Parse(bytes);
}

}  // namespace accllm
