// A tokenizer.json as a TokenizerBackend.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "tokenizer/tokenizer_backend.h"

namespace accllm {

// Errors: those of ParseTokenizerJson.
Result<std::unique_ptr<const TokenizerBackend>> LoadTokenizerJson(std::string_view text,
                                                                  const std::string& path);

}  // namespace accllm
