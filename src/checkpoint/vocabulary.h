// The contents of a tokenizer, between the formats that store one.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace accllm {

// The numbers are those of sentencepiece and of GGUF alike.
enum class TokenType : int32_t {
  kNormal = 1,
  kUnknown = 2,
  kControl = 3,
  kUserDefined = 4,
  kUnused = 5,
  kByte = 6,
};

struct VocabularyToken {
  std::string text;
  TokenType type = TokenType::kNormal;
  float score = 0;  // sentencepiece only: the higher, the earlier it is merged
};

// Pairs of pieces merge by score; spaces are U+2581, unknown characters fall back to bytes.
struct SentencePieceVocabulary {
  std::vector<VocabularyToken> tokens;  // by id
  bool add_space_prefix = true;
  bool remove_extra_whitespaces = false;
};

struct PreTokenizer;

// Byte-level BPE: bytes are spelled as letters, and the tokens and merges with them.
struct BpeVocabulary {
  std::vector<VocabularyToken> tokens;  // by id
  std::vector<std::string> merges;      // "left right", the most urgent first
  const PreTokenizer* pre = nullptr;    // of the table in pre_tokenizers.h
};

// An id that the model has and the tokenizer does not.
VocabularyToken PaddingToken(int64_t id);

}  // namespace accllm
