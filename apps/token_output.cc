#include "token_output.h"

#include "console.h"

namespace accllm::cli {

TokenOutput::TokenOutput(const Tokenizer* tokenizer, std::span<const int32_t> prompt,
                         bool is_silent)
    : is_silent_(is_silent) {
  if (tokenizer == nullptr) return;
  decoder_.emplace(*tokenizer);
  for (const int32_t token : prompt) decoder_->Push(token);
}

void TokenOutput::Push(int32_t token) {
  Emit(decoder_ ? decoder_->Push(token) : fmt::format("{}{}", text_.empty() ? "" : " ", token));
}

Status TokenOutput::Finish() {
  if (decoder_) Emit(decoder_->Flush());
  if (!is_silent_) Emit("\n");
  return status_;
}

void TokenOutput::Emit(const std::string& text) {
  text_ += text;
  if (!is_silent_ && !text.empty() && status_) status_ = PrintText(text);
}

std::string_view StoppedBy(size_t n_tokens, int64_t max_new_tokens, const TokenOutput& output) {
  if (static_cast<int64_t>(n_tokens) == max_new_tokens) return "length";
  return Interrupted() || !output.is_ok() ? "interrupt" : "eos";
}

}  // namespace accllm::cli
