#include "tokenizer/sentencepiece_bpe.h"

#include <algorithm>
#include <functional>
#include <vector>

#include "tokenizer/utf8.h"

namespace accllm {
namespace {

// Bound the number of ways to cut pieces in two.
constexpr size_t kMaxShortPieceBytes = 256;
constexpr size_t kMaxMerges = size_t{1} << 23;

bool IsOneCharacter(std::string_view text) { return Utf8Length(text[0]) == text.size(); }

bool IsSupported(const SentencePieceModel& model) {
  return model.is_bpe && model.escape_whitespaces &&
         std::ranges::all_of(model.pieces, [](const SentencePieceModel::Piece& piece) {
           switch (piece.type) {
             case PieceType::kNormal:
               return piece.text.size() <= kMaxShortPieceBytes;
             case PieceType::kUnknown:
             case PieceType::kControl:
               return !IsOneCharacter(piece.text);
             case PieceType::kByte:
               return true;
             default:
               return false;
           }
         });
}

class SpecBuilder {
 public:
  explicit SpecBuilder(const SentencePieceModel& model) : model_(model) {}

  std::optional<BpeSpec> Build();

 private:
  void AddIds();
  void AddHiddenCharacters();
  void AddMerges(const SentencePieceModel::Piece& piece, int32_t id);
  int32_t RankOf(float score) const;
  int32_t SymbolOf(std::string_view text) const;

  const SentencePieceModel& model_;
  BpeSpec spec_;
  StringIds hidden_;
  std::vector<float> scores_;  // the best first
};

void SpecBuilder::AddIds() {
  spec_.n_ids = static_cast<int32_t>(model_.pieces.size());
  spec_.fuse_unk = true;
  for (int32_t id = 0; id < spec_.n_ids; ++id) {
    const auto& piece = model_.pieces[static_cast<size_t>(id)];
    if (piece.type == PieceType::kNormal) {
      spec_.ids.emplace(piece.text, id);
      scores_.push_back(piece.score);
    } else if (piece.type == PieceType::kByte) {
      spec_.fallback_ids[piece.byte] = id;
    } else if (piece.type == PieceType::kUnknown) {
      spec_.unk_id = id;
    }
  }
  std::ranges::sort(scores_, std::greater());
  scores_.erase(std::unique(scores_.begin(), scores_.end()), scores_.end());
}

// Characters that only occur inside of pieces.
void SpecBuilder::AddHiddenCharacters() {
  for (const auto& piece : model_.pieces) {
    if (piece.type != PieceType::kNormal) continue;
    for (std::string_view rest = piece.text; !rest.empty();) {
      const std::string_view character = rest.substr(0, Utf8Length(rest[0]));
      rest.remove_prefix(character.size());
      if (spec_.ids.contains(character) || hidden_.contains(character)) continue;
      hidden_.emplace(character, spec_.n_ids + static_cast<int32_t>(spec_.hidden_chars.size()));
      spec_.hidden_chars.emplace_back(character);
    }
  }
}

int32_t SpecBuilder::RankOf(float score) const {
  const auto it = std::ranges::lower_bound(scores_, score, std::greater());
  return static_cast<int32_t>(it - scores_.begin());
}

int32_t SpecBuilder::SymbolOf(std::string_view text) const {
  if (const auto it = spec_.ids.find(text); it != spec_.ids.end()) return it->second;
  const auto it = hidden_.find(text);
  return it == hidden_.end() ? -1 : it->second;
}

// The library joins any two neighbours whose texts together are a piece.
void SpecBuilder::AddMerges(const SentencePieceModel::Piece& piece, int32_t id) {
  const std::string_view text = piece.text;
  const int32_t rank = RankOf(piece.score);
  for (size_t at = Utf8Length(text[0]); at < text.size(); at += Utf8Length(text[at])) {
    const int32_t left = SymbolOf(text.substr(0, at));
    const int32_t right = SymbolOf(text.substr(at));
    if (left >= 0 && right >= 0) spec_.merges.push_back({left, right, rank, id});
  }
}

std::optional<BpeSpec> SpecBuilder::Build() {
  if (!IsSupported(model_)) return std::nullopt;
  AddIds();
  AddHiddenCharacters();
  for (int32_t id = 0; id < spec_.n_ids; ++id) {
    const auto& piece = model_.pieces[static_cast<size_t>(id)];
    if (piece.type == PieceType::kNormal) AddMerges(piece, id);
    if (spec_.merges.size() > kMaxMerges) return std::nullopt;
  }
  return std::move(spec_);
}

}  // namespace

std::optional<BpeSpec> MakeBpeSpec(const SentencePieceModel& model) {
  return SpecBuilder(model).Build();
}

SentencePieceNormalizer::Step SentencePieceNormalizer::FirstStep(std::string_view text) const {
  const CharsMap::Match match = map_.Longest(text);
  if (match.length > 0) return {match.length, match.replacement};
  const Utf8Step step = FirstCodePoint(text);
  if (step.state == Utf8State::kComplete) return {step.length, text.substr(0, step.length)};
  return {1, kReplacementCharacter};
}

std::string SentencePieceNormalizer::Normalize(std::string_view text) const {
  while (squeezes_spaces_ && !text.empty()) {
    const Step step = FirstStep(text);
    if (step.output != " ") break;
    text.remove_prefix(step.length);
  }
  std::string result;
  if (text.empty()) return result;
  result.reserve(text.size() + text.size() / 2 + kSpaceMark.size());
  if (adds_prefix_) result += kSpaceMark;
  bool follows_space = squeezes_spaces_;
  while (!text.empty()) {
    const Step step = FirstStep(text);
    text.remove_prefix(step.length);
    std::string_view output = step.output;
    while (follows_space && output.starts_with(' ')) output.remove_prefix(1);
    for (const char c : output) {
      if (c == ' ') {
        result += kSpaceMark;
      } else {
        result += c;
      }
    }
    if (!output.empty()) follows_space = squeezes_spaces_ && output.ends_with(' ');
  }
  while (squeezes_spaces_ && result.ends_with(kSpaceMark)) {
    result.resize(result.size() - kSpaceMark.size());
  }
  return result;
}

}  // namespace accllm
