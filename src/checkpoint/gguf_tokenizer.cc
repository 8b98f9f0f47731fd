#include "checkpoint/gguf_tokenizer.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "checkpoint/byte_cursor.h"
#include "checkpoint/pre_tokenizers.h"
#include "checkpoint/sentencepiece_bytes.h"
#include "checkpoint/tokenizer_json.h"
#include "checkpoint/vocabulary.h"

namespace accllm {
namespace {

constexpr char kModel[] = "tokenizer.ggml.model";
constexpr char kPre[] = "tokenizer.ggml.pre";
constexpr char kTokens[] = "tokenizer.ggml.tokens";
constexpr char kScores[] = "tokenizer.ggml.scores";
constexpr char kTokenTypes[] = "tokenizer.ggml.token_type";
constexpr char kMerges[] = "tokenizer.ggml.merges";
constexpr char kBosId[] = "tokenizer.ggml.bos_token_id";
constexpr char kEosId[] = "tokenizer.ggml.eos_token_id";
constexpr char kUnkId[] = "tokenizer.ggml.unknown_token_id";
constexpr char kAddBos[] = "tokenizer.ggml.add_bos_token";
constexpr char kAddEos[] = "tokenizer.ggml.add_eos_token";
constexpr char kAddSpacePrefix[] = "tokenizer.ggml.add_space_prefix";
constexpr char kRemoveExtraWhitespacesKey[] = "tokenizer.ggml.remove_extra_whitespaces";
constexpr char kChatTemplate[] = "tokenizer.chat_template";

// Tokens that end a turn or a message end the text too.
constexpr const char* kEosKeys[] = {kEosId, "tokenizer.ggml.eot_token_id",
                                    "tokenizer.ggml.eom_token_id"};

constexpr std::string_view kSentencePiece = "llama";
constexpr std::string_view kByteLevelBpe = "gpt2";
constexpr std::string_view kSpaceMark = "\xE2\x96\x81";

Result<bool> BoolOr(const GgufMetadata& metadata, std::string_view key, bool fallback) {
  if (!metadata.Has(key)) return fallback;
  return metadata.Bool(key);
}

tl::unexpected<Error> WrongCount(const GgufMetadata& metadata, std::string_view key, size_t count,
                                 size_t expected) {
  return Fail(
      ErrorCode::kCorrupt,
      fmt::format("{} has {} elements, there are {} tokens", metadata.Where(key), count, expected),
      "fetch the file again");
}

std::string Replaced(std::string text, std::string_view from, std::string_view to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
  return text;
}

Result<std::vector<VocabularyToken>> ReadTokens(const GgufMetadata& metadata, int64_t n_tokens) {
  ACCLLM_ASSIGN_OR_RETURN(const std::vector<std::string_view> texts, metadata.Strings(kTokens));
  if (static_cast<int64_t>(texts.size()) > n_tokens) {
    return Fail(ErrorCode::kCorrupt,
                fmt::format("{} has {} elements, the model's vocabulary only {}",
                            metadata.Where(kTokens), texts.size(), n_tokens),
                "fetch the file again");
  }
  std::vector<int64_t> types(texts.size(), static_cast<int64_t>(TokenType::kNormal));
  if (metadata.Has(kTokenTypes)) {
    const IntRange range = {static_cast<int64_t>(TokenType::kNormal),
                            static_cast<int64_t>(TokenType::kByte)};
    ACCLLM_ASSIGN_OR_RETURN(types, metadata.Ints(kTokenTypes, range));
  }
  std::vector<float> scores(texts.size());
  if (metadata.Has(kScores)) {
    ACCLLM_ASSIGN_OR_RETURN(scores, metadata.Floats(kScores));
  }
  if (types.size() != texts.size())
    return WrongCount(metadata, kTokenTypes, types.size(), texts.size());
  if (scores.size() != texts.size()) {
    return WrongCount(metadata, kScores, scores.size(), texts.size());
  }
  std::vector<VocabularyToken> tokens;
  tokens.reserve(texts.size());
  for (size_t i = 0; i < texts.size(); ++i) {
    tokens.push_back({std::string(texts[i]), static_cast<TokenType>(types[i]), scores[i]});
  }
  return tokens;
}

Result<std::string> ReadSentencePiece(const GgufMetadata& metadata, int64_t n_tokens) {
  SentencePieceVocabulary vocabulary;
  ACCLLM_ASSIGN_OR_RETURN(vocabulary.tokens, ReadTokens(metadata, n_tokens));
  // GGUF spells the spaces of user-defined tokens as they are in a text.
  for (VocabularyToken& token : vocabulary.tokens) {
    if (token.type != TokenType::kUserDefined) continue;
    token.text = Replaced(std::move(token.text), " ", kSpaceMark);
  }
  ACCLLM_ASSIGN_OR_RETURN(vocabulary.add_space_prefix, BoolOr(metadata, kAddSpacePrefix, true));
  ACCLLM_ASSIGN_OR_RETURN(vocabulary.remove_extra_whitespaces,
                          BoolOr(metadata, kRemoveExtraWhitespacesKey, false));
  return ToSentencePieceBytes(vocabulary);
}

Result<const PreTokenizer*> ReadPre(const GgufMetadata& metadata) {
  std::string name = "default";
  if (metadata.Has(kPre)) {
    ACCLLM_ASSIGN_OR_RETURN(name, metadata.String(kPre));
  }
  return FindPreTokenizer(name, metadata.Where(kPre));
}

Result<std::string> ReadBpe(const GgufMetadata& metadata, const PreTokenizer& pre,
                            int64_t n_tokens) {
  BpeVocabulary vocabulary;
  vocabulary.pre = &pre;
  ACCLLM_ASSIGN_OR_RETURN(vocabulary.tokens, ReadTokens(metadata, n_tokens));
  ACCLLM_ASSIGN_OR_RETURN(const std::vector<std::string_view> merges, metadata.Strings(kMerges));
  vocabulary.merges.assign(merges.begin(), merges.end());
  return ToTokenizerJson(vocabulary, metadata.path() + ": tokenizer");
}

void AddTokens(std::vector<VocabularyToken> tokens, bool with_scores,
               GgufMetadataWriter* metadata) {
  std::vector<std::string> texts;
  std::vector<float> scores;
  std::vector<int32_t> types;
  for (VocabularyToken& token : tokens) {
    scores.push_back(token.score);
    types.push_back(static_cast<int32_t>(token.type));
    texts.push_back(std::move(token.text));
  }
  metadata->AddStrings(kTokens, texts);
  if (with_scores) metadata->AddFloats(kScores, scores);
  metadata->AddInts(kTokenTypes, types);
}

// Both return whether texts start with BOS where the checkpoint doesn't say.
Result<bool> AddSentencePiece(const CheckpointTokenizer& tokenizer, int64_t n_tokens,
                              GgufMetadataWriter* metadata) {
  ACCLLM_ASSIGN_OR_RETURN(SentencePieceVocabulary vocabulary,
                          FromSentencePieceBytes(AsBytes(tokenizer.bytes), tokenizer.name));
  std::vector<VocabularyToken>& tokens = vocabulary.tokens;
  if (static_cast<int64_t>(tokens.size()) > n_tokens) {
    return Fail(ErrorCode::kCorrupt,
                fmt::format("{}: has {} pieces, the model only {}", tokenizer.name, tokens.size(),
                            n_tokens),
                "use the tokenizer that the model was trained with");
  }
  for (auto id = static_cast<int64_t>(tokens.size()); id < n_tokens; ++id) {
    tokens.push_back(PaddingToken(id));
  }
  const auto unknown = std::ranges::find(tokens, TokenType::kUnknown, &VocabularyToken::type);
  for (VocabularyToken& token : tokens) {
    if (token.type != TokenType::kUserDefined) continue;
    token.text = Replaced(std::move(token.text), kSpaceMark, " ");
  }
  metadata->AddString(kModel, kSentencePiece);
  metadata->AddString(kPre, "default");
  metadata->AddBool(kAddSpacePrefix, vocabulary.add_space_prefix);
  metadata->AddBool(kRemoveExtraWhitespacesKey, vocabulary.remove_extra_whitespaces);
  if (unknown != tokens.end()) metadata->AddUint32(kUnkId, unknown - tokens.begin());
  AddTokens(std::move(tokens), true, metadata);
  return true;
}

Result<bool> AddBpe(const CheckpointTokenizer& tokenizer, int64_t n_tokens,
                    GgufMetadataWriter* metadata) {
  ACCLLM_ASSIGN_OR_RETURN(TokenizerJson json,
                          FromTokenizerJson(tokenizer.bytes, tokenizer.name, n_tokens));
  metadata->AddString(kModel, kByteLevelBpe);
  metadata->AddString(kPre, json.vocabulary.pre->name);
  metadata->AddStrings(kMerges, json.vocabulary.merges);
  AddTokens(std::move(json.vocabulary.tokens), false, metadata);
  return json.adds_bos;
}

}  // namespace

Result<CheckpointTokenizer> ReadGgufTokenizer(const GgufMetadata& metadata, int64_t n_tokens) {
  CheckpointTokenizer tokenizer;
  tokenizer.name = metadata.path() + ": tokenizer";
  if (metadata.Has(kChatTemplate)) {
    ACCLLM_ASSIGN_OR_RETURN(tokenizer.chat_template, metadata.String(kChatTemplate));
  }
  if (!metadata.Has(kModel)) return tokenizer;
  ACCLLM_ASSIGN_OR_RETURN(const std::string model, metadata.String(kModel));
  bool adds_bos = true;
  if (model == kSentencePiece) {
    ACCLLM_ASSIGN_OR_RETURN(tokenizer.bytes, ReadSentencePiece(metadata, n_tokens));
  } else if (model == kByteLevelBpe) {
    ACCLLM_ASSIGN_OR_RETURN(const PreTokenizer* pre, ReadPre(metadata));
    adds_bos = pre->adds_bos;
    ACCLLM_ASSIGN_OR_RETURN(tokenizer.bytes, ReadBpe(metadata, *pre, n_tokens));
  } else if (model != "no_vocab" && model != "none") {
    return Fail(ErrorCode::kUnsupported, fmt::format("{} is '{}'", metadata.Where(kModel), model),
                "only llama (sentencepiece BPE) and gpt2 (byte-level BPE) are supported");
  }
  ACCLLM_ASSIGN_OR_RETURN(tokenizer.add_bos_token, BoolOr(metadata, kAddBos, adds_bos));
  return tokenizer;
}

Result<GgufSpecialTokens> ReadGgufSpecialTokens(const GgufMetadata& metadata, int64_t n_tokens) {
  GgufSpecialTokens special;
  const IntRange ids = {0, n_tokens - 1};
  if (metadata.Has(kBosId)) {
    ACCLLM_ASSIGN_OR_RETURN(special.bos_id, metadata.Int(kBosId, ids));
  }
  for (const char* key : kEosKeys) {
    if (!metadata.Has(key)) continue;
    ACCLLM_ASSIGN_OR_RETURN(const int64_t id, metadata.Int(key, ids));
    if (std::ranges::find(special.eos_ids, id) == special.eos_ids.end()) {
      special.eos_ids.push_back(id);
    }
  }
  return special;
}

Status AddGgufTokenizer(const CheckpointTokenizer& tokenizer, const GgufSpecialTokens& special,
                        int64_t n_tokens, GgufMetadataWriter* metadata) {
  bool adds_bos = false;
  if (tokenizer.bytes.empty()) {
    metadata->AddString(kModel, "none");
  } else if (tokenizer.is_json()) {
    ACCLLM_ASSIGN_OR_RETURN(adds_bos, AddBpe(tokenizer, n_tokens, metadata));
  } else {
    ACCLLM_ASSIGN_OR_RETURN(adds_bos, AddSentencePiece(tokenizer, n_tokens, metadata));
  }
  if (special.bos_id >= 0) metadata->AddUint32(kBosId, special.bos_id);
  for (size_t i = 0; i < special.eos_ids.size() && i < std::size(kEosKeys); ++i) {
    metadata->AddUint32(kEosKeys[i], special.eos_ids[i]);
  }
  metadata->AddBool(kAddBos, special.bos_id >= 0 && tokenizer.add_bos_token.value_or(adds_bos));
  metadata->AddBool(kAddEos, false);
  if (!tokenizer.chat_template.empty()) {
    metadata->AddString(kChatTemplate, tokenizer.chat_template);
  }
  return {};
}

}  // namespace accllm
