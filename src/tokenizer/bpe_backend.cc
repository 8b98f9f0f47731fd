#include "tokenizer/bpe_backend.h"

#include <utility>

#include "tokenizer/tokenizer_json.h"
#include "tokenizer/utf8.h"

namespace accllm {
namespace {

class BpeBackend final : public TokenizerBackend {
 public:
  BpeBackend(TokenizerSpec spec, AddedTokens raw_tokens, AddedTokens normalized_tokens);

  void Encode(std::string_view text, SpecialTokens special,
              std::vector<int32_t>* ids) const override;
  std::unique_ptr<PieceDecoder> NewDecoder() const override {
    return std::make_unique<BpeDecoder>(decoder_);
  }
  std::string Piece(int32_t id) const override {
    return id < 0 || id >= vocab_size() ? "" : pieces_[static_cast<size_t>(id)];
  }
  int64_t vocab_size() const override { return static_cast<int64_t>(pieces_.size()); }
  int32_t bos_id() const override { return bos_id_; }
  int32_t eos_id() const override { return eos_id_; }
  int32_t unk_id() const override { return unk_id_; }
  int32_t newline_id() const override { return newline_id_; }
  bool adds_bos() const override { return adds_bos_; }

 private:
  void EncodePlain(std::string_view text, bool is_first, SpecialTokens special,
                   BpeModel::Scratch* scratch, std::vector<int32_t>* ids) const;

  std::vector<std::string> pieces_;
  TextNormalizer normalizer_;
  TextSplitter splitter_;
  DecoderRules decoder_;
  int32_t bos_id_;
  int32_t eos_id_;
  int32_t unk_id_;
  bool adds_bos_;
  BpeModel model_;
  AddedTokens raw_tokens_;         // sought in the text as it is
  AddedTokens normalized_tokens_;  // sought in the normalised text
  int32_t newline_id_ = -1;
  mutable ScratchPool scratches_;
};

BpeBackend::BpeBackend(TokenizerSpec spec, AddedTokens raw_tokens, AddedTokens normalized_tokens)
    : pieces_(std::move(spec.pieces)),
      normalizer_(std::move(spec.normalizer)),
      splitter_(std::move(spec.splitter)),
      decoder_(std::move(spec.decoder)),
      bos_id_(spec.bos_id),
      eos_id_(spec.eos_id),
      unk_id_(spec.bpe.unk_id),
      adds_bos_(spec.adds_bos),
      model_(std::move(spec.bpe)),
      raw_tokens_(std::move(raw_tokens)),
      normalized_tokens_(std::move(normalized_tokens)) {
  BpeModel::Scratch scratch;
  std::vector<int32_t> ids;
  model_.EncodeWord("\n", &scratch, &ids);
  if (ids.size() == 1 && ids[0] != unk_id_) newline_id_ = ids[0];
}

void BpeBackend::Encode(std::string_view text, SpecialTokens special,
                        std::vector<int32_t>* ids) const {
  std::string repaired;
  text = RepairUtf8(text, &repaired);
  const ScratchPool::Lease scratch(scratches_);
  raw_tokens_.Split(text, special, [&](const AddedTokens::Part& part) {
    if (part.id >= 0) {
      ids->push_back(part.id);
    } else {
      EncodePlain(text.substr(part.range.begin, part.range.end - part.range.begin),
                  part.range.begin == 0, special, scratch.get(), ids);
    }
  });
}

void BpeBackend::EncodePlain(std::string_view text, bool is_first, SpecialTokens special,
                             BpeModel::Scratch* scratch, std::vector<int32_t>* ids) const {
  std::string normalized;
  text = normalizer_.Apply(text, &normalized);
  normalized_tokens_.Split(text, special, [&](const AddedTokens::Part& part) {
    if (part.id >= 0) {
      ids->push_back(part.id);
      return;
    }
    splitter_.Split(text.substr(part.range.begin, part.range.end - part.range.begin),
                    is_first && part.range.begin == 0,
                    [&](std::string_view word) { model_.EncodeMarkedText(word, scratch, ids); });
  });
}

}  // namespace

Result<std::unique_ptr<const TokenizerBackend>> LoadTokenizerJson(std::string_view text,
                                                                  const std::string& path) {
  ACCLLM_ASSIGN_OR_RETURN(TokenizerSpec spec, ParseTokenizerJson(text, path));
  std::vector<AddedToken> raw;
  std::vector<AddedToken> normalized;
  for (AddedToken& token : spec.added_tokens) {
    if (!token.is_normalized) {
      raw.push_back(std::move(token));
      continue;
    }
    std::string storage;
    std::string content(spec.normalizer.Apply(token.content, &storage));
    token.content = std::move(content);
    if (!token.content.empty()) normalized.push_back(std::move(token));
  }
  ACCLLM_ASSIGN_OR_RETURN(AddedTokens raw_tokens, AddedTokens::Make(std::move(raw)));
  ACCLLM_ASSIGN_OR_RETURN(AddedTokens normalized_tokens, AddedTokens::Make(std::move(normalized)));
  return std::make_unique<BpeBackend>(std::move(spec), std::move(raw_tokens),
                                      std::move(normalized_tokens));
}

}  // namespace accllm
