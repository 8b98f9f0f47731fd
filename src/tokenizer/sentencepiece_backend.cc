#include "tokenizer/sentencepiece_backend.h"

#include <sentencepiece_processor.h>

#include <exception>
#include <optional>
#include <utility>

#include "tokenizer/added_tokens.h"
#include "tokenizer/bpe_model.h"
#include "tokenizer/sentencepiece_bpe.h"
#include "tokenizer/sentencepiece_decoder.h"
#include "tokenizer/sentencepiece_proto.h"

// Exported by the library, but declared in none of its installed headers.
namespace sentencepiece::logging {
void SetMinLogLevel(int level);
}

namespace accllm {
namespace {

constexpr int kLogNothing = 4;  // above INFO, WARNING, ERROR and FATAL
constexpr uint8_t kNewline = '\n';

class SentencePieceBackend final : public TokenizerBackend {
 public:
  SentencePieceBackend(SentencePieceModel model, AddedTokens special_tokens)
      : model_(std::move(model)), special_tokens_(std::move(special_tokens)), normalizer_(model_) {
    if (auto spec = MakeBpeSpec(model_)) bpe_.emplace(std::move(*spec));
    for (size_t id = 0; id < model_.pieces.size(); ++id) {
      const auto& piece = model_.pieces[id];
      if (piece.type == PieceType::kByte && piece.byte == kNewline) {
        newline_id_ = static_cast<int32_t>(id);
      }
    }
  }

  // Gives the library the model. Errors: kCorrupt, kOutOfMemory.
  Status LoadLibrary(const std::string& path);

  void Encode(std::string_view text, SpecialTokens special,
              std::vector<int32_t>* ids) const override;
  std::unique_ptr<PieceDecoder> NewDecoder() const override {
    return std::make_unique<SentencePieceDecoder>(model_);
  }
  std::string Piece(int32_t id) const override {
    return id < 0 || id >= vocab_size() ? "" : model_.pieces[static_cast<size_t>(id)].text;
  }
  int64_t vocab_size() const override { return static_cast<int64_t>(model_.pieces.size()); }
  int32_t bos_id() const override { return processor_.bos_id(); }
  int32_t eos_id() const override { return processor_.eos_id(); }
  int32_t unk_id() const override { return processor_.unk_id(); }
  int32_t newline_id() const override { return newline_id_; }
  bool adds_bos() const override { return true; }

 private:
  void EncodePlain(std::string_view text, std::vector<int32_t>* ids) const;

  SentencePieceModel model_;
  AddedTokens special_tokens_;
  SentencePieceNormalizer normalizer_;
  std::optional<BpeModel> bpe_;  // nothing: the library encodes
  sentencepiece::SentencePieceProcessor processor_;
  int32_t newline_id_ = -1;
  mutable ScratchPool scratches_;
};

Status SentencePieceBackend::LoadLibrary(const std::string& path) {
  sentencepiece::logging::SetMinLogLevel(kLogNothing);
  try {
    const auto status = processor_.LoadFromSerializedProto(model_.checked_proto);
    if (!status.ok()) {
      return Fail(ErrorCode::kCorrupt,
                  fmt::format("{}: sentencepiece: {}", path, status.error_message()));
    }
  } catch (const std::exception& e) {
    return Fail(ErrorCode::kOutOfMemory,
                fmt::format("{}: cannot load sentencepiece model: {}", path, e.what()));
  }
  std::string().swap(model_.checked_proto);
  return {};
}

void SentencePieceBackend::Encode(std::string_view text, SpecialTokens special,
                                  std::vector<int32_t>* ids) const {
  if (special == SpecialTokens::kAsText) return EncodePlain(text, ids);
  special_tokens_.Split(text, special, [&](const AddedTokens::Part& part) {
    if (part.id >= 0) {
      ids->push_back(part.id);
    } else {
      EncodePlain(text.substr(part.range.begin, part.range.end - part.range.begin), ids);
    }
  });
}

void SentencePieceBackend::EncodePlain(std::string_view text, std::vector<int32_t>* ids) const {
  if (bpe_) {
    const ScratchPool::Lease scratch(scratches_);
    bpe_->EncodeMarkedText(normalizer_.Normalize(text), scratch.get(), ids);
    return;
  }
  std::vector<int> new_ids;
  // A checked model leaves Encode no reason to fail; the status of a loaded processor is OK.
  (void)processor_.Encode(absl::string_view(text.data(), text.size()), &new_ids);
  ids->insert(ids->end(), new_ids.begin(), new_ids.end());
}

// The names that no text becomes by itself.
std::vector<AddedToken> SpecialTokensOf(const SentencePieceModel& model) {
  std::vector<AddedToken> tokens;
  for (size_t id = 0; id < model.pieces.size(); ++id) {
    const auto& piece = model.pieces[id];
    if (piece.type != PieceType::kControl && piece.type != PieceType::kUnknown) continue;
    AddedToken& token = tokens.emplace_back();
    token.content = piece.text;
    token.id = static_cast<int32_t>(id);
    token.is_special = true;
  }
  return tokens;
}

}  // namespace

Result<std::unique_ptr<const TokenizerBackend>> LoadSentencePiece(
    std::span<const uint8_t> model_bytes, const std::string& path) {
  ACCLLM_ASSIGN_OR_RETURN(SentencePieceModel model, ParseSentencePieceModel(model_bytes, path));
  ACCLLM_ASSIGN_OR_RETURN(AddedTokens special_tokens, AddedTokens::Make(SpecialTokensOf(model)));
  auto backend =
      std::make_unique<SentencePieceBackend>(std::move(model), std::move(special_tokens));
  ACCLLM_RETURN_IF_ERROR(backend->LoadLibrary(path));
  return backend;
}

}  // namespace accllm
