// The tokenizer of a checkpoint folder.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "tokenizer/tokenizer.h"

namespace accllm::cli {

struct FolderTokenizer {
  std::string path;   // the file, or where one would be
  std::string bytes;  // to store in a packed file; empty if there is none
  std::optional<Tokenizer> tokenizer;
  bool add_bos_token = true;  // of tokenizer_config.json, otherwise as the tokenizer says
};

// tokenizer.json, or tokenizer.model where the former is missing or of a kind that is not
// supported. Errors: those of reading.
Result<FolderTokenizer> OpenFolderTokenizer(const std::string& folder);

// Errors: those of Tokenizer::Load.
Result<Tokenizer> LoadTokenizer(std::string_view bytes, const std::string& path);

// A tokenizer.json or tokenizer.model. Errors: those of reading.
Result<std::string> ReadTokenizerFile(const std::string& path);

// The field add_bos_token of a JSON object; nothing if the text or the field is missing.
Result<std::optional<bool>> ReadAddBosToken(std::string_view json, const std::string& path);

}  // namespace accllm::cli
