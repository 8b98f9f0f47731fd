// A vocabulary from and to the bytes of a sentencepiece tokenizer.model (a ModelProto).
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/result.h"
#include "checkpoint/vocabulary.h"

namespace accllm {

// A BPE model without normalisation, with byte fallback where the vocabulary has byte tokens.
std::string ToSentencePieceBytes(const SentencePieceVocabulary& vocabulary);

// `path` is the file that errors name. Errors: kCorrupt for damaged bytes, kUnsupported for models
// that a GGUF file cannot hold: other than BPE, with normalisation rules.
Result<SentencePieceVocabulary> FromSentencePieceBytes(std::span<const uint8_t> bytes,
                                                       const std::string& path);

}  // namespace accllm
