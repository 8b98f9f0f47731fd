// The tokenizer of a checkpoint, ready to use.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "checkpoint/checkpoint.h"
#include "tokenizer/tokenizer.h"

namespace accllm::cli {

struct LoadedTokenizer {
  std::string path;   // the file, or where one would be
  std::string bytes;  // to store in a packed file; empty if there is none
  std::optional<Tokenizer> tokenizer;
  std::string chat_template;  // source; empty: none
  bool add_bos_token = true;  // what the checkpoint says, otherwise as the tokenizer has it
};

// tokenizer.json, or the sentencepiece model where the former is missing or of a kind that is not
// supported. Errors: those of reading.
Result<LoadedTokenizer> OpenTokenizer(const Checkpoint& checkpoint);

// Errors: those of Tokenizer::Load.
Result<Tokenizer> LoadTokenizer(std::string_view bytes, const std::string& path);

// A tokenizer.json or tokenizer.model. Errors: those of reading.
Result<std::string> ReadTokenizerFile(const std::string& path);

// The field add_bos_token of a JSON object; nothing if the text or the field is missing.
Result<std::optional<bool>> ReadAddBosToken(std::string_view json, const std::string& path);

}  // namespace accllm::cli
