// A sentencepiece model as a TokenizerBackend.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "base/result.h"
#include "tokenizer/tokenizer_backend.h"

namespace accllm {

// Errors: those of ParseSentencePieceModel, kOutOfMemory.
Result<std::unique_ptr<const TokenizerBackend>> LoadSentencePiece(
    std::span<const uint8_t> model_bytes, const std::string& path);

}  // namespace accllm
