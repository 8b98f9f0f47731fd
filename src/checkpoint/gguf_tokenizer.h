// The tokenizer inside a GGUF file, from and to the files that the rest of the program reads.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "checkpoint/checkpoint_tokenizer.h"
#include "checkpoint/gguf_metadata.h"
#include "checkpoint/gguf_writer.h"

namespace accllm {

// The tokenizer as a sentencepiece model ("llama") or a tokenizer.json ("gpt2"); no bytes if the
// file has none. `n_tokens` is the size of the model's vocabulary. Errors: kNotFound and kCorrupt
// with the key, kUnsupported for other kinds and for unknown pre-tokenizers.
Result<CheckpointTokenizer> ReadGgufTokenizer(const GgufMetadata& metadata, int64_t n_tokens);

struct GgufSpecialTokens {
  int64_t bos_id = -1;  // -1: none
  std::vector<int64_t> eos_ids;
};

// Errors: kCorrupt for ids outside of the vocabulary.
Result<GgufSpecialTokens> ReadGgufSpecialTokens(const GgufMetadata& metadata, int64_t n_tokens);

// Adds all tokenizer.* entries. Errors: those of the tokenizer's format, kUnsupported if GGUF has
// no counterpart to it.
Status AddGgufTokenizer(const CheckpointTokenizer& tokenizer, const GgufSpecialTokens& special,
                        int64_t n_tokens, GgufMetadataWriter* metadata);

}  // namespace accllm
