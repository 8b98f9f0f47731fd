// What a verb that generates prints.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "tokenizer/tokenizer.h"

namespace accllm::cli {

// Streams text, or ids where there is no tokenizer, and keeps all of it.
class TokenOutput {
 public:
  // The tokenizer may be null.
  TokenOutput(const Tokenizer* tokenizer, std::span<const int32_t> prompt, bool is_silent);

  void Push(int32_t token);
  Status Finish();

  bool is_ok() const { return status_.has_value(); }
  bool has_text() const { return decoder_.has_value(); }
  const std::string& text() const { return text_; }

 private:
  void Emit(const std::string& text);

  bool is_silent_;
  std::optional<StreamingDecoder> decoder_;
  std::string text_;
  Status status_;
};

// Why a text of `n_tokens` ended: "length", "interrupt" or "eos".
std::string_view StoppedBy(size_t n_tokens, int64_t max_new_tokens, const TokenOutput& output);

}  // namespace accllm::cli
