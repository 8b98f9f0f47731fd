// Tokenizer and text settings as packed files and programs store them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "packed/packed_file.h"
#include "text_settings.h"
#include "tokenizer/tokenizer.h"

namespace accllm::cli {

struct StoredText {
  std::optional<Tokenizer> tokenizer;
  TextSettings settings;
  bool add_bos_token = true;
};

// `path` is for messages. Errors: those of reading, and kCorrupt if the tokenizer has more pieces
// than the model.
Result<StoredText> ReadStoredText(const PackedMetadata& metadata,
                                  std::span<const uint8_t> tokenizer, const std::string& path);

// Errors: kCorrupt if it has more pieces than the model.
Status CheckTokenizer(const Tokenizer& tokenizer, const ModelConfig& config,
                      const std::string& path);

}  // namespace accllm::cli
