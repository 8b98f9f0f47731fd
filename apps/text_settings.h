// What comes with a tokenizer and is needed to chat: template, special tokens, ends of texts.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "checkpoint/checkpoint.h"

namespace accllm::cli {

struct TextSettings {
  std::string chat_template;           // source; empty: none
  std::string bos_token;               // as it is spelled; empty: the tokenizer's own
  std::string eos_token;               // as it is spelled; empty: the tokenizer's own
  std::vector<int64_t> eos_token_ids;  // of generation_config.json, beside the model's own

  // As it is stored in a packed file: "{}" if there is nothing to store.
  std::string ToJson() const;
  // Errors: kCorrupt, naming `path`.
  static Result<TextSettings> FromJson(std::string_view json, const std::string& path);

  // Of a checkpoint that has this template; of a folder also what tokenizer_config.json and
  // generation_config.json say, which may be missing. Errors: those of reading.
  static Result<TextSettings> Of(const Checkpoint& checkpoint, std::string chat_template);
};

}  // namespace accllm::cli
