// The tokenizer that comes with a checkpoint.
#pragma once

#include <optional>
#include <string>

namespace accllm {

struct CheckpointTokenizer {
  std::string bytes;  // of a sentencepiece model or a tokenizer.json; empty: there is none
  std::string name;   // of the file, for errors; also where it would be
  // A tokenizer.json that lies beside a sentencepiece model, and where; empty: there is none.
  std::string json;
  std::string json_name;
  // Whether a text starts with BOS; nothing if the checkpoint doesn't say.
  std::optional<bool> add_bos_token;
  std::string chat_template;  // empty: none

  // The two formats differ in their first byte.
  bool is_json() const { return bytes.starts_with('{'); }
};

}  // namespace accllm
