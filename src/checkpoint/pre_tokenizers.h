// How byte-level BPE tokenizers cut a text into words, by the names that GGUF files give.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace accllm {

struct PreTokenizer {
  std::string_view name;  // the value of tokenizer.ggml.pre
  // Regular expressions in the syntax of tokenizer.json. Each cuts the words that those before it
  // left, and what it does not match is a word too.
  std::span<const std::string_view> patterns;
  bool ignore_merges = false;  // a word that is a token is taken as it is
  bool normalizes_nfc = false;
  bool adds_bos = false;  // unless the file says otherwise
};

// What Hugging Face's byte-level pre-tokenizer does by itself.
extern const std::string_view kByteLevelPattern;

// Errors: kUnsupported for a name that is not in the table; `where` starts the message.
Result<const PreTokenizer*> FindPreTokenizer(std::string_view name, const std::string& where);

// The first entry that cuts and merges like this; one that normalises alike if there is any.
// nullptr if there is none.
const PreTokenizer* MatchPreTokenizer(std::span<const std::string> patterns, bool ignore_merges,
                                      bool normalizes_nfc);

}  // namespace accllm
