// A template as tokens, with the whitespace rules of trim_blocks and lstrip_blocks applied.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace accllm::chat {

enum class TokenKind {
  kData,        // text between the tags
  kPrintBegin,  // {{
  kPrintEnd,
  kBlockBegin,  // {%
  kBlockEnd,
  kName,
  kString,
  kInteger,
  kFloat,
  kOperator,
  kEnd,  // of the template
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::string text;   // of a string: without quotes and escapes
  size_t offset = 0;  // in the source
};

// Line ends become \n, and one at the very end is dropped, as jinja2 does before it reads anything.
std::string NormaliseSource(std::string_view source);

// `source` is normalised. Errors: kCorrupt, kUnsupported, with line and excerpt.
Result<std::vector<Token>> Tokenize(std::string_view source, const std::string& path);

}  // namespace accllm::chat
