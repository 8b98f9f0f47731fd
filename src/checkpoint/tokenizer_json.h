// A byte-level BPE vocabulary from and to the text of a Hugging Face tokenizer.json.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "checkpoint/vocabulary.h"

namespace accllm {

// Control and user-defined tokens become added tokens. `path` is the file that errors name.
// Errors: kCorrupt if a token is not valid UTF-8.
Result<std::string> ToTokenizerJson(const BpeVocabulary& vocabulary, const std::string& path);

struct TokenizerJson {
  BpeVocabulary vocabulary;
  bool adds_bos = false;  // its post-processor puts a special token before every text
};

// Ids up to `n_tokens` that the file leaves out become padding. Errors: kNotFound and kCorrupt with
// the field; kUnsupported for tokenizers that a GGUF file cannot hold, above all for other ways to
// cut a text into words than those of pre_tokenizers.h.
Result<TokenizerJson> FromTokenizerJson(std::string_view json, const std::string& path,
                                        int64_t n_tokens);

}  // namespace accllm
