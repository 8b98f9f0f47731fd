// From tokens to the syntax tree.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tokenizer/chat_template/ast.h"
#include "tokenizer/chat_template/lexer.h"

namespace accllm::chat {

// Errors: kCorrupt for what is no template, kUnsupported for what is none of the subset; both with
// line and excerpt.
Result<Body> ParseTemplate(std::string_view source, const std::string& path);

}  // namespace accllm::chat
