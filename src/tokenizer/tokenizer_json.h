// Reading a tokenizer.json, the format of Hugging Face's tokenizers.
//
// Supported is what BPE models of the LLaMA and GPT-2 families use. Anything else is kUnsupported:
// an unknown step would silently give other ids.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_fields.h"
#include "base/result.h"
#include "tokenizer/added_tokens.h"
#include "tokenizer/bpe_decoder.h"
#include "tokenizer/bpe_model.h"
#include "tokenizer/text_normalizer.h"
#include "tokenizer/text_splitter.h"

namespace accllm {

struct TokenizerSpec {
  BpeSpec bpe;
  std::vector<std::string> pieces;  // by id; empty where an id does not exist
  std::vector<AddedToken> added_tokens;
  TextNormalizer normalizer;
  TextSplitter splitter;
  DecoderRules decoder;
  int32_t bos_id = -1;
  int32_t eos_id = -1;
  bool adds_bos = false;
};

// `path` is the file that errors name; they name the field too.
// Errors: kCorrupt, kUnsupported, kOutOfMemory.
Result<TokenizerSpec> ParseTokenizerJson(std::string_view text, const std::string& path);

// Parts of it; absent steps give empty ones.
Result<TextNormalizer> ParseNormalizer(const JsonObject& root);
struct PreTokenizerSpec {
  TextSplitter splitter;
  bool is_byte_level = false;
};
Result<PreTokenizerSpec> ParsePreTokenizer(const JsonObject& root);
// Fills the rules for `pieces`; `is_special` tells by id.
Result<DecoderRules> ParseDecoder(const JsonObject& root, const std::vector<std::string>& pieces,
                                  const std::vector<bool>& is_special);

}  // namespace accllm
