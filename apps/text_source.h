// Texts as token ids.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "tokenizer/tokenizer.h"

namespace accllm::cli {

struct TokenizedText {
  std::vector<int32_t> tokens;
  std::string xxh3;  // of the file's bytes, in hexadecimal
};

// Reads and encodes a text file, whole or line by line (Tokenizer::EncodeLines).
// Errors: those of reading, kUnsupported (too large, or no newline token).
Result<TokenizedText> TokenizeFile(const Tokenizer& tokenizer, const std::string& path,
                                   bool by_lines);

// For each token the bytes of text that it completes, when `tokens` is decoded as one text; with
// `by_lines` each line is a text of its own.
std::vector<int32_t> TextBytesOf(const Tokenizer& tokenizer, std::span<const int32_t> tokens,
                                 bool by_lines);

}  // namespace accllm::cli
