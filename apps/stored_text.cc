#include "stored_text.h"

#include "tokenizer_source.h"

namespace accllm::cli {

Status CheckTokenizer(const Tokenizer& tokenizer, const ModelConfig& config,
                      const std::string& path) {
  if (tokenizer.vocab_size() <= config.vocab_size) return {};
  return Fail(ErrorCode::kCorrupt,
              fmt::format("{}: has {} pieces, the model only {}", path, tokenizer.vocab_size(),
                          config.vocab_size),
              "use the tokenizer that the model was trained with");
}

Result<StoredText> ReadStoredText(const PackedMetadata& metadata,
                                  std::span<const uint8_t> tokenizer, const std::string& path) {
  StoredText text;
  ACCLLM_ASSIGN_OR_RETURN(const std::optional<bool> add_bos_token,
                          ReadAddBosToken(metadata.provenance_json, path + ": provenance"));
  ACCLLM_ASSIGN_OR_RETURN(text.settings,
                          TextSettings::FromJson(metadata.text_json, path + ": text"));
  if (!tokenizer.empty()) {
    const std::string where = path + ": tokenizer";
    ACCLLM_ASSIGN_OR_RETURN(Tokenizer loaded, Tokenizer::Load(tokenizer, where));
    ACCLLM_RETURN_IF_ERROR(CheckTokenizer(loaded, metadata.config, where));
    text.tokenizer.emplace(std::move(loaded));
  }
  text.add_bos_token = add_bos_token.value_or(!text.tokenizer || text.tokenizer->adds_bos());
  return text;
}

}  // namespace accllm::cli
